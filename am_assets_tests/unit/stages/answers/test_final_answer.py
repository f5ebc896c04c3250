import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.answers.final_answer import final_answer, gold_answer, last_boxed


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
        ("We add them all up here and then get 5.", "5", "conclusion"),
        (r"Putting it together, it is \(\frac{3}{4}\).", r"\frac{3}{4}", "conclusion"),
        ("Twice 4 is 8, so she makes 4 + 8 = 12 dollars.", "12 dollars", "conclusion"),
        ("Therefore, the degree is 3.\n\nI think that's the answer.", "3", "conclusion"),
        ("**Final Answer**\n\n$5$", "5", "stated"),
        ("The answer is $2$ or $3$.", "2, 3", "stated"),
        ("The answer is 5 because 2 + 3 = 5.", "5", "stated"),
        ("The answer is not 4. The answer is 5.", "5", "stated"),
        (r"答：一共有18个苹果。", "18", "stated"),
        ("所以小明一共有18元。", "18元", "conclusion"),
        (r"\boxed{3} or \boxed{4}", "3, 4", "boxed"),
        (r"\boxed{3}, that is $\boxed{3}$", "3", "boxed"),
        (r"The sum is\n\[\nx = 5\n\]".replace(r"\n", "\n"), "x = 5", "conclusion"),
    ],
)
def test_the_final_answer_is_found(text, answer, found):
    assert final_answer(text) == (answer, found)


@pytest.mark.parametrize(
    "text", ["", "I do not know what one could say about this at all", "x" * 5000]
)
def test_no_answer_is_none(text):
    assert final_answer(text) is None


def test_the_last_number_counts_only_where_it_is_allowed():
    text = "First 3 of them, then 4 others, so it ends after 7 long days and nights."
    assert final_answer(text) is None
    assert final_answer(text, last_number=True) == ("7", "number")


def test_a_line_that_hedges_concludes_nothing():
    assert final_answer("Well then, it is 3 or 4.\nMaybe it is 5?") is None


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("18", "18"),
        ("work work\n#### 18", "18"),
        (r"so $\boxed{18}$ it is", "18"),
        ("Janet sells 9\nA: 18", "18"),
    ],
)
def test_a_reference_may_be_a_worked_solution(reference, answer):
    assert gold_answer(reference) == answer


@given(st.text())
def test_finding_an_answer_never_fails(text):
    final_answer(text, words=True, last_number=True)
    last_boxed(r"\boxed{" + text)
