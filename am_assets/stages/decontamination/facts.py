"""What of a problem survives translation and rewording: its numbers and formulas.

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
_WORDS = frozenset("aist")
"""Letters that are words, or what an apostrophe leaves of one."""


def facts(found: Sequence[str]) -> list[str]:
    """The facts of a text in order, of its tokens (`stages.text.tokens`): numbers, formulas.

    Numbers written in English or Chinese count; 0 and 1, which are words as often ("one of"), do
    not, nor does a number that counts on from the one before it. Single Latin letters and signs
    are what formulas are made of.
    """
    result: list[str] = []
    for token in _read_chinese(found):
        if token[0].isdigit():
            result.append(_plain(token))
        elif token in _NUMBER_WORDS:
            result.append(_NUMBER_WORDS[token])
        elif token in _SIGNS or (len(token) == 1 and token.isascii() and token not in _WORDS):
            result.append(token)
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


def _read_chinese(found: Sequence[str]) -> Iterator[str]:
    """The tokens with figures for Chinese numerals.

    Ordinals go (第二, "second"), and denominators (三分之二, "two thirds"), as they do in English;
    百分之 is a percent sign behind its number.
    """
    place, percent = 0, False
    while place < len(found):
        end = place
        while end < len(found) and found[end] in _NUMERALS:
            end += 1
        if end == place:
            yield found[place]
            place += 1
            if percent and found[place - 1][0].isdigit():
                yield "%"
                percent = False
            continue
        run = "".join(found[place:end])
        denominator = tuple(found[end : end + 2]) == ("分", "之")
        if denominator:
            percent = run == "百"
            end += 2
        elif not place or found[place - 1] != "第":
            # A lone 一 is a word.
            if run != "一":
                yield _chinese(run)
            if percent:
                yield "%"
            percent = False
        place = end


def _chinese(run: str) -> str:
    """The number that a run of Chinese numerals writes."""
    if not any(c in _UNITS for c in run):
        return "".join(str(_DIGITS[c]) for c in run).lstrip("0") or "0"
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
    return str(total + part + digit)
