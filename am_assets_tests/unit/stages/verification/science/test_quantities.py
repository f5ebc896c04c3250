from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.verification.science.quantities import compare_texts, quantity


@pytest.mark.parametrize(
    ("text", "value", "name"),
    [
        ("1.5e3 J", 1500, "J"),
        (r"6.02 \times 10^{23}", 602 * 10**21, ""),
        (r"6.02 $10^{23} \mathrm{~J}$", 602 * 10**21, "J"),
        ("10^{5} Pa", 100000, "Pa"),
        (r"$2.5\cdot10^{-3}$ m", Fraction(1, 400), "m"),
        ("1,200 m", 1200, "m"),
        ("−3", -3, ""),
        ("E = 3 V", 3, "V"),
        (r"x \approx 3.2 \text{ m/s}", Fraction(16, 5), "m/s"),
        ("about 5 m", 5, "m"),
        (r"$-\frac{1}{2}$", Fraction(-1, 2), ""),
        (r"\$5.30", Fraction(53, 10), "USD"),
    ],
)
def test_a_quantity_is_a_number_with_a_unit(text, value, name):
    found = quantity(text)
    assert found is not None
    assert (found.value, found.name) == (value, name)


@pytest.mark.parametrize("text", ["", "many", "3 + 4", r"3 \times 4", "x", "1/0", "5 ± 1"])
def test_what_is_no_number_is_no_quantity(text):
    assert quantity(text) is None


@pytest.mark.parametrize(
    ("reference", "answer", "verdict"),
    [
        ("50.7 $\\mathrm{atm}$", "50.6 atm", "same"),
        ("50.7 kPa", "50700 Pa", "same"),
        ("50.7 kPa", "50.7 Pa", "different"),
        ("50.7 kPa", "50.7", "same"),
        ("25 °C", "298.15 K", "same"),
        ("25 °C", "25 K", "different"),
        ("3 m/s", "10.8 km/h", "same"),
        ("5 %", "0.05", "same"),
        ("5 %", "5", "same"),
        ("0.05", "5", "different"),
        ("-7.3", "7.3", "different"),
        ("0", "0.1", "different"),
        ("36^\\circ", "36", "same"),
        ("0.41887902047", r"\frac{2\pi}{15}", "same"),
        ("100", "100.3", "same"),
        ("100", "101", "open"),
        ("1", "1.3", "different"),
        ("3 J", "3 N", "different"),
        ("40 kJ/mol", "40 kJ", "open"),
        ("4.4, 13.3", "4.4 and 13.3", "same"),
        ("4.4, 13.3", "4.4", None),
        ("1.51e4 bar", "1.51 bar", "different"),
    ],
)
def test_quantities_agree_within_a_tolerance_and_across_units(reference, answer, verdict):
    assert compare_texts(reference, answer, 0.02) == verdict


@given(st.text(max_size=80), st.text(max_size=80))
def test_comparing_any_text_never_fails(one, other):
    compare_texts(one, other, 0.02)
