"""Turning a candidate's return values into plain JSON, in the candidate's own process.

Only data crosses: an object's methods (`__eq__` above all) stay behind. The tags are read by
`am_assets.stages.verification.code.values`. Subclasses of plain types are sent as their content.
"""

import collections
import collections.abc
import decimal
import fractions
from typing import Any

_DEPTH = 200
_SMALL = 1 << 53
_CONTAINERS: tuple[tuple[Any, str], ...] = (
    (list, "l"),
    (tuple, "t"),
    (set, "s"),
    (frozenset, "s"),
)
_STREAMS = (
    range,
    collections.deque,
    collections.abc.Iterator,
    collections.abc.KeysView,
    collections.abc.ValuesView,
    collections.abc.ItemsView,
)


def encode(value: Any, budget: int, depth: int = 0) -> Any:
    """JSON form of `value`; containers hold at most `budget` items, else OverflowError."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value) if type(value) is str else str.__add__("", value)
    if isinstance(value, int):
        number = int.__index__(value)
        return number if -_SMALL < number < _SMALL else {"i": hex(number)}
    if isinstance(value, float):
        return {"f": float.hex(value)}
    if depth >= _DEPTH:
        return _opaque(value)
    if isinstance(value, dict):
        pairs = list(dict.items(value))
        _check(len(pairs), budget)
        return {
            "d": [[encode(k, budget, depth + 1), encode(v, budget, depth + 1)] for k, v in pairs]
        }
    for kind, tag in _CONTAINERS:
        if isinstance(value, kind):
            return {tag: _items(kind.__iter__(value), budget, depth)}
    if isinstance(value, bytes | bytearray):
        return {"b": bytes(value).hex()}
    if isinstance(value, complex):
        return {"c": [float.hex(value.real), float.hex(value.imag)]}
    if type(value) is decimal.Decimal:
        return {"m": str(value)}
    if type(value) is fractions.Fraction:
        return {"q": [hex(value.numerator), hex(value.denominator)]}
    if isinstance(value, _STREAMS):
        return {"it": _items(iter(value), budget, depth)}
    return _opaque(value)


def _items(iterator: Any, budget: int, depth: int) -> list[Any]:
    items = []
    for item in iterator:
        _check(len(items) + 1, budget)
        items.append(encode(item, budget, depth + 1))
    return items


def _check(length: int, budget: int) -> None:
    if length > budget:
        raise OverflowError("the returned value is too large")


def _opaque(value: Any) -> Any:
    return {"o": type(value).__name__[:80], "truth": bool(value)}
