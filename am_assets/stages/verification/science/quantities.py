"""Measured quantities: numbers with units, compared within a tolerance."""

import re
from fractions import Fraction
from typing import Literal, NamedTuple

from am_assets.stages.answers.notation import plain
from am_assets.stages.answers.units import Unit, ratio, read_unit
from am_assets.stages.verification.math import exact
from am_assets.stages.verification.math.expression import read

_ABOUT = re.compile(
    r"^(?:\\approx|\\sim|~|≈|about|approximately|roughly|around|ca\.?|约为?|大约|近似为?)\s*",
    re.IGNORECASE,
)
_NAMED = re.compile(r"^.{0,60}?(?:=|\\approx)\s*(?=[^=]*$)", re.DOTALL)
_NUMBER = re.compile(
    r"^(?P<sign>[-+]?)\s*(?:10\s*\^\s*\{?\s*(?P<lone>[-+]?\d{1,3})\s*\}?"
    r"|(?P<mantissa>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?:[eE](?P<e>[-+]?\d{1,3})(?!\d))?"
    r"(?:\s*(?:\\times|\\cdot|\*|x|X)?\s*10\s*\^\s*\{?\s*\(?(?P<power>[-+]?\s?\d{1,3})\)?\s*\}?)?"
    r")"
    r"\s*(?P<rest>.*)$",
    re.DOTALL,
)
_SCALED_UNIT = re.compile(
    r"^(?:\\times\s*|\\cdot\s*)?(?:\\text\s*)?\{?\s*10\s*\^\s*\{?\s*([-+]?\d{1,3})\s*\}*\s*(.*)$",
    re.DOTALL,
)
_NO_UNIT = re.compile(r"(?!\^\s*\\circ)[-+*/^=\d,<>]|\\(?:pm|times|cdot|frac|sqrt|pi)")
_PARTS = re.compile(r"\s*(?:,(?!\d{3}(?!\d))|;|\band\b|和|、)\s*")
# A sum or product left to be computed.
_UNEVALUATED = re.compile(r"\d\s*(?:[-+*]|\\times|\\cdot)\s*\d")
_MAX_TEXT, _DIGITS = 300, 30

Verdict = Literal["same", "different", "open"]


class Quantity(NamedTuple):
    """A number and its unit. `unit` is None when none is named or it is unknown by `name`.

    `whole` says that the number was written without decimals or a power of ten: a count, perhaps.
    """

    value: Fraction
    unit: Unit | None
    name: str
    whole: bool
    percent: bool = False


def quantity(text: str) -> Quantity | None:
    """A text that is one number, with perhaps a unit behind it, else None."""
    if len(text) > _MAX_TEXT:
        return None
    text = plain(text.replace(r"\$", " USD ").replace("$", " "))
    text = _ABOUT.sub("", _NAMED.sub("", text)).strip()
    money = re.match(r"^([-+]?)\s*USD\s*(?=[\d.])", text)
    if money:
        text = f"{money[1]}{text[money.end() :]} USD"
    match = _NUMBER.match(text)
    if match is None:
        return _expression(text, "")
    rest = match["rest"].strip()
    scaled = _SCALED_UNIT.match(rest)
    power = int(scaled[1]) if scaled else 0
    rest = scaled[2].strip() if scaled else rest
    if _NO_UNIT.match(rest) or rest.startswith("("):
        return _expression(text, rest)
    written = int((match["power"] or match["lone"] or match["e"] or "0").replace(" ", ""))
    if match["power"] and match["e"]:
        written += int(match["e"])
    digits = (match["mantissa"] or "1").replace(",", "")
    value = Fraction(digits.rstrip(".")) * Fraction(10) ** (written + power)
    if match["sign"] == "-":
        value = -value
    whole = not (written or power or "." in digits or match["lone"])
    return _with_unit(value, rest, whole)


