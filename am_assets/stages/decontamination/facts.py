"""What of a problem survives translation and rewording: its numbers, formulas and names in code.

A translated word problem keeps all of its numbers, mostly in order, and a translated formula every
sign. These facts are compared in order and weighed by how rare they are in the benchmark, so that
"2, 3" says little and "16, 3, 4, 2" much. They tell problems of one template apart as well.
"""

import re
from collections.abc import Iterator, Sequence

from am_assets.stages.text import CJK

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBER_WORDS = {word: str(value) for value, word in enumerate(_ONES.split(" "))} | {
    word: str(10 * value) for value, word in enumerate(_TENS.split(" "), 2)
}
_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_NUMERALS = frozenset(_DIGITS) | frozenset(_UNITS)
_CJK = re.compile(f"[{CJK}]")
_TRIVIAL = frozenset({"0", "1"})
_SIGNS = frozenset("+*/^=<>|!%-")


def facts(found: Sequence[str]) -> list[str]:
    """The facts of a text in order, of its tokens (`stages.text.tokens`): numbers, formulas.

    Numbers written in English or Chinese count; 0 and 1, which are words as often ("one of"), do
    not, nor does a number that counts on from the one before it. Single Latin letters and signs
    are what formulas are made of.
    """
    result: list[str] = []
    run = ""
    for token in found:
        if token in _NUMERALS:
            run += token
            continue
        if run:
            result += _chinese(run)
            run = ""
        if token[0].isdigit():
            result.append(_plain(token))
        elif token in _NUMBER_WORDS:
            result.append(_NUMBER_WORDS[token])
        elif token in _SIGNS or (len(token) == 1 and token.isascii() and token not in "ai"):
            result.append(token)
    if run:
        result += _chinese(run)
    return list(_without_counting([fact for fact in result if fact not in _TRIVIAL]))


def numbers(listed: Sequence[str]) -> list[str]:
    """The numbers among facts."""
    return [fact for fact in listed if fact[0].isdigit()]


def is_foreign(found: Sequence[str]) -> bool:
    """Whether most letters of a text are of other scripts than Latin."""
    latin = sum(len(token) for token in found if token[0].isalpha() and token.isascii())
    other = sum(len(token) for token in found if token[0].isalpha() and not token.isascii())
    # A Latin letter is a fraction of a word, a Chinese character most of one.
    return 3 * other > latin


def _without_counting(listed: Sequence[str]) -> Iterator[str]:
    before = None
    for fact in listed:
        value = int(fact) if fact.isdigit() and len(fact) < 10 else None
        if value is None or before is None or value != before + 1:
            yield fact
        if fact[0].isdigit():
            before = value


def _plain(token: str) -> str:
    whole, _, rest = token.partition(".")
    rest = rest.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{rest}" if rest else whole


def _chinese(run: str) -> list[str]:
    """The number that a run of Chinese numerals writes; none for a lone 一, which is a word."""
    if not any(c in _UNITS for c in run):
        value = "".join(str(_DIGITS[c]) for c in run)
        return [] if run == "一" else [value.lstrip("0") or "0"]
    total = part = digit = 0
    for c in run:
        if c in _DIGITS:
            digit = _DIGITS[c]
        elif _UNITS[c] >= 10_000:
            total = (total + part + digit or 1) * _UNITS[c]
            part = digit = 0
        else:
            part += (digit or 1) * _UNITS[c]
            digit = 0
    return [str(total + part + digit)]
