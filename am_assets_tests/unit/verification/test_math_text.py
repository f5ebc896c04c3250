import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.verification.choices import (
    chosen_letter,
    is_multiple_choice,
    reference_letter,
)
from am_assets.stages.verification.math_text import (
    final_answer,
    gold_answer,
    last_boxed,
    unit_of,
    without_unit,
    words_only,
)


@pytest.mark.parametrize(
    ("text", "answer", "found"),
    [
        (r"First \boxed{1}, then \boxed{\frac{1}{2}}.", r"\frac{1}{2}", "boxed"),
        (r"so \boxed{\{1, 2\}}", r"\{1, 2\}", "boxed"),
        (r"an open \boxed{1 and a closed \boxed{2}", "2", "boxed"),
        ("The answer is 42.", "42", "stated"),
        ("So the final answer is: $x = 3$.\nThanks!", "x = 3", "stated"),
        ("答案是：18。", "18", "stated"),
        ("She sells 9 eggs\n#### 18", "18", "stated"),
        ("18", "18", "whole"),
        ("Monday", "Monday", "whole"),
        ("We add them all up here and then get 5.", "5", "number"),
        (r"Putting it all together we find that it is \(\frac{3}{4}\).", r"\frac{3}{4}", "formula"),
    ],
)
def test_the_final_answer_is_found(text, answer, found):
    assert final_answer(text) == (answer, found)


@pytest.mark.parametrize(
    "text", ["", "I do not know what one could say about this at all", "x" * 5000]
)
def test_no_answer_is_none(text):
    assert final_answer(text) is None


def test_a_number_inside_an_expression_is_no_answer():
    assert (
        final_answer("and after all of these steps the result is then 1+1/e where e is so") is None
    )


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("18", "18"),
        ("$18$", "18"),
        ("work work\n#### 18", "18"),
        (r"so $\boxed{18}$ it is", "18"),
        ("Janet sells 9\nA: 18", "18"),
    ],
)
def test_a_reference_may_be_a_worked_solution(reference, answer):
    assert gold_answer(reference) == answer


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("3 cm", "cm"),
        (r"3\text{ cm}", "cm"),
        (r"3 \mathrm{~m}", "m"),
        ("3 centimeters", "cm"),
        ("9 quarts", "quart"),
        (r"\$5", "usd"),
        (r"90^\circ", "deg"),
        (r"4\text{ cm}^2", "cm^2"),
        ("3x", None),
        ("1-1/e", None),
        (r"2\pi", None),
        ("12", None),
        ("Monday", None),
    ],
)
def test_a_unit_is_what_stands_behind_a_number(text, unit):
    assert unit_of(text) == unit


def test_a_unit_can_be_taken_off():
    assert without_unit("9 quarts") == "9"
    assert without_unit("3x") == "3x"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Monday", "monday"),
        (r"\text{Monday}", "monday"),
        (r"\text{(E)}", "e"),
        ("x", None),
        ("3 cm", None),
        ("a+b", None),
        ("中国", "中国"),
    ],
)
def test_an_answer_in_words_is_text(text, words):
    assert words_only(text) == words


@given(st.text())
def test_finding_an_answer_never_fails(text):
    final_answer(text)
    last_boxed(r"\boxed{" + text)
    unit_of(text)
    words_only(text)
    chosen_letter(text, None)


@pytest.mark.parametrize(
    ("reference", "letter"),
    [("B", "B"), ("(C)", "C"), ("D. the cell", "D"), ("b", None), ("AB", None), ("12", None)],
)
def test_a_letter_reference_is_recognised(reference, letter):
    assert reference_letter(reference) == letter


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        (r"\boxed{B}", "B"),
        (r"\boxed{\text{(B)}}", "B"),
        ("The answer is (C).", "C"),
        ("A is tempting, but the correct answer is **D**", "D"),
        ("B. the cell wall", "B"),
        ("Some thoughts.\nC", "C"),
        ("故选：D", "D"),
        ("The answer is a cell", None),
        ("Because of that.", None),
    ],
)
def test_the_letter_an_answer_settles_on(answer, letter):
    assert chosen_letter(answer, last_boxed(answer)) == letter


def test_a_prompt_with_options_is_multiple_choice():
    assert is_multiple_choice("Which?\nA. one\nB. two")
    assert is_multiple_choice("Which? (A) one (B) two")
    assert not is_multiple_choice("What is A times B?")
