"""Comparing what is no algebra: words, times, nouns, decimals that stand for other numbers."""

import re
from fractions import Fraction

from am_assets.stages.answers.numerals import number_in_words
from am_assets.stages.verification.math import exact
from am_assets.stages.verification.math.forms import Clock, Form, Leaf, Words
from am_assets.stages.verification.math.leaf import fold_words

# Fewer digits than this are a rounding and not the number.
_DIGITS = 6


def words_difference(gold: Words, answer: Form) -> str:
    """How an answer differs from words."""
    if isinstance(answer, Words):
        text = answer.text
    elif isinstance(answer, Leaf):
        number = number_in_words(gold.text)
        if number is not None and answer.value is not None:
            return "" if answer.value.constant == number else "value"
        text = fold_words(answer.text)
    else:
        return "kind"
    if text == gold.text:
        return ""
    # "Yes, because …"
    first = re.match(r"(yes|no|true|false|是|否|对|错|正确|错误)\b(?!\s*or\b)", text)
    return "" if first and first[1] == gold.text else "words"


def clock_difference(gold: Clock, answer: Form) -> str:
    """How an answer differs from a time of day."""
    if not isinstance(answer, Clock):
        return "kind"

    def minutes(clock: Clock) -> int:
        return (clock.hour * 60 + clock.minute) * 60 + clock.second

    one, other = minutes(gold), minutes(answer)
    if gold.half and answer.half:
        return "" if one == other and gold.half == answer.half else "value"
    day = 12 * 3600
    # 15:30 is 3:30 p.m.
    for clock, mine, theirs in ((gold, one, other), (answer, other, one)):
        if clock.half == "p" and clock.hour < 12 and theirs == mine + day:
            return ""
    return "" if one == other else "value"


def same_noun(one: str, other: str) -> bool:
    """Whether two phrases name the same things."""
    if not one.isascii() or not other.isascii():
        return bool(set(one) & set(other))
    first, second = ({re.sub("e?s$", "", word) for word in noun.split()} for noun in (one, other))
    return bool(first & second)


def is_expansion(gold: Leaf, answer: Leaf) -> bool:
    """Whether one of two is the other's decimal expansion, to six digits or more."""
    decimal, other = (gold, answer) if gold.decimal else (answer, gold)
    if not decimal.decimal or other.decimal or other.value is None or decimal.value is None:
        return False
    digits = decimal.decimal.lstrip("+-0.").replace(".", "")
    places = len(decimal.decimal.partition(".")[2])
    if len(digits) < _DIGITS or places > 60:
        return False
    constant = other.value.constant
    if constant is not None:
        # A decimal fraction is exact.
        rest = constant.denominator
        for prime in (2, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return False
        value = constant
    else:
        found = exact.approximate(other.value, places + 5)
        if found is None:
            return False
        value = found
    written = decimal.value.constant
    scaled = value * 10**places
    cut = int(scaled)
    nearest = int(scaled + (Fraction(1, 2) if scaled >= 0 else Fraction(-1, 2)))
    return written is not None and written * 10**places in (cut, nearest)


def is_point_names(text: str) -> bool:
    """Whether capitals name points, whose order matters: AB, ABC."""
    return bool(re.fullmatch(r"[A-Z]{2,}", text.strip()))
