"""Math: rules decide; what they reject may get a judge's second opinion."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from am_assets.core.settings.verification import Verification
from am_assets.stages.verification.kind import Answered, Grade, Tools, VerificationKind
from am_assets.stages.verification.math.check import MathCheck, check_math_batch
from am_assets.stages.verification.math.pool import MathPool
from am_assets.stages.verification.models.judge import MAX_SCORE
from am_assets.stages.verification.outcome import Outcome

_WHOLE = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+)")


def _rules(batch: Sequence[Answered], config: Verification, tools: Tools) -> list[Outcome]:
    # Together: a message to a worker costs as much as a comparison.
    checks = [MathCheck(one.check.prompt, one.answer, one.check.reference_answer) for one in batch]
    return check_math_batch(checks, tools.pool, config.math)


def _second_opinion(config: Verification) -> bool:
    return config.math.judge_second_opinion


def _left(outcome: Outcome | None, config: Verification) -> Grade | None:
    """What the rules reject is the judge's too, if it is wanted and a reading is possible."""
    if outcome is None or outcome.status != "fail" or not _second_opinion(config):
        return None
    if _nothing_to_interpret(outcome.evidence):
        return None
    evidence = {"rule_verdict": "fail", "rule_reason": outcome.reason, **outcome.evidence}
    return Grade(config.math.pass_score * MAX_SCORE, evidence, unasked=outcome)


def _nothing_to_interpret(evidence: Mapping[str, Any]) -> bool:
    """Whether the rules rejected another letter, or another whole number that was boxed or stated.

    A weak judge lets those pass, and no judge knows better.
    """
    if "extracted" not in evidence:
        return False
    pair = (evidence["extracted"], evidence.get("gold", ""))
    named = evidence.get("found") in ("boxed", "stated")
    return evidence.get("rule") == "choice" or (
        named and all(_WHOLE.fullmatch(text) is not None for text in pair)
    )


MATH = VerificationKind(
    section=lambda config: config.math,
    rules=_rules,
    made_with=(MathPool,),
    together=32,
    language=None,
    asks_judge=_second_opinion,
    asks_reward=False,
    left=_left,
    short_answers=True,
)
