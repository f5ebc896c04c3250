import pytest

from am_assets.stages.answers.references import (
    DIFFERENT,
    SAME,
    UNKNOWN,
    answer_codes,
    compare_answers,
)


def compared(one: str | None, other: str | None) -> int:
    codes = answer_codes([one, other])
    (found,) = compare_answers(codes[:1], codes[1:])
    (back,) = compare_answers(codes[1:], codes[:1])
    assert found == back
    return int(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12", "12.0"),
        ("12", r"\boxed{12}"),
        ("12", "She has 5 + 7 = 12 left.\n#### 12"),
        ("12", "12 apples"),
        ("12 apple", "12 apples"),
        ("12", "x = 12"),
        ("12", "$12$"),
        ("12", "$12"),
        ("12", "twelve"),
        ("12", "１２"),
        ("12", "12元"),
        ("1,200", "1200"),
        (r"\frac{1}{2}", "0.5"),
        ("1/2", r"\dfrac{2}{4}"),
        (r"90^\circ", "90 degrees"),
        ("(A)", "A"),
        ("Yes.", "yes"),
        ("2x", "2 x"),
    ],
)
def test_answers_that_say_the_same_in_other_words(one: str, other: str):
    assert compared(one, other) == SAME


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12", "13"),
        ("12", "-12"),
        ("12 cm", "12 m m"),
        ("12 apples", "12 pears"),
        ("2x", "2"),
        ("2x", "2y"),
        ("3, 4", "3"),
        ("x > 3", "x < 3"),
        ("12", "12 or 13"),
        ("yes", "no"),
        ("1/0", "1"),
        ("X", "x"),
        ("x₁₂", "x12"),
        ("ℝ", "R"),
        (r"\Delta", r"\delta"),
        ("5 Mg", "5 mg"),
    ],
)
def test_answers_that_differ(one: str, other: str):
    assert compared(one, other) == DIFFERENT


@pytest.mark.parametrize("missing", [None, "", " \n"])
def test_a_missing_answer_compares_with_nothing(missing: str | None):
    assert compared("12", missing) == UNKNOWN
    assert compared(missing, missing) == UNKNOWN


@pytest.mark.parametrize("hostile", ["9" * 5000, "1/" + "0" * 29, "\ud800", "{" * 3000, "\\boxed{"])
def test_a_hostile_answer_is_one_like_any_other(hostile: str):
    assert compared(hostile, hostile) == SAME
