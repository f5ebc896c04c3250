"""Leaves of answers: one expression, with its currency, percent sign, unit or noun taken off."""

import re
from fractions import Fraction

from am_assets.stages.answers.notation import FUNCTION_WORDS, words_of
from am_assets.stages.answers.numerals import number_in_words
from am_assets.stages.answers.units import Unit, read_unit
from am_assets.stages.verification.math import exact
from am_assets.stages.verification.math.expression import read
from am_assets.stages.verification.math.forms import Context, Leaf, Malformed

_CURRENCIES = {"$": "$", "€": "€", "£": "£", "¥": "元", "Rs": "Rs", "USD": "$", "RMB": "元"}
_CURRENCY = re.compile(r"^([-+]?)\s*(?:US)?(\$|€|£|¥|USD|RMB|Rs\.?)\s*(?=[-+]?[\d.\\(])")
_PERCENT = re.compile(
    r"\s*(?:%|\\text\s*\{\s*%\s*\}|(?:\\text\s*\{\s*)?per\s?cent(?:age)?s?\s*\}?)\s*$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(
    r"^(-?\d+)\s*(?:\^?\s*\{?\s*(?:\\text\s*\{\s*)?(?:st|nd|rd|th)\s*\}?\s*\}?)(?![A-Za-z])(.*)$",
    re.DOTALL,
)
_TEXT_TAIL = re.compile(r"^(?P<value>.*?[^\s^_])\s*(?P<unit>\\text\s*\{[^{}]*\}.*)$", re.DOTALL)
_WORD_TAIL = re.compile(
    r"^(?P<value>.*?(?:[\d)}!]|\\pi))(?P<gap>\s*-?)"
    r"(?P<unit>[A-Za-zÅμ\u4e00-\u9fff¢][A-Za-zμ\u4e00-\u9fff/ .'()·-]*(?:\s*\^\s*\{?-?\d\}?)?)$",
    re.DOTALL,
)
_DEGREE_TAIL = re.compile(r"^(?P<value>.+?)\s*(?P<unit>\^\\circ\s*(?:\\text\s*\{?\s*)?[CFK]?\}?)$")
_MICRO_TAIL = re.compile(
    r"^(?P<value>[-+\d.\s]+?(?:\\times\s*10\^\{?-?\d+\}?)?)\s*(?P<unit>\\(?:mu|Omega)\b.*)$"
)
_NOUN = re.compile(r"[A-Za-z\u4e00-\u9fff][A-Za-z\u4e00-\u9fff' .()/-]*")
_MIXED = re.compile(r"^([-+]?)\s*(\d+)(?:\s+|\s*-\s*(?=\d+/))(\d+)\s*/\s*(\d+)$")
_REPEATING = re.compile(
    r"^([-+]?\d*)\.(\d*)(?:\\(?:overline|bar|dot)\s*\{\s*(\d+)\s*\}|\((\d+)\)|"
    r"\\(?:overline|bar|dot)\s*(\d))$"
)
_LETTERS = re.compile(r"[A-Za-z$%€£¥°\u4e00-\u9fff]")
_UNIT_MARKS = re.compile(r"\\(?:text|circ|mu|Omega)(?![a-z])")


def leaf_of(text: str, context: Context) -> Leaf:
    """One expression with its currency, percent sign, unit or noun taken off."""
    text = text.strip()
    if not text:
        raise Malformed
    plain_value = _value(text, quick=True)
    if plain_value is not None:
        return plain_value
    unit: Unit | None = None
    currency = _CURRENCY.match(text)
    if currency:
        unit = read_unit(_CURRENCIES[currency[2].rstrip(".")])
        text = currency[1] + text[currency.end() :]
    percent = _PERCENT.search(text)
    if percent:
        text = text[: percent.start()].strip()
    elif text.startswith("百分之"):
        percent, text = True, text[3:]
    noun = ""
    ordinal = _ORDINAL.match(text)
    if ordinal:
        text, noun = ordinal[1], words_of(ordinal[2])
    elif not percent:
        text, found, noun = _measured(text, context)
        unit = unit or found
    leaf = _value(text)
    if leaf is None:
        raise Malformed
    return Leaf(leaf.text, leaf.value, bool(percent), unit, fold_words(noun), decimal=leaf.decimal)


