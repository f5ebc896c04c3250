"""Instruction following: score = mean over the constraints, read strictly."""

from typing import Any

from am_assets.stages.verification.config import InstructionConfig
from am_assets.stages.verification.ifeval import (
    CONSTRAINTS,
    MalformedConstraint,
    Undecided,
    check_constraint,
)
from am_assets.stages.verification.outcome import Outcome, Verifier

VERIFIER = Verifier("ifeval", "ifeval-1")


def check_instructions(
    answer: str,
    constraints: list[dict[str, Any]] | None,
    config: InstructionConfig,
) -> Outcome:
    """Check an answer against `[{"instruction_id", "kwargs"}, …]`.

    A constraint that is unknown, malformed or undecidable makes the whole check unverifiable: a
    mean over the rest would be a score of something else.
    """
    if not constraints:
        return VERIFIER.unverifiable("no_constraints")
    followed: dict[str, bool] = {}
    for index, constraint in enumerate(constraints):
        name, arguments = _parts(constraint)
        if name not in CONSTRAINTS:
            return VERIFIER.unverifiable("unknown_constraint", instruction_id=str(name)[:80])
        try:
            followed[f"{index}:{name}"] = check_constraint(name, answer, arguments)
        except MalformedConstraint as problem:
            return VERIFIER.unverifiable("malformed_constraint", detail=str(problem))
        except Undecided as problem:
            return VERIFIER.unverifiable(
                "undecided_constraint", instruction_id=name, detail=str(problem)
            )
    score = sum(followed.values()) / len(followed)
    if score > config.pass_score:
        return VERIFIER.passed(score, followed=followed)
    return VERIFIER.failed("constraints_broken", score, followed=followed)


def _parts(constraint: Any) -> tuple[Any, dict[str, Any]]:
    if not isinstance(constraint, dict):
        return None, {}
    arguments = constraint.get("kwargs") or {}
    if not isinstance(arguments, dict):
        return constraint.get("instruction_id"), {}
    # Tables of constraints fill the columns a constraint does not use with nulls.
    return constraint.get("instruction_id"), {k: v for k, v in arguments.items() if v is not None}
