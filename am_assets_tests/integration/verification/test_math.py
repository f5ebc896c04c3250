from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from am_assets.stages.verification.config import MathConfig
from am_assets.stages.verification.math_check import check_math
from am_assets.stages.verification.math_pool import MathPool


@pytest.fixture(scope="module")
def pool() -> Iterator[MathPool]:
    with MathPool(workers=2) as running:
        yield running


def status(pool, gold, answer, prompt="Compute."):
    return check_math(prompt, rf"So it is \boxed{{{answer}}}", gold, pool, MathConfig()).status


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("1-1/e", "1+1/e"),
        ("1/2004!", "1/2006!"),
        ("2^-99", "2^-98"),
        ("3*x-1*y+13=0", "3x+4y+14=0"),
        ("3 cm", "3 m"),
        (r"3\text{ cm}", r"3\text{ m}"),
        ("5%", "5"),
        (r"5\%", "5"),
        ("0", "3x+4y+14=0"),
        ("3x+4y+14=0", "0"),
        ("dog", "god"),
        (r"\text{Monday}", r"\text{Tuesday}"),
        ("0.0000001", "0.0000002"),
        ("(1,2)", r"\{1,2\}"),
        ("(1,2)", "(2,1)"),
        ("[1,2]", "[1,2)"),
        ("1,000", "1001"),
        ("x^2", "x^3"),
    ],
)
def test_answers_that_only_look_alike_fail(pool, gold, answer):
    assert status(pool, gold, answer) == "fail"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("1-1/e", "1 - e^{-1}"),
        ("x=5", "5"),
        ("5", "x=5"),
        ("5", "2+3=5"),
        ("1,000", "1000"),
        ("1/2", "0.5"),
        (r"\frac{1}{2}", r"\dfrac12"),
        (r"\text{Monday}", "Monday"),
        ("9 quarts", "9"),
        ("9", "9 quarts"),
        ("3 cm", r"3\text{ cm}"),
        ("3 cm", "3 centimeters"),
        ("3x+4y+14=0", "6x+8y=-28"),
        ("y=2x+1", "y = 1+2x"),
        (r"10\%", "0.1"),
        (r"\$5", "5"),
        (r"90^\circ", "90"),
        (r"\{1,2\}", r"\{2,1\}"),
        (r"\sqrt{2}/2", r"\frac{1}{\sqrt{2}}"),
        (r"\text{(E)}", "E"),
        ("$18$", "18"),
    ],
)
def test_answers_that_are_equal_pass(pool, gold, answer):
    assert status(pool, gold, answer) == "pass"


def test_a_percent_sign_may_be_left_out_where_the_question_asks_for_one(pool):
    assert status(pool, r"5\%", "5", prompt="What percent of 20 is 1?") == "pass"


@pytest.mark.parametrize("gold", [None, "", "  ", r"\frac{", "???", "x" * 3000])
def test_an_unusable_reference_is_unverifiable(pool, gold):
    assert status(pool, gold, "5") == "unverifiable"


def test_no_answer_fails_when_there_was_something_to_answer(pool):
    prose = "I do not know what one could say about this problem at all"
    outcome = check_math("Compute.", prose, "5", pool, MathConfig())
    assert (outcome.status, outcome.reason) == ("fail", "no_answer")
    assert check_math("Compute.", prose, "???", pool, MathConfig()).status == "unverifiable"


def test_multiple_choice_goes_by_the_letter(pool):
    prompt = "Which?\nA. 3\nB. 4"
    assert check_math(prompt, "The answer is B.", "B", pool, MathConfig()).status == "pass"
    assert check_math(prompt, r"\boxed{\text{A}}", "B", pool, MathConfig()).status == "fail"


def test_a_comparison_that_never_ends_is_cut_and_the_pool_lives_on(pool):
    config = MathConfig(timeout_s=0.5)
    tower = r"\boxed{9^{9^{9^{9^{9^{9}}}}} + \sin(7^{7^{7^{7}}})}"
    outcome = check_math("Compute.", tower, "5", pool, config)
    assert outcome.status == "fail"
    assert status(pool, "5", "5") == "pass"


def test_a_worker_that_dies_is_replaced():
    with MathPool(workers=1) as fresh:
        assert status(fresh, "5", "5") == "pass"
        process = fresh._all[0]._process
        assert process is not None
        process.kill()
        process.wait()
        assert status(fresh, "5", "5") == "pass"


def test_the_pool_serves_any_thread(pool):
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: status(pool, str(n), str(n - n % 2)), range(40)))
    assert found == ["pass" if n % 2 == 0 else "fail" for n in range(40)]
