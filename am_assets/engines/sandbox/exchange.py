"""Plain values between two processes that do not trust each other, mutable ones kept alike.

A message is a list of values and a heap: every list, dict, set, … that is new to the other side or
has changed since it was last sent. Values refer to these by number, so that aliases stay aliases,
and what one side changes in place is changed in place at the other. Only data crosses: a value's
methods (`__eq__` above all) stay where they are. What is no plain data is the `Foreign` hook's to
say. Everything read may be forged: `read` raises `Forged` for whatever is not of the form.
"""

import collections
import datetime
import decimal
import fractions
import itertools
import json
import operator
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

_SMALL = 1 << 53
_DEPTH = 100
_SCALARS = frozenset({int, str, bool, type(None)})
# Exact kinds of mutable containers; where a subclass is sent as what it holds, the first it is of.
_KINDS: dict[str, Any] = {
    "counter": collections.Counter,
    "defaultdict": collections.defaultdict,
    "ordered": collections.OrderedDict,
    "dict": dict,
    "list": list,
    "set": set,
    "bytearray": bytearray,
    "deque": collections.deque,
}
_MAPPINGS = ("counter", "defaultdict", "ordered", "dict")
_KIND_OF = {kind: name for name, kind in _KINDS.items()}
_TYPES = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, object)
_TYPES += (bytearray, range, type, type(None), collections.deque, collections.Counter)
_NAME_OF = {kind: kind.__name__ for kind in _TYPES}
_TYPE_OF = {name: kind for kind, name in _NAME_OF.items()}
_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
_DATES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)


class Forged(ValueError):
    """A message that is not of the form, so that its sender cannot be trusted in anything."""


class TooLarge(ValueError):
    """A message past the bound."""


class Foreign(Protocol):
    """What one side makes of values that are no plain data."""

    def show(self, value: Any) -> tuple[str, Any]:
        """A kind and a number or name by which the other side may refer to `value`.

        Or ("as", plain kind): it is sent as what it holds. Raises what says that it cannot be sent.
        """
        ...

    def meet(self, kind: str, which: int | str) -> Any:
        """The value of a reference of the other side's; raises Forged."""
        ...