def compare(expected: Quantity, got: Quantity, tolerance: float) -> Verdict:
    """Whether one quantity is the other within a relative tolerance; "open" where it is unclear."""
    value = got.value
    if expected.unit is not None and got.unit is not None:
        factor = ratio(got.unit, expected.unit)
        if factor is not None:
            value *= factor
        elif expected.unit.dimension == got.unit.dimension:
            # Temperatures on scales with different zeros.
            value = (value + 0) * got.unit.factor + got.unit.zero - expected.unit.zero
            value /= expected.unit.factor
        else:
            return "open" if _per_amount(expected.unit, got.unit) else "different"
    elif expected.name and got.name and expected.name != got.name:
        return "open"
    if expected.percent != got.percent:
        # "5 %" is 0.05, and 5 where the reference's unit is the percent.
        shares = [value / 100 if got.percent else value * 100]
        shares += [value] if expected.percent else []
        verdicts = [_within(expected, share, tolerance) for share in shares]
        return next((one for one in ("same", "open") if one in verdicts), "different")  # type: ignore[return-value]
    return _within(expected, value, tolerance)


def compare_texts(reference: str, answer: str, tolerance: float) -> Verdict | None:
    """`compare` on texts, which may list several quantities; None when they are none."""
    expected, got = quantity(reference), quantity(answer)
    if expected is not None and got is not None:
        return compare(expected, got, tolerance)
    wanted, given = _listed(reference), _listed(answer)
    if len(wanted) < 2 or len(wanted) != len(given):
        return None
    verdicts: list[Verdict] = []
    for one, other in zip(wanted, given, strict=True):
        if one is None or other is None:
            return None
        verdicts.append(compare(one, other, tolerance))
    if all(verdict == "same" for verdict in verdicts):
        return "same"
    # Perhaps in another order.
    return "open"


def _listed(text: str) -> list[Quantity | None]:
    text = text[: 2 * _MAX_TEXT].replace("$", " ")
    return [quantity(part) for part in _PARTS.split(text) if part.strip()]


def _within(expected: Quantity, value: Fraction, tolerance: float) -> Verdict:
    if value == expected.value:
        return "same"
    close = abs(value - expected.value) <= Fraction(tolerance) * abs(expected.value)
    if expected.whole and expected.unit is None and not expected.percent:
        # A whole number may be a count, which tolerates nothing but being rounded to.
        if not close:
            return "different"
        rounded = value.denominator != 1 and round(value) == expected.value
        return "same" if rounded else "open"
    return "same" if close else "different"


def _expression(text: str, rest: str) -> Quantity | None:
    r"""A number written as an expression: \frac{2\pi}{15}, 2\sqrt{2} \text{ m}."""
    unit = ""
    tail = re.search(r"\\text\s*\{[^{}]*\}.*$", text)
    if tail:
        text, unit = text[: tail.start()], tail[0]
    if _UNEVALUATED.search(text):
        return None
    try:
        value = read(text.strip())
        constant = value.constant
        number = constant if constant is not None else exact.approximate(value, _DIGITS)
    except (exact.Undecided, ValueError, ZeroDivisionError, OverflowError):
        return None
    whole = constant is not None and constant.denominator == 1
    return None if number is None else _with_unit(number, unit, whole)


def _with_unit(value: Fraction, rest: str, whole: bool) -> Quantity | None:
    percent = re.match(r"^(?:\\text\s*\{\s*)?(?:%|percent)\s*\}?", rest)
    if percent:
        rest = rest[percent.end() :].strip()
        if rest:
            return None
        return Quantity(value, None, "", False, percent=True)
    if not rest:
        return Quantity(value, None, "", whole)
    name = re.sub(r"\\text|[{}\s.~()]|\\[,;:! ]", "", rest)
    unit = read_unit(rest)
    if unit is not None and not unit.dimension:
        return Quantity(value, None, "", whole)
    if unit is None and len(name) > 40:
        return None
    return Quantity(value, unit, name, whole)


def _per_amount(one: Unit, other: Unit) -> bool:
    """Whether units differ by "per mole" or by pounds of force, which texts leave out."""
    first, second = dict(one.dimension), dict(other.dimension)
    first.pop("mol", None)
    second.pop("mol", None)
    powers = {name: first.get(name, 0) - second.get(name, 0) for name in first | second}
    force = {name: power for name, power in powers.items() if power}
    return first == second or force in ({"m": 1, "s": -2}, {"m": -1, "s": 2})
