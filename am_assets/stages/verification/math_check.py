"""Math: rules first; what they reject may get a judge's second opinion [DD 2.4.1]."""

import re
from typing import Any

from am_assets.stages.verification.choices import (
    chosen_letter,
    is_multiple_choice,
    reference_letter,
)
from am_assets.stages.verification.config import MathConfig
from am_assets.stages.verification.math_pool import MathPool, WorkerFailed
from am_assets.stages.verification.math_text import (
    final_answer,
    gold_answer,
    has_percent,
    last_boxed,
    unit_of,
    without_percent,
    without_unit,
    words_only,
)
from am_assets.stages.verification.outcome import Outcome, Verifier

VERIFIER = Verifier("math", "math-1")
_PERCENT_ASKED = re.compile(r"percent|\\?%|百分", re.IGNORECASE)
_DIGITS_ONLY = re.compile(r"[-+]?[\d.,]+")
_MAX_GOLD = 2000


def check_math(
    prompt: str, answer: str, reference: str | None, pool: MathPool, config: MathConfig
) -> Outcome:
    """The rules' outcome on one answer; never raises on hostile text."""
    if not reference or not reference.strip():
        return VERIFIER.unverifiable("no_reference")
    gold = gold_answer(reference)
    if not gold or len(gold) > _MAX_GOLD:
        return VERIFIER.unverifiable("unparseable_reference")
    letter = reference_letter(gold)
    if letter is not None and is_multiple_choice(prompt):
        return _choice(letter, answer)
    found = final_answer(answer)
    if found is None:
        return _reject(pool, gold, "no_answer", config)
    evidence: dict[str, Any] = {"extracted": found.text[:200], "found": found.found}
    gold_words = words_only(gold)
    if gold_words is not None:
        same_letter = len(gold_words) == 1 and found.text.strip().casefold() == gold_words
        if same_letter or words_only(found.text) == gold_words:
            return VERIFIER.passed(rule="words", **evidence)
        return VERIFIER.failed("wrong_answer", rule="words", **evidence)
    mismatch = _notation_mismatch(gold, found.text)
    try:
        result = pool.compare(_clean(gold), _clean(found.text), config.timeout_s)
        if result.get("equal") is False and _percent_is_understood(prompt, gold, found.text):
            bare_gold, bare = (_clean(without_percent(text)) for text in (gold, found.text))
            result = pool.compare(bare_gold, bare, config.timeout_s)
        if "failed" in result or "timeout" in result:
            return _undecided(pool, gold, "timeout" in result, config, evidence)
    except WorkerFailed as problem:
        return VERIFIER.error("math_worker_failed", detail=str(problem))
    if not result["gold"]:
        return VERIFIER.unverifiable("unparseable_reference")
    if result["equal"] and not mismatch:
        return VERIFIER.passed(rule="math-verify", **evidence)
    guard = mismatch if result["equal"] else result["guard"]
    return VERIFIER.failed("wrong_answer", rule="math-verify", guard=guard, **evidence)


def _choice(letter: str, answer: str) -> Outcome:
    chosen = chosen_letter(answer, last_boxed(answer))
    if chosen is None:
        return VERIFIER.failed("no_answer", rule="choice")
    if chosen == letter:
        return VERIFIER.passed(rule="choice", extracted=chosen)
    return VERIFIER.failed("wrong_answer", rule="choice", extracted=chosen)


def _reject(pool: MathPool, gold: str, reason: str, config: MathConfig) -> Outcome:
    """A response without an answer fails, unless its reference could not have been met."""
    if words_only(gold) is not None:
        return VERIFIER.failed(reason)
    try:
        result = pool.compare(_clean(gold), "0", config.timeout_s)
    except WorkerFailed as problem:
        return VERIFIER.error("math_worker_failed", detail=str(problem))
    if not result.get("gold"):
        return VERIFIER.unverifiable("unparseable_reference")
    return VERIFIER.failed(reason)


def _undecided(
    pool: MathPool, gold: str, timed_out: bool, config: MathConfig, evidence: dict[str, Any]
) -> Outcome:
    """A comparison that ended in an error or ran out of time: whose fault is it?"""
    alone = pool.compare(_clean(gold), _clean(gold), config.timeout_s)
    if "failed" in alone or "timeout" in alone or not alone["gold"]:
        return VERIFIER.unverifiable("unparseable_reference")
    # The rules could not confirm this answer; a judge may.
    return VERIFIER.failed("timeout" if timed_out else "unparseable_answer", **evidence)


def _percent_is_understood(prompt: str, gold: str, answer: str) -> bool:
    """Whether only one of two answers carries a percent sign and the question asks for one."""
    return has_percent(gold) != has_percent(answer) and bool(_PERCENT_ASKED.search(prompt))


def _notation_mismatch(gold: str, answer: str) -> str:
    """Units and brackets, which math-verify drops before it compares."""
    gold_unit, unit = unit_of(gold), unit_of(answer)
    if gold_unit and unit and gold_unit != unit:
        return "unit"
    # math-verify takes the point (1, 2) and the set {1, 2} for the same.
    if _is_braced(gold) != _is_braced(answer) and "(" in (_clean(gold)[:1], _clean(answer)[:1]):
        return "brackets"
    return ""


def _is_braced(text: str) -> bool:
    return _clean(text).startswith("\\{")


def _clean(text: str) -> str:
    """LaTeX that math-verify reads: no dollar signs, and exponents in braces."""
    text = without_unit(text).replace("\\$", "").replace("$", "").strip()
    if _DIGITS_ONLY.fullmatch(text):
        return text.rstrip(".,")
    text = re.sub(r"\*\*", "^", text)
    return re.sub(r"\^(-?\d+)", r"^{\1}", text)