def _measured(text: str, context: Context) -> tuple[str, Unit | None, str]:
    """A text without its unit, the unit, and the noun where it is none."""
    for pattern in (_DEGREE_TAIL, _TEXT_TAIL, _MICRO_TAIL, _WORD_TAIL):
        match = pattern.match(text)
        if match is None:
            continue
        value, tail = match["value"].strip(), match["unit"].strip()
        if not re.search(r"\d|\\pi|\\frac|\\sqrt", value) and pattern is not _TEXT_TAIL:
            continue
        unit = read_unit(tail)
        if pattern is _WORD_TAIL:
            letters = re.sub(r"[^A-Za-z]", "", tail)
            lone = len(letters) == 1 and tail.isascii()
            if lone and (letters in context.letters or letters not in "mgsLlNJWKVAhC"):
                continue
            if unit is None and not _is_noun(match["gap"], tail):
                continue
        if unit is not None:
            return value, unit, ""
        noun = words_of(tail)
        if _NOUN.fullmatch(noun):
            return value, None, noun
    return text, None, ""


def _is_noun(gap: str, tail: str) -> bool:
    if not tail.isascii():
        return not re.search("或|和|不", tail)
    words = re.findall(r"[A-Za-z]+", tail)
    return (
        bool(gap)
        and any(len(word) >= 3 for word in words)
        and not any(FUNCTION_WORDS.fullmatch(word) for word in words)
        and not {"or", "and", "not", "if", "when", "no"} & {word.casefold() for word in words}
        and not any(number_in_words(word) is not None for word in words)
    )


def _value(text: str, quick: bool = False) -> Leaf | None:
    """The leaf of a text without unit; with `quick` only where no unit can be meant."""
    if quick and (_UNIT_MARKS.search(text) or not _quickly(text)):
        return None
    try:
        mixed = _MIXED.match(text)
        if mixed and int(mixed[4]):
            number = int(mixed[2]) + Fraction(int(mixed[3]), int(mixed[4]))
            return Leaf(text, exact.of(-number if mixed[1] == "-" else number))
        repeating = _REPEATING.match(text)
        if repeating:
            return Leaf(text, exact.of(_repeating(repeating)))
        value = read(text)
    except (exact.Undecided, ValueError, ZeroDivisionError):
        return None if quick else Leaf(text)
    decimal = text if re.fullmatch(r"[-+]?\d*\.\d+", text) else ""
    return Leaf(text, value, decimal=decimal)


def _quickly(text: str) -> bool:
    """Whether no letter of a text can be a unit: it has none, or one that is no unit's symbol."""
    if not _LETTERS.search(re.sub(r"\\[A-Za-z]+", "", text)):
        return True
    return bool(re.fullmatch(r"[-+]?\d*[a-z]", text)) and text[-1] not in "mgslh"


def _repeating(match: re.Match[str]) -> Fraction:
    whole, digits = match[1], match[2]
    period = match[3] or match[4] or match[5]
    sign = -1 if whole.startswith("-") else 1
    number = Fraction(int(whole.lstrip("+-") or 0))
    number += Fraction(int(digits or 0), 10 ** len(digits))
    number += Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(digits))
    return sign * number


def is_numeric(leaf: Leaf) -> bool:
    """Whether a leaf is a number."""
    return leaf.value is not None and not any(
        name[0] not in "√" and name not in ("\\pi", "e", "i") for name in leaf.value.symbols
    )


def fold_words(text: str) -> str:
    """Words without case, articles and punctuation."""
    plain = " ".join(re.sub(r"[^\w\s,'-]", " ", text).casefold().split()).strip(" ,'-")
    return re.sub(r"^(?:an?|the) (?=\w{2})", "", plain)
