import pytest

from am_assets.core.protocol import render_response
from am_assets.stages.verification.answer_key import final_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\boxed{1,000}", "The answer is 1000."),
        (r"\boxed{\dfrac{1}{2}}", r"The answer is $\frac{1}{2}$."),
        (r"\boxed{5.0}", r"\boxed{5}"),
        (r"\boxed{ (1,\,2) }", r"\boxed{(1, 2)}"),
    ],
)
def test_answers_in_other_spellings_are_one(one: str, other: str):
    assert final_key("math", render_response("a", one)) == final_key("math", other) is not None


@pytest.mark.parametrize(("one", "other"), [("5", "6"), ("1/2", "2/1"), ("x", "-x")])
def test_other_answers_stay_apart(one: str, other: str):
    assert final_key("math", rf"\boxed{{{one}}}") != final_key("math", rf"\boxed{{{other}}}")


def test_a_long_answer_is_cut_and_told_apart():
    one, other = (final_key("math", rf"\boxed{{x+{'y' * 200}{end}}}") for end in "ab")
    assert one is not None
    assert other is not None
    assert one != other
    assert len(one) < 100


@pytest.mark.parametrize("number", ["1e999999999", "NaN", "Infinity", "9" * 79])
def test_no_number_is_too_large(number: str):
    key = final_key("math", rf"\boxed{{{number}}}")
    assert key is not None
    assert len(key) < 100


def test_only_kinds_with_final_answers_have_them():
    assert final_key("chat", r"\boxed{5}") is None
    assert final_key("math", "<think>never ends") is None
