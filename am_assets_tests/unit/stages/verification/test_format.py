import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.protocol import render_response
from am_assets.core.settings.verification import RulesConfig
from am_assets.stages.verification.format import answer_of, repeated_share, repeats_itself


def test_only_the_answer_block_is_judged():
    assert answer_of(render_response("maybe 3", "4"), require_format=True) == "4"


@pytest.mark.parametrize(
    "response",
    ["4", "<think>a</think>4", "<answer>4</answer>", "<think></think><answer>4</answer>"],
)
def test_a_response_of_another_format_has_no_answer(response):
    assert answer_of(response, require_format=True) is None


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("it is 4", "it is 4"),
        ("<think>a</think> 4", "4"),
        ("<think>a</think><answer>4</answer>", "4"),
        ("reasoning</think>4", "4"),
        ("<think>never ends 4", None),
        ("<think>a</think>", None),
        ("", None),
        (" \u200b\ufeff\n", None),
    ],
)
def test_without_the_format_rule_the_text_after_thinking_is_judged(response, answer):
    assert answer_of(response, require_format=False) == answer


def test_a_loop_is_repetition():
    assert repeats_itself("so we try again with the next number " * 60, RulesConfig())


def test_a_loop_without_spaces_is_repetition():
    assert repeats_itself("我们再试一次下一个数字看看结果如何然后继续计算" * 40, RulesConfig())


def test_a_long_derivation_is_no_repetition():
    steps = " ".join(f"Step {i}: add {i} to {i * i} and get {i + i * i}." for i in range(300))
    assert not repeats_itself(steps, RulesConfig())


REPEATED = {
    "code": "```python\n" + "    grid[i][j] = 0\n" * 60 + "```",
    "table": "| 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |\n" * 12,
    "song": "\n".join(
        f"Verse {i} tells of number {i} and what {i * 3} sailors saw on day {i * 7}.\n"
        "Oh sing with me the song of the open sea my friend and we will never be alone again"
        for i in range(5)
    ),
    "short poem": "The rose is red, the rose is red, the rose is red, and so it goes.",
}


@pytest.mark.parametrize("text", REPEATED.values(), ids=REPEATED.keys())
def test_programs_tables_and_refrains_may_repeat_themselves(text):
    assert not repeats_itself(text, RulesConfig())


def test_a_loop_in_a_fence_that_never_closes_is_repetition():
    assert repeats_itself("```python\n" + "    grid[i][j] = 0 # and again\n" * 60, RulesConfig())


@given(st.text(max_size=400), st.integers(2, 10), st.integers(2, 5))
def test_a_share_is_a_share(text, n, least):
    assert 0 <= repeated_share(text, n, least) <= 1
