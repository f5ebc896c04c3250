"""Reading and comparing what a candidate returned: plain data only, compared out of its reach.

`read` inverts `am_assets.engines.sandbox.wire.encode`; the input is hostile.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

# Rounded to six places, as expected values often are; but small values keep three digits.
_ROUNDING, _SHARE_OF_SMALL, _NOISE = 1e-6, 1e-3, 1e-12
_RELATIVE = 1e-9
_MAX_DEPTH = 250


class NotWireForm(ValueError):
    """A candidate forged its report."""


@dataclass(frozen=True)
class Opaque:
    """A value that is not plain data: its type's name and its truth are all that crossed."""

    type_name: str
    truth: bool

    def __bool__(self) -> bool:
        return self.truth


@dataclass(frozen=True)
class Stream:
    """What an iterator, range or view held; equal to no list, as in Python."""

    items: tuple[Any, ...]

    def __iter__(self) -> Any:
        return iter(self.items)


def read(wire: Any, depth: int = 0) -> Any:
    """The Python value of a wire form; raises NotWireForm."""
    if depth > _MAX_DEPTH:
        raise NotWireForm("nested too deeply")
    if wire is None or isinstance(wire, bool | str | int):
        return wire
    if not isinstance(wire, dict) or not wire:
        raise NotWireForm("unknown form")
    tag, body = next(iter(wire.items()))
    try:
        return _tagged(wire, tag, body, depth)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as problem:
        raise NotWireForm(f"malformed {tag!r}") from problem


def _tagged(wire: dict[str, Any], tag: str, body: Any, depth: int) -> Any:
    match tag:
        case "i":
            return int(body, 16)
        case "f":
            return float.fromhex(body)
        case "l":
            return [read(item, depth + 1) for item in body]
        case "t":
            return tuple(read(item, depth + 1) for item in body)
        case "s":
            return frozenset(_hashable(read(item, depth + 1)) for item in body)
        case "d":
            return {_hashable(read(k, depth + 1)): read(v, depth + 1) for k, v in body}
        case "b":
            return bytes.fromhex(body)
        case "c":
            return complex(float.fromhex(body[0]), float.fromhex(body[1]))
        case "m":
            return Decimal(body)
        case "q":
            return Fraction(int(body[0], 16), int(body[1], 16))
        case "it":
            return Stream(tuple(read(item, depth + 1) for item in body))
        case "o":
            return Opaque(str(body), wire["truth"] is True)
        case _:
            raise NotWireForm(f"unknown tag {tag[:20]!r}")


def _hashable(value: Any) -> Any:
    hash(value)
    return value


def same(got: Any, expected: Any, tolerance: float = 0.0) -> bool:
    """Whether a returned value equals an expected JSON value.

    JSON has one array type and one number type, so tuples equal arrays and 2.0 equals 2; floats
    may differ by 1e-9 relatively, or by 1e-6 or a thousandth of the expected value, whichever is
    less; where the source allows a `tolerance`, by that as well, absolutely or relatively (two
    integers never differ). Booleans are no numbers, and text is no number.
    """
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return type(got) is type(expected) and got == expected
    if isinstance(expected, int | float):
        return _same_number(got, expected, tolerance)
    if isinstance(expected, list | tuple):
        if not isinstance(got, list | tuple) or len(got) != len(expected):
            return False
        return all(same(one, other, tolerance) for one, other in zip(got, expected, strict=True))
    if isinstance(expected, dict):
        if not isinstance(got, dict) or len(got) != len(expected):
            return False
        # JSON's keys are text whatever they were.
        named = {_key(key): value for key, value in got.items()}
        return named.keys() == expected.keys() and all(
            same(named[key], value, tolerance) for key, value in expected.items()
        )
    return False


def _key(key: Any) -> Any:
    if isinstance(key, bool):
        return "true" if key else "false"
    if key is None:
        return "null"
    return str(key) if isinstance(key, int | float) else key


def _same_number(got: Any, expected: int | float, tolerance: float) -> bool:
    if isinstance(got, bool) or not isinstance(got, int | float | Decimal | Fraction):
        return False
    if isinstance(got, int) and isinstance(expected, int):
        return got == expected
    try:
        left, right = float(got), float(expected)
    except (OverflowError, ValueError):
        return False
    if not (math.isfinite(left) and math.isfinite(right)):
        return left == right or (math.isnan(left) and math.isnan(right))
    size = abs(right)
    allowed = max(_RELATIVE * size, min(_ROUNDING, _SHARE_OF_SMALL * size), _NOISE)
    return abs(left - right) <= max(allowed, tolerance * max(1.0, size))


def shown(value: Any) -> str:
    """A value as text, for evidence."""
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}"
    try:
        return repr(value)
    except (ValueError, RecursionError):
        # An int too long to print, or nested too deeply.
        return f"a value of type {type(value).__name__}"
