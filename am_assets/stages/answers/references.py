"""Whether reference answers of similar prompts differ, told cheaply and without any algebra.

An answer is read as a number with perhaps a unit, else as its folded text. Numbers are compared by
value ("12", "12.0", "\\boxed{12}", "#### 12" and "twelve" are one), and units only where both
answers name one: "12" may be "12 apples", "12 cm" is not "12 m". What is written otherwise counts
as different: then both prompts stay, which costs a repeated problem, not a lost one.
"""

import re
import unicodedata
from collections.abc import Iterable
from fractions import Fraction
from hashlib import blake2b

import numpy as np

from am_assets.stages.answers.final_answer import gold_answer
from am_assets.stages.answers.notation import plain, ungrouped
from am_assets.stages.answers.numerals import number_in_words
from am_assets.stages.text import CJK, match_key

UNKNOWN, SAME, DIFFERENT = 0, 1, 2
"""How two references compare; unknown where a row has none."""

_MAX_NUMBER = 200
_PLAIN = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_NAMED = re.compile(r"^\\?[A-Za-z]\w{0,3}\s*=\s*(?=[^=]*$)")
_FRACTION = re.compile(r"\\frac\s*\{(\d{1,30})\}\s*\{(\d{1,30})\}")
_NUMBER = re.compile(
    r"([-+]?)\s*[$€£¥]?\s*(\d{1,60}(?:\.\d{0,60})?|\.\d{1,60})(?:\s*/\s*(\d{1,30})(?![\d.]))?(.*)",
    re.DOTALL,
)
# One letter may be a variable; a CJK character is a word.
_UNIT = re.compile(rf"%|[$€£¥]|(?:[^\W\d_]{{2,}}|[{CJK}])(?: [^\W\d_]+)*")
_CAPITAL = re.compile(r"\\[A-Z][A-Za-z]*|(?<![^\W\d_])[A-Z](?![^\W\d_])")
_SYMBOL = re.compile(r"(?<![^\W\d_])[A-Z][a-z](?![^\W\d_])")
"""A unit of two letters, the first a capital: Mg is not mg."""
_STYLED = ("<sub>", "<font>", "<circle>")


def answer_codes(references: Iterable[str | None]) -> np.ndarray:
    """Codes of answers, int64 of shape (answers, 2): value and unit, each -1 where there is none.

    Codes are 63 bits of a hash, so that they need no table of what was seen.
    """
    codes = [_codes(reference) for reference in references]
    return np.array(codes, dtype=np.int64).reshape(-1, 2)


def compare_answers(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """UNKNOWN, SAME or DIFFERENT for each row of two equally long arrays of `answer_codes`."""
    known = (one[:, 0] >= 0) & (other[:, 0] >= 0)
    units = (one[:, 1] >= 0) & (other[:, 1] >= 0) & (one[:, 1] != other[:, 1])
    differ = (one[:, 0] != other[:, 0]) | units
    return np.where(known, np.where(differ, DIFFERENT, SAME), UNKNOWN).astype(np.int8)


def _codes(reference: str | None) -> tuple[int, int]:
    if reference is None or not reference.strip():
        return -1, -1
    if _PLAIN.fullmatch(reference):
        return _code(reference), -1
    value, unit = _read(gold_answer(reference))
    return _code(value), _code(unit) if unit else -1


def _read(text: str) -> tuple[str, str]:
    """Value and unit of an answer, the unit empty where it names none."""
    if len(text) > _MAX_NUMBER:
        return _key(text), ""
    written = _NAMED.sub("", ungrouped(plain(text)))
    word = number_in_words(written) if written.isalpha() else None
    if word is not None:
        return str(word), ""
    match = _NUMBER.fullmatch(_FRACTION.sub(r"\1/\2", written))
    if match is None or (match[3] and not int(match[3])):
        return _key(text), ""
    sign, digits, bottom, rest = match.groups()
    number = Fraction(digits) / int(bottom or 1)
    value = str(-number if sign == "-" else number)
    unit = match_key(rest.replace(r"^\circ", " degrees"))
    if _UNIT.fullmatch(unit):
        words = (word.rstrip("s") if len(word) > 3 else word for word in unit.split())
        return value, " ".join([*words, *_SYMBOL.findall(rest)])
    return f"{value} {unit}{_telling(rest)}".rstrip(), ""


def _key(text: str) -> str:
    return match_key(text) + _telling(text)


def _telling(text: str) -> str:
    """What folding takes away and formulas are told apart by: X and x, x₁₂ and x12, ℝ and R."""
    found = _CAPITAL.findall(text)
    if not text.isascii():
        found += [c for c in text if unicodedata.decomposition(c).startswith(_STYLED)]
    return " ".join(["", *found])


def _code(key: str) -> int:
    return int.from_bytes(blake2b(key.encode("utf-8", "replace"), digest_size=8).digest()) >> 1
