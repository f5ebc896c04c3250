"""Text as compared by cleaning, dedup and decontamination: tokens, scripts, n-grams.

Two texts with the same tokens differ only in Unicode form, case, spacing, LaTeX spacing and prose
punctuation. Signs that carry mathematical meaning (decimal points, operators) are kept: "2+3" and
"2-3" are different problems.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
"""Character class of scripts written without spaces between words (Hangul included)."""

_CJK = re.compile(f"[{CJK}]")
_FIRST_CJK = CJK[0]
_SUPERSCRIPTS = str.maketrans({c: f"^{i}" for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")})
_SIGNS = str.maketrans({"−": "-", "–": "-", "—": " ", "×": "*", "·": "*", "÷": "/"})
_LATEX_SPACING = re.compile(
    r"\\(?:[,;:!> ]|quad\b|qquad\b|left\b|right\b|displaystyle\b|cdots?\b|text\b|mathrm\b)|[$~]"
)
_THOUSANDS = re.compile(r"(?<=\d)\{?,\}?(?=\d{3}(?!\d))")
_TOKEN = re.compile(
    rf"[{CJK}]|\d+(?:\.\d+)?|[^\W\d_{CJK}]+|(?<=[\d)}}\]])[!%]|[+\-*/^=<>|]|[^\w\s!%]|_", re.UNICODE
)
_OPERATORS = frozenset("+-*/^=<>|!%")


def tokens(text: str) -> list[str]:
    """Words, numbers, single CJK characters and mathematical signs of `text`, folded."""
    folded = unicodedata.normalize("NFKC", text.translate(_SUPERSCRIPTS)).translate(_SIGNS)
    folded = _LATEX_SPACING.sub(" ", folded.casefold())
    found = _TOKEN.findall(_THOUSANDS.sub("", folded))
    # Brackets go first, so that folding the result again finds the same neighbors of a hyphen.
    return list(_without_prose_signs([token for token in found if _carries_meaning(token)]))


def match_key(text: str) -> str:
    """The folded text: equal for texts that say the same in the same words and signs."""
    return " ".join(tokens(text))


def word_ngrams(items: Sequence[str], size: int) -> Iterator[str]:
    """Runs of `size` words or numbers outside CJK text, each with the signs before it.

    A sign counts as part of the word it precedes, so that formulas do not make short n-grams. At
    least half of a run are words: a list "1, 2, 3, …" stands in thousands of unrelated problems.
    """
    run: list[str] = []
    words = 0  # Among the last `size` units of the run.
    for unit in _units(items):
        if _is_cjk(unit[-1]):
            run.clear()
            words = 0
            continue
        run.append(unit)
        words += unit[-1].isalpha()
        if len(run) >= size:
            if 2 * words >= size:
                yield " ".join(run[-size:])
            words -= run[-size][-1].isalpha()


def character_ngrams(items: Sequence[str], size: int) -> Iterator[str]:
    """Runs of `size` units of which at least half are CJK characters (a number is one unit)."""
    if not any(map(_is_cjk, items)):
        return
    units = list(_units(items))
    marks = [_is_cjk(unit[-1]) for unit in units]
    inside = sum(marks[:size])
    for start in range(len(units) - size + 1):
        if 2 * inside >= size:
            yield " ".join(units[start : start + size])
        if start + size < len(units):
            inside += marks[start + size] - marks[start]


def visible_length(text: str) -> int:
    """Characters without white space, a CJK character counting twice: it says as much."""
    return sum(2 if _is_cjk(c) else 1 for c in text if not c.isspace())


def _is_cjk(text: str) -> bool:
    # Most characters come before all of theirs.
    return text >= _FIRST_CJK and _CJK.match(text) is not None


def _units(items: Sequence[str]) -> Iterator[str]:
    signs = ""
    for item in items:
        if item[-1].isalnum():
            yield signs + item
            signs = ""
        else:
            signs += item


def _without_prose_signs(found: Sequence[str]) -> Iterator[str]:
    """Drop hyphens and slashes between words ("well-known"), which are no operators."""
    for index, token in enumerate(found):
        if token in "-/" and 0 < index < len(found) - 1:
            before, after = found[index - 1], found[index + 1]
            if len(before) > 1 and len(after) > 1 and before.isalpha() and after.isalpha():
                continue
            if token == "-" and before.isdigit() and len(after) > 1 and after.isalpha():
                continue
        yield token


def _carries_meaning(token: str) -> bool:
    if token[0].isalnum() or token in _OPERATORS:
        return True
    # Symbols (∑, √, €, emoji) tell texts apart; quotes, brackets, dots and backslashes do not.
    return unicodedata.category(token[0])[0] == "S" and token not in "`"
