from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.answers.units import ratio, read_unit


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("km", "m", 1000),
        ("centimeters", "cm", 1),
        ("hours", "minutes", 60),
        ("m/s", "km/h", Fraction(18, 5)),
        ("miles per hour", "mph", 1),
        (r"\mathrm{~kJ} \mathrm{~mol}^{-1}", "J/mol", 1000),
        ("kJ/(mol K)", "J mol^{-1} K^{-1}", 1000),
        ("square feet", "in^2", 144),
        ("平方厘米", "cm^2", 1),
        ("公里", "千米", 1),
        ("dm^3", "L", 1),
        ("atm", "Pa", 101325),
        ("N m", "J", 1),
        (r"\mu \mathrm{C}", "nC", 1000),
        ("dollars", "cents", 100),
        ("kPA", "kPa", 1),
        ("m^2", "m", None),
        ("cm", "s", None),
        ("元", "dollars", None),
        (r"^\circ C", "K", None),
        ("km", "kg", None),
    ],
)
def test_units_stand_in_an_exact_proportion(one, other, expected):
    first, second = read_unit(one), read_unit(other)
    assert first is not None
    assert second is not None
    assert ratio(first, second) == expected


@pytest.mark.parametrize("text", ["", "apples", "x", "in total", "m +", "^2", "1"])
def test_what_is_no_unit_is_none(text):
    assert read_unit(text) is None


@given(st.text(max_size=80))
def test_reading_a_unit_never_fails(text):
    read_unit(text)
