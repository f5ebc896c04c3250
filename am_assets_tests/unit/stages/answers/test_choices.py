import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.answers.choices import (
    chosen_letters,
    is_multiple_choice,
    options_of,
    reference_letters,
)
from am_assets.stages.answers.final_answer import last_boxed

PROMPT = "Which?\nA. the root\nB. the cell wall\nC. 12\nD. 13"


@pytest.mark.parametrize(
    ("reference", "letters"),
    [
        ("B", "B"),
        ("(C)", "C"),
        (r"\text{(E)}", "E"),
        ("D. the cell", "D"),
        ("ABD", "ABD"),
        ("A, C", "AC"),
        ("A和C", "AC"),
        ("b", None),
        ("12", None),
        ("Bob", None),
    ],
)
def test_a_reference_of_letters_is_recognised(reference, letters):
    assert reference_letters(reference) == (None if letters is None else frozenset(letters))


@pytest.mark.parametrize(
    ("answer", "letters"),
    [
        (r"\boxed{B}", "B"),
        (r"\boxed{\text{(B)}}", "B"),
        (r"\boxed{\text{B. the cell wall}}", "B"),
        (r"\boxed{\text{the cell wall}}", "B"),
        (r"\boxed{ABD}", "ABD"),
        (r"\boxed{A, C}", "AC"),
        (r"\boxed{\text{A or B}}", ""),
        ("The answer is (C).", "C"),
        ("The answer is A because of that.", "A"),
        ("The correct answers are A and C.", "AC"),
        ("The answer is A or B.", ""),
        ("A is tempting, but the correct answer is **D**", "D"),
        ("The answer is $\\boxed{D}$", "D"),
        ("B. the cell wall", "B"),
        ("Some thoughts.\nC", "C"),
        ("Option B is correct.", "B"),
        ("故选：D", "D"),
        ("所以选ABD。", "ABD"),
        ("综上，答案是B", "B"),
        ("故答案为：C", "C"),
        ("选项B正确", "B"),
        ("The answer is a cell", None),
        ("Because of that.", None),
    ],
)
def test_the_letters_an_answer_settles_on(answer, letters):
    expected = None if letters is None else frozenset(letters)
    assert chosen_letters(answer, last_boxed(answer), options_of(PROMPT)) == expected


def test_a_prompt_with_options_is_multiple_choice():
    assert options_of("Which?\nA. one\nB. two") == {"A": "one", "B": "two"}
    assert is_multiple_choice("Which? (A) one (B) two")
    assert is_multiple_choice(r"$\textbf{(A)}\ 1\qquad\textbf{(B)}\ 2$")
    assert is_multiple_choice("下列正确的是（  ）\nA．甲\nB．乙")
    assert not is_multiple_choice("What is A times B?")


@given(st.text())
def test_reading_choices_never_fails(text):
    options_of(text)
    reference_letters(text)
    chosen_letters(text, None, {"A": "one", "B": "two"})
    chosen_letters(text, text, {"A": "one", "B": "two"})