class Exchange:
    """One side of the channel. `first` tells the sides' numbers apart: 0 or 1."""

    def __init__(self, foreign: Foreign, first: int, max_bytes: int) -> None:
        self._foreign = foreign
        self._max_bytes = max_bytes
        self._numbers = itertools.count(first, 2)
        self._shared: dict[int, Any] = {}
        self._number_of: dict[int, int] = {}
        self._agreed: dict[int, tuple[Any, ...]] = {}
        self._kinds: dict[int, str] = {}

    def write(self, values: Iterable[Any]) -> bytes:
        """The message for `values`; raises TooLarge, and what `Foreign.show` raises."""
        seen: set[int] = set()
        queue = list(self._shared)
        wires = [self._wire(value, queue, 0) for value in values]
        heap = []
        for number in queue:
            if number in seen:
                continue
            seen.add(number)
            value = self._shared[number]
            parts = tuple(_parts(self._kinds[number], value))
            agreed = self._agreed.get(number)
            if agreed is None or not _identical(agreed, parts):
                extra = _extra(self._kinds[number], value)
                body = self._many(parts, queue, 0)
                heap.append([number, self._kinds[number], self._wire(extra, queue, 0), body])
            self._agreed[number] = parts
        data = json.dumps([wires, heap], separators=(",", ":")).encode()
        if len(data) > self._max_bytes:
            raise TooLarge(f"{len(data)} bytes")
        return data

    def read(self, data: bytes) -> list[Any]:
        """The values of a message, the shared ones brought up to date; raises Forged."""
        try:
            wires, heap = json.loads(data, parse_float=_no_float, parse_constant=_no_float)
            for number, kind, extra, _ in heap:
                self._prepare(number, kind, self._value(extra, 0))
            for number, kind, _, body in heap:
                _fill(kind, self._shared[number], self._values(body, 0))
            values = self._values(wires, 0)
            for number, kind, _, _ in heap:
                self._agreed[number] = tuple(_parts(kind, self._shared[number]))
            return values
        except Forged:
            raise
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as problem:
            raise Forged(f"{type(problem).__name__}: {problem}"[:200]) from problem
        except (RecursionError, MemoryError) as problem:
            raise Forged("nested too deeply, or too large") from problem

    def forget(self, numbers: Iterable[int]) -> None:
        """Share these no longer."""
        for number in numbers:
            value = self._shared.pop(number, None)
            if value is not None:
                del self._number_of[id(value)], self._kinds[number]
                self._agreed.pop(number, None)

    def unused(self) -> list[int]:
        """Shared values that nothing else here refers to."""
        # The table refers to each, and the argument of the call that counts.
        return [n for n in self._shared if sys.getrefcount(self._shared[n]) <= 2]

    def _share(self, number: int, kind: str, value: Any) -> None:
        self._shared[number] = value
        self._kinds[number] = kind
        self._number_of[id(value)] = number

    def _many(self, values: tuple[Any, ...], queue: list[int], depth: int) -> list[Any]:
        if set(map(type, values)) <= {int} and _all_small(values):
            return list(values)
        return [self._wire(value, queue, depth) for value in values]

    def _wire(self, value: Any, queue: list[int], depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if -_SMALL < value < _SMALL else ["int", hex(value)]
        if kind is str:
            return value if _is_clean(value) else ["str", _hex_of_text(value)]
        if kind in _KIND_OF:
            return self._reference(value, _KIND_OF[kind], queue)
        if depth > _DEPTH:
            raise TooLarge("nested too deeply")
        if kind is tuple or kind is frozenset:
            return [kind.__name__, *self._many(tuple(value), queue, depth + 1)]
        if issubclass(kind, tuple) and _is_named(kind):
            fields = list(getattr(kind, "_fields", ()))
            items = self._many(tuple(tuple.__iter__(value)), queue, depth + 1)
            return ["named", kind.__name__, fields, *items]
        if kind in _WRITERS and getattr(value, "tzinfo", None) is None:
            return [kind.__name__, *_WRITERS[kind](value)]
        if isinstance(value, type) and value in _NAME_OF:
            return ["type", _NAME_OF[value]]
        if isinstance(value, _VIEWS):
            return [kind.__name__, *self._many(tuple(value), queue, depth + 1)]
        if value is ... or value is NotImplemented:
            return ["constant", str(value)]
        shown, which = self._foreign.show(value)
        if shown != "as":
            return [shown, which]
        if which in _KINDS:
            return self._reference(value, which, queue)
        return self._wire(_CONTENTS[which](value), queue, depth + 1)

    def _reference(self, value: Any, kind: str, queue: list[int]) -> list[Any]:
        number = self._number_of.get(id(value))
        if number is None:
            number = next(self._numbers)
            self._share(number, kind, value)
            queue.append(number)
        return ["ref", number]

    def _prepare(self, number: Any, kind: Any, extra: Any) -> None:
        if type(number) is not int or kind not in _KINDS:
            raise Forged("no such container")
        if number in self._shared:
            if self._kinds[number] != kind:
                raise Forged("a container became another")
            return
        if kind == "deque":
            value: Any = collections.deque(maxlen=extra)
        elif kind == "defaultdict":
            value = collections.defaultdict(extra)
        else:
            value = _KINDS[kind]()
        self._share(number, kind, value)

    def _values(self, wires: Any, depth: int) -> list[Any]:
        if type(wires) is not list:
            raise Forged("not a list of values")
        if set(map(type, wires)) <= _SCALARS:
            return wires
        return [self._value(wire, depth) for wire in wires]

    def _value(self, wire: Any, depth: int) -> Any:
        if type(wire) in _SCALARS:
            return wire
        if type(wire) is not list or depth > _DEPTH + 1:
            raise Forged("not a value")
        match wire:
            case ["ref", int(number)]:
                return self._shared[number]
            case ["int", str(text)]:
                return int(text, 16)
            case ["str", str(text)]:
                return bytes.fromhex(text).decode("utf-8", "surrogatepass")
            case ["tuple", *items]:
                return tuple(self._values(items, depth + 1))
            case ["frozenset", *items]:
                return frozenset(self._values(items, depth + 1))
            case ["named", str(name), [*fields], *items]:
                return _named(name, tuple(fields))._make(self._values(items, depth + 1))
            case ["type", str(name)]:
                return _TYPE_OF[name]
            case ["dict_keys", *items]:
                return dict.fromkeys(self._values(items, depth + 1)).keys()
            case ["dict_values", *items]:
                return dict(enumerate(self._values(items, depth + 1))).values()
            case ["dict_items", *items]:
                return dict(self._values(items, depth + 1)).items()
            case ["constant", str(name)]:
                return {"Ellipsis": ..., "NotImplemented": NotImplemented}[name]
            case [str(name), *parts] if name in _READERS:
                return _READERS[name](*parts)
            case [str(name), int() | str() as which]:
                return self._foreign.meet(name, which)
            case _:
                pass
        raise Forged("not a value")


def _parts(kind: str, value: Any) -> Iterator[Any]:
    """What a container holds, told by its own kind whatever a subclass says."""
    if kind in _MAPPINGS:
        return itertools.chain.from_iterable(_KINDS[kind].items(value))
    return _KINDS[kind].__iter__(value)


def _extra(kind: str, value: Any) -> Any:
    if kind == "deque":
        return value.maxlen
    return value.default_factory if kind == "defaultdict" else None


def _fill(kind: str, value: Any, items: list[Any]) -> None:
    base = _KINDS[kind]
    if kind in ("list", "bytearray"):
        base.__setitem__(value, slice(None), items)
        return
    base.clear(value)
    if kind == "set":
        base.update(value, items)
    elif kind == "deque":
        base.extend(value, items)
    else:
        for key, item in zip(items[::2], items[1::2], strict=True):
            base.__setitem__(value, key, item)


# By the kind's own methods, whatever a subclass says.
_CONTENTS: dict[str, Any] = {
    "int": int.__index__,
    "float": float.__pos__,
    "str": lambda value: str.__add__(value, ""),
    "bytes": lambda value: bytes.__add__(value, b""),
    "tuple": lambda value: tuple(tuple.__iter__(value)),
    "frozenset": lambda value: frozenset(frozenset.__iter__(value)),
}
_PLAIN = {"int": int, "float": float, "str": str, "bytes": bytes}
_PLAIN |= {"tuple": tuple, "frozenset": frozenset}


def content_kind(value: Any) -> str | None:
    """The plain kind an instance of a subclass holds the content of, if any."""
    for name, kind in (*_KINDS.items(), *_PLAIN.items()):
        if isinstance(value, kind) and type(value) is not kind:
            return name
    return None


def plain_copy(value: Any, kind: str) -> Any:
    """What an instance of a subclass of the plain `kind` holds, as that kind."""
    if kind in _CONTENTS:
        return _CONTENTS[kind](value)
    copy = _KINDS[kind]() if kind != "deque" else collections.deque(maxlen=value.maxlen)
    _fill(kind, copy, list(_parts(kind, value)))
    return copy


def _identical(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(map(operator.is_, one, other))


def _all_small(numbers: tuple[int, ...]) -> bool:
    return not numbers or (min(numbers) > -_SMALL and max(numbers) < _SMALL)


def _is_clean(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _hex_of_text(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").hex()


def _is_named(kind: Any) -> bool:
    fields = getattr(kind, "_fields", None)
    return type(fields) is tuple and all(type(name) is str for name in fields)


_NAMED: dict[tuple[str, tuple[Any, ...]], Any] = {}


def _named(name: str, fields: tuple[Any, ...]) -> Any:
    key = (name, fields)
    if key not in _NAMED:
        if len(_NAMED) > 1000:
            raise Forged("too many kinds of namedtuple")
        # `rename` for classes that were made with it.
        _NAMED[key] = collections.namedtuple(name, fields, rename=True)  # type: ignore[misc]
    return _NAMED[key]


def _no_float(text: str) -> Any:
    raise Forged("a number of JSON that is no integer")


def _date_parts(value: Any) -> list[Any]:
    names = {
        datetime.date: ("year", "month", "day"),
        datetime.time: ("hour", "minute", "second", "microsecond"),
        datetime.timedelta: ("days", "seconds", "microseconds"),
    }
    names[datetime.datetime] = names[datetime.date] + names[datetime.time]
    return [getattr(value, name) for name in names[type(value)]]


_WRITERS: dict[Any, Any] = {
    float: lambda value: [float.hex(value)],
    complex: lambda value: [float.hex(value.real), float.hex(value.imag)],
    bytes: lambda value: [value.hex()],
    decimal.Decimal: lambda value: [str(value)],
    fractions.Fraction: lambda value: [hex(value.numerator), hex(value.denominator)],
    range: lambda value: [hex(value.start), hex(value.stop), hex(value.step)],
    **dict.fromkeys(_DATES, _date_parts),
}
_READERS: dict[str, Any] = {
    "float": float.fromhex,
    "complex": lambda real, imag: complex(float.fromhex(real), float.fromhex(imag)),
    "bytes": bytes.fromhex,
    "Decimal": decimal.Decimal,
    "Fraction": lambda top, bottom: fractions.Fraction(int(top, 16), int(bottom, 16)),
    "range": lambda *parts: range(*(int(part, 16) for part in parts)),
    **{kind.__name__: kind for kind in _DATES},
}
