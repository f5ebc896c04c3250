import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.engines.sandbox.wire import encode
from am_assets.stages.verification.code.values import NotWireForm, Opaque, Stream, read, same

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.fractions(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_an_object_equal_to_everything_crosses_as_its_type_name_only():
    class Yes:
        def __eq__(self, other):
            return True

    assert read(encode(Yes(), 10)) == Opaque("Yes", True)
    assert not same(read(encode(Yes(), 10)), 4)


def test_a_number_with_its_own_equality_crosses_as_the_number():
    class Sly(int):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return 0

    assert not same(read(encode(Sly(3), 10)), 4)


@given(plain)
def test_plain_values_survive_the_crossing(value):
    copy = read(encode(value, 10_000))
    assert copy == value
    assert type(copy) is type(value)


@given(json_values)
def test_a_json_value_is_the_same_as_itself(value):
    assert same(value, value)


@pytest.mark.parametrize(
    ("got", "expected"),
    [((1, 2), [1, 2]), (2.0, 2), (0.1 + 0.2, 0.3), ({1: "a"}, {"1": "a"}), (10**400, 10**400)],
)
def test_what_json_cannot_tell_apart_is_the_same(got, expected):
    assert same(got, expected)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (True, 1),
        (1, True),
        ("1", 1),
        ([1], [1, 2]),
        ([1, 2], [1]),
        ([1, 2], [2, 1]),
        (frozenset({1}), [1]),
        (Stream((1,)), [1]),
        (1e9 + 500, 1e9),
        (10**400, 1.0),
        (float("nan"), 1.0),
        (None, []),
        ({"1": 1, 1: 1}, {"1": 1}),
    ],
)
def test_different_values_are_not_the_same(got, expected):
    assert not same(got, expected)


def test_numbers_of_other_kinds_cross():
    assert read(encode(Decimal("1.50"), 10)) == Decimal("1.50")
    assert read(encode(Fraction(1, 3), 10)) == Fraction(1, 3)
    assert read(encode(2 + 1j, 10)) == 2 + 1j
    assert math.isnan(read(encode(float("nan"), 10)))


def test_an_endless_iterator_is_cut_off():
    import itertools

    with pytest.raises(OverflowError):
        encode(itertools.count(), 1000)


@pytest.mark.parametrize("wire", [[], {}, {"f": "x"}, {"q": ["1", "0"]}, {"zz": 1}, {"d": [[1]]}])
def test_a_forged_report_is_recognised(wire):
    with pytest.raises(NotWireForm):
        read(wire)


def test_a_report_nested_without_end_is_refused():
    wire: object = 1
    for _ in range(400):
        wire = {"l": [wire]}
    with pytest.raises(NotWireForm):
        read(wire)


@pytest.mark.parametrize(
    ("got", "expected", "tolerance", "equal"),
    [
        (2.333333, 7 / 3, 0.0, True),
        (2e-7, 1e-7, 0.0, False),
        (0.33, 1 / 3, 0.0, False),
        (0.33, 1 / 3, 0.01, True),
        ([0.33, 5], [1 / 3, 5], 0.01, True),
        (5, 6, 0.1, False),
        (1000.4, 1000, 1e-3, True),
        (True, 1.0, 0.1, False),
        (Decimal("2.5"), 2.5, 0.0, True),
        (Fraction(1, 2), 0.5, 0.0, True),
        (Decimal("sNaN"), 0.5, 0.1, False),
        (float("inf"), 1e308, 0.1, False),
    ],
)
def test_numbers_may_differ_by_rounding_and_by_what_the_source_allows(
    got, expected, tolerance, equal
):
    assert same(got, expected, tolerance) is equal
