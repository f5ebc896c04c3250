import collections
import datetime
import decimal
import fractions
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from am_assets.engines.sandbox.exchange import Exchange, Forged, TooLarge

BOUND = 1 << 20


class Nothing:
    """Knows no foreign value."""

    def show(self, value):
        raise TypeError(type(value).__name__)

    def meet(self, kind, which):
        raise Forged(kind)


def pair():
    return Exchange(Nothing(), 0, BOUND), Exchange(Nothing(), 1, BOUND)


def crossed(value):
    here, there = pair()
    return there.read(here.write([value]))[0]


hashable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters(codec=None, exclude_categories=()))
    | st.binary()
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes()
    | st.timedeltas(),
    lambda inner: st.lists(inner).map(tuple) | st.frozensets(inner),
    max_leaves=8,
)
plain = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.lists(inner).map(collections.deque)
        | st.dictionaries(hashable, inner)
        | st.dictionaries(hashable, inner).map(collections.OrderedDict)
        | st.dictionaries(hashable, inner).map(lambda d: collections.defaultdict(list, d))
        | st.sets(hashable)
        | st.lists(hashable).map(collections.Counter)
        | st.binary().map(bytearray)
    ),
    max_leaves=8,
)
_TAGS = (
    *("ref", "int", "float", "str", "tuple", "named", "type", "list", "dict", "object", "range"),
    *("Decimal", "Fraction", "date", "frozenset", "constant", "deque", "set"),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner)
        | st.lists(st.sampled_from(_TAGS) | inner)
        | st.dictionaries(st.text(max_size=3), inner)
    ),
)


@settings(max_examples=40)
@given(plain)
def test_plain_values_arrive_as_they_were(value):
    copy = crossed(value)
    assert copy == value
    assert type(copy) is type(value)


@settings(max_examples=40)
@given(st.lists(hashable, max_size=4), st.lists(st.integers() | st.text()))
def test_what_the_other_side_changes_in_place_is_changed_here(before, after):
    here, there = pair()
    inner = [0]
    shared = [before, inner, inner]
    theirs = there.read(here.write([shared]))[0]
    theirs[0][:] = after
    theirs[1].append(1)
    here.read(there.write([None]))
    assert shared[0] is before
    assert before == after
    assert shared[1] is inner
    assert inner == [0, 1]


def test_aliases_and_circles_stay_so():
    value: list[Any] = [1]
    value += [value, (value,)]
    copy = crossed([value, value])
    assert copy[0] is copy[1]
    assert copy[0][1] is copy[0]
    assert copy[0][2][0] is copy[0]


def test_only_what_changed_is_sent_again():
    here, there = pair()
    large = list(range(10_000))
    there.read(here.write([large]))
    assert len(here.write([large])) < 100
    large[0] = -1
    assert len(here.write([large])) > 10_000


def test_what_nobody_holds_is_forgotten():
    here, there = pair()
    kept = [1]
    there.read(here.write([kept, [2]]))
    dropped = here.unused()
    here.forget(dropped)
    assert len(dropped) == 1
    assert there.read(here.write([kept])) == [[1]]


def test_numbers_keep_their_bits():
    values = [float("inf"), -0.0, 5e-324, 10**5000, -(1 << 53), True, 1, 1.0]
    copy = crossed(values)
    assert list(map(repr, copy[:3])) == ["inf", "-0.0", "5e-324"]
    assert copy[3:] == values[3:]
    assert list(map(type, copy)) == list(map(type, values))
    assert math.isnan(crossed(float("nan")))


def test_kinds_of_tuple_range_and_type_arrive():
    point = collections.namedtuple("point", "x y")
    assert crossed(point(1, [2])).y == [2]
    assert crossed(range(10, 0, -3)) == range(10, 0, -3)
    assert crossed([int, type(None), ...]) == [int, type(None), ...]
    assert crossed({1: 2}.keys()) == {1}
    assert list(crossed({1: 2}.values())) == [2]
    assert crossed(collections.deque([1, 2], 2)).maxlen == 2
    assert crossed(decimal.Decimal("1.50")).as_tuple().exponent == -2
    assert crossed(fractions.Fraction(1, 3)) == fractions.Fraction(1, 3)


def test_a_time_with_a_zone_is_no_plain_data():
    with pytest.raises(TypeError):
        crossed(datetime.datetime.now(datetime.UTC))


def test_bounds_hold():
    with pytest.raises(TooLarge):
        crossed("x" * BOUND)
    deep = ()
    for _ in range(1000):
        deep = (deep,)
    with pytest.raises(TooLarge):
        crossed(deep)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"[[],[],[]]",
        b"[[1.5],[]]",
        b"[[NaN],[]]",
        b"[[" + b"9" * 5000 + b"],[]]",
        b'[[["ref",4]],[]]',
        b'[[],[[1,"list",null]]]',
        b'[[],[[1,"module",null,[]]]]',
        b'[[],[["1","list",null,[]]]]',
        b'[[],[[true,"list",null,[]]]]',
        b'[[],[[1,"list",null,{}]]]',
        b'[[],[[1,"set",null,[["ref",1]]]]]',
        b'[[],[[1,"dict",null,[1]]]]',
        b'[[],[[1,"bytearray",null,[256]]]]',
        b'[[],[[1,"deque","x",[]]]]',
        b'[[],[[1,"defaultdict",3,[]]]]',
        b'[[],[[1,"list",null,[]],[1,"dict",null,[]]]]',
        b'[[["Decimal","x"]],[]]',
        b'[[["Fraction","0x1","0x0"]],[]]',
        b'[[["range","0x1","0x1","0x0"]],[]]',
        b'[[["type","Exception"]],[]]',
        b'[[["named","a b",["x"],1]],[]]',
        b'[[["named","p",["x"],1,2]],[]]',
        b'[[["builtin","builtins.eval"]],[]]',
        b'[[{"a":1}],[]]',
        b"[" * 100_000,
        b'[["tuple",' * 5000,
    ],
)
def test_a_forged_message_is_refused(message):
    with pytest.raises(Forged):
        pair()[0].read(message)


@given(json_values, json_values)
def test_no_message_breaks_the_reader(wires, heap):
    here, _ = pair()
    for body in ([wires, heap], [[wires], [heap]], [[wires], [[1, "list", None, heap]]]):
        try:
            values = here.read(json.dumps(body).encode())
        except Forged:
            continue
        assert type(values) is list


def test_a_container_does_not_become_another():
    here, there = pair()
    here.read(there.write([[1]]))
    with pytest.raises(Forged):
        here.read(b'[[],[[1,"dict",null,[]]]]')
