"""The final answer of a response as one short text, so that equal answers can be counted."""

import re
import unicodedata

from am_assets.core.identity import digest
from am_assets.core.verdict import Kind
from am_assets.stages.answers.final_answer import final_answer
from am_assets.stages.verification.by_kind import KINDS
from am_assets.stages.verification.format import answer_of

_LAYOUT = re.compile(r"\\(?:left|right|displaystyle|[,;:! ])|[\s$]+")
_LONG = 80


def final_key(kind: Kind, response: str) -> str | None:
    """A response's final answer in one spelling, None where its kind or its text has none.

    Spelling is all that is folded: `1/2` and `0.5` are two answers here. What is long is cut, with
    a hash of the whole behind it.
    """
    if not KINDS[kind].short_answers:
        return None
    answer = answer_of(response, require_format=False)
    found = None if answer is None else final_answer(answer, words=True, last_number=True)
    if found is None:
        return None
    text = unicodedata.normalize("NFKC", _LAYOUT.sub("", found.text)).casefold()
    text = (
        text.replace("\\dfrac", "\\frac")
        .replace("\\tfrac", "\\frac")
        .rstrip(".。")
        .removeprefix("+")
    )
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    if re.fullmatch(r"[-+]?\d+\.\d*", text):
        text = text.rstrip("0").rstrip(".")
    return text if len(text) <= _LONG else f"{text[:_LONG]}#{digest(text)[:8]}"
