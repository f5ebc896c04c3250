"""Instruction following: rules decide whether each constraint is met."""

from collections.abc import Sequence

from am_assets.core.settings.verification import Verification
from am_assets.stages.verification.instruction.check import VERIFIER, check_instructions
from am_assets.stages.verification.kind import (
    Answered,
    Tools,
    VerificationKind,
    never,
    one_by_one,
    stands,
)
from am_assets.stages.verification.nesting import too_deep
from am_assets.stages.verification.outcome import Outcome


def _rules(batch: Sequence[Answered], config: Verification, tools: Tools) -> list[Outcome | None]:
    del tools

    def judged(one: Answered) -> Outcome:
        constraints = one.check.constraints
        if too_deep(constraints):
            return VERIFIER.unverifiable("malformed_constraint", detail="it is nested too deeply")
        return check_instructions(one.answer, constraints, config.instruction)

    return one_by_one(judged, batch)


INSTRUCTION = VerificationKind(
    section=lambda config: config.instruction,
    rules=_rules,
    made_with=(),
    together=32,
    language=None,
    asks_judge=never,
    asks_reward=False,
    left=stands,
    short_answers=False,
)
