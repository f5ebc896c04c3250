"""Instruction following: strict and loose, by constraint and by prompt [arXiv 2311.07911].

The score is the share of the constraints that are followed read strictly; only it decides.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from am_assets.core.settings.verification import InstructionConfig
from am_assets.stages.verification.instruction.ifeval import (
    CONSTRAINTS,
    MalformedConstraint,
    Undecided,
    check_constraint,
    loose_readings,
)
from am_assets.stages.verification.outcome import Outcome, Verifier

VERIFIER = Verifier("ifeval", "ifeval-2")


def check_instructions(answer: str, constraints: Any, config: InstructionConfig) -> Outcome:
    """Check an answer against `[{"instruction_id", "kwargs"}, …]`.

    Evidence: `constraints`, each with its `instruction_id`, `strict` and `loose`; `prompt_strict`
    and `prompt_loose` (all are followed); `instruction_strict` and `instruction_loose` (the
    shares). A constraint that is unknown, malformed or undecidable makes the whole check
    unverifiable: a mean over the rest would be a score of something else.
    """
    if not constraints:
        return VERIFIER.unverifiable("no_constraints")
    if not isinstance(constraints, list):
        return VERIFIER.unverifiable("malformed_constraint", detail="constraints are no list")
    readings = loose_readings(answer)
    checked: list[dict[str, Any]] = []
    for constraint in constraints:
        name = constraint.get("instruction_id") if isinstance(constraint, dict) else None
        if not isinstance(name, str) or name not in CONSTRAINTS:
            return VERIFIER.unverifiable("unknown_constraint", instruction_id=str(name)[:80])
        try:
            arguments = _arguments(constraint)
            strict = check_constraint(name, answer, arguments)
            loose = strict or any(_loosely(name, text, arguments) for text in readings[1:])
        except MalformedConstraint as problem:
            return VERIFIER.unverifiable("malformed_constraint", detail=str(problem)[:200])
        except Undecided as problem:
            return VERIFIER.unverifiable(
                "undecided_constraint", instruction_id=name, detail=str(problem)[:200]
            )
        checked.append({"instruction_id": name, "strict": strict, "loose": loose})
    shares = {
        reading: sum(one[reading] for one in checked) / len(checked)
        for reading in ("strict", "loose")
    }
    evidence: dict[str, Any] = {"constraints": checked}
    evidence |= {f"prompt_{reading}": share == 1 for reading, share in shares.items()}
    evidence |= {f"instruction_{reading}": round(share, 6) for reading, share in shares.items()}
    if shares["strict"] > config.pass_score:
        return VERIFIER.passed(shares["strict"], **evidence)
    return VERIFIER.failed("constraints_broken", shares["strict"], **evidence)


class Accuracy:
    """Accuracies over many responses, as the paper reports them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, evidence: Mapping[str, Any]) -> None:
        """Take the evidence of one response that was judged; what is none is passed over."""
        constraints = evidence.get("constraints")
        if constraints is None:
            return
        self._counts["prompts"] += 1
        self._counts["instructions"] += len(constraints)
        for reading in ("strict", "loose"):
            self._counts[f"prompt_{reading}"] += evidence[f"prompt_{reading}"]
            self._counts[f"instruction_{reading}"] += sum(one[reading] for one in constraints)

    def as_dict(self) -> dict[str, float]:
        """Responses, constraints and the four accuracies (0..1); empty before the first."""
        counts = self._counts
        if not counts["prompts"]:
            return {}
        found: dict[str, float] = {name: counts[name] for name in ("prompts", "instructions")}
        for level in ("prompt", "instruction"):
            for reading in ("strict", "loose"):
                share = counts[f"{level}_{reading}"] / counts[f"{level}s"]
                found[f"{level}_{reading}"] = round(share, 6)
        return found


def _loosely(name: str, text: str, arguments: dict[str, Any]) -> bool:
    try:
        return check_constraint(name, text, arguments)
    except Undecided:
        return False


def _arguments(constraint: dict[str, Any]) -> dict[str, Any]:
    arguments = constraint.get("kwargs") or {}
    if not isinstance(arguments, dict):
        raise MalformedConstraint(f"{constraint['instruction_id']} needs 'kwargs', an object")
    # Tables of constraints fill the columns a constraint does not use with nulls.
    return {key: value for key, value in arguments.items() if value is not None}
