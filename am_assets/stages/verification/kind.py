"""What a kind of check is: how rules decide it, and what they leave to a model.

An entry stands in a file of its own in `kinds`, named like the kind, and says all of it; the table
of them is `by_kind.KINDS`. What entries say is followed by the versions of what judges their kind
alone (`remembered`), and by no other's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from am_assets.core.code.versions import Root
from am_assets.core.runner import Language
from am_assets.core.settings.section import Section
from am_assets.core.settings.verification import Verification
from am_assets.core.verdict import Check
from am_assets.stages.verification.code.controls import ControlledCode
from am_assets.stages.verification.format import VERIFIER as FORMAT
from am_assets.stages.verification.math.pool import MathPool
from am_assets.stages.verification.outcome import Outcome


@dataclass(frozen=True)
class Answered:
    """A check, and the part of its response that is judged."""

    check: Check
    answer: str


@dataclass(frozen=True)
class Tools:
    """What rules work with: processes for math, and the sandbox, None where there is none."""

    pool: MathPool
    code: ControlledCode | None


@dataclass(frozen=True)
class Grade:
    """The judge is to grade the answer, and passes it above `pass_score` (0-5).

    `evidence`, a rule's findings, is kept beside its score; `unasked` is the outcome where there
    is no judge.
    """

    pass_score: float
    evidence: dict[str, Any]
    unasked: Outcome


@dataclass(frozen=True)
class Rate:
    """The reward model is to rate the answer; `unasked` is the outcome where there is none."""

    unasked: Outcome


Rules = Callable[[Sequence[Answered], Verification, Tools], Sequence[Outcome | None]]
"""The outcome of each of several checks of one kind, None where only a model can decide."""


@dataclass(frozen=True, kw_only=True)
class VerificationKind:
    """All that is particular to one kind of check. A section that is missing ends the import."""

    section: Callable[[Verification], Section]
    """Its section of the settings, which is called like the kind."""
    rules: Rules | None
    """What decides without a model, after the rules on every response; None where nothing does."""
    made_with: tuple[Root, ...]
    """What outcomes of its rules follow from and calls do not lead to: classes of its tools."""
    together: int
    """How many checks are decided, and remembered, together: a program takes a hundred times as
    long as a comparison, and what a killed process loses is what it had not put."""
    language: Callable[[Check], Language | None] | None
    """The language of a check's program, if one is run; None for a kind without the sandbox."""
    asks_judge: Callable[[Verification], bool]
    """Whether its rules may hand an answer on to the judge."""
    asks_reward: bool
    """Whether the reward model decides."""
    left: Callable[[Outcome | None, Verification], Grade | Rate | None]
    """What a model has still to say after an outcome of its rules (None: they left the check open);
    None where the outcome stands."""
    short_answers: bool
    """Whether an answer ends in something so short that equal ones can be counted."""

    def __post_init__(self) -> None:
        self.section(Verification())


def never(config: Verification) -> bool:
    """`asks_judge` of kinds without a judge."""
    del config
    return False


def stands(outcome: Outcome | None, config: Verification) -> None:
    """`left` of kinds whose rules decide every check."""
    del outcome, config


def one_by_one(
    judge: Callable[[Answered], Outcome | None], batch: Sequence[Answered]
) -> list[Outcome | None]:
    """Outcomes of single checks; a row that breaks a rule of ours is pending, and holds up none."""
    outcomes: list[Outcome | None] = []
    for one in batch:
        try:
            outcomes.append(judge(one))
        except Exception as problem:
            outcomes.append(FORMAT.broken(problem))
    return outcomes
