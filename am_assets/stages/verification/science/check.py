"""Science: exact equality, letters and numbers with units by rule; the rest is the judge's."""

import unicodedata
from typing import Any

from am_assets.core.settings.verification import ScienceConfig
from am_assets.stages.answers.choices import chosen_letters, options_of, reference_letters
from am_assets.stages.answers.final_answer import final_answer, gold_answer, last_boxed
from am_assets.stages.verification.outcome import Outcome, Verifier
from am_assets.stages.verification.science.quantities import compare_texts

EXACT = Verifier("exact", "science-2")
CHOICE = Verifier("choice", "science-2")
NUMERIC = Verifier("numeric", "science-2")
JUDGE_NEEDED = Verifier("judge", "science-2")


def check_science(
    prompt: str, answer: str, reference: str | None, config: ScienceConfig
) -> Outcome | None:
    """What rules can say about an answer; None leaves it to the judge."""
    if not reference or not reference.strip():
        return JUDGE_NEEDED.unverifiable("no_reference")
    if _fold(answer) == _fold(reference):
        return EXACT.passed()
    letters, options = reference_letters(reference), options_of(prompt)
    if letters is not None and options:
        chosen = chosen_letters(answer, last_boxed(answer), options)
        if chosen is None:
            return None
        extracted = "".join(sorted(chosen))
        if chosen == letters:
            return CHOICE.passed(extracted=extracted)
        return CHOICE.failed("wrong_answer", extracted=extracted)
    found = final_answer(answer)
    if found is None:
        return None
    if _fold(found.text) == _fold(gold_answer(reference)):
        return EXACT.passed(extracted=found.text[:200])
    return _compare(reference, found.text, config)


def _compare(reference: str, answer: str, config: ScienceConfig) -> Outcome | None:
    expected = gold_answer(reference)
    verdict = compare_texts(expected, answer, config.relative_tolerance)
    if verdict is None or verdict == "open":
        return None
    evidence: dict[str, Any] = {"expected": expected[:200], "got": answer[:200]}
    if verdict == "same":
        return NUMERIC.passed(**evidence)
    return NUMERIC.failed("wrong_answer", **evidence)


def _fold(text: str) -> str:
    # An answer is compared with the one it should be: that may fold more than what tells problems
    # apart.
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split()).strip(" .。$")
