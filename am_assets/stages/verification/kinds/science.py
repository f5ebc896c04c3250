"""Science: rules where they can say something, the judge where they cannot."""

from collections.abc import Sequence

from am_assets.core.settings.verification import Verification
from am_assets.stages.verification.kind import (
    Answered,
    Grade,
    Tools,
    VerificationKind,
    one_by_one,
)
from am_assets.stages.verification.outcome import Outcome
from am_assets.stages.verification.science.check import JUDGE_NEEDED, check_science


def _rules(batch: Sequence[Answered], config: Verification, tools: Tools) -> list[Outcome | None]:
    del tools

    def judged(one: Answered) -> Outcome | None:
        check = one.check
        return check_science(check.prompt, one.answer, check.reference_answer, config.science)

    return one_by_one(judged, batch)


def _always(config: Verification) -> bool:
    del config
    return True


def _left(outcome: Outcome | None, config: Verification) -> Grade | None:
    if outcome is not None:
        return None
    return Grade(config.science.pass_score, {}, unasked=JUDGE_NEEDED.error("judge_missing"))


SCIENCE = VerificationKind(
    section=lambda config: config.science,
    rules=_rules,
    made_with=(),
    together=32,
    language=None,
    asks_judge=_always,
    asks_reward=False,
    left=_left,
    short_answers=True,
)
