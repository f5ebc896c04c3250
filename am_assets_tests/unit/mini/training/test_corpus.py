"""What the mini models read, and how it is cut into batches."""

import random
import re
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from am_assets.core.protocol import SYSTEM_PROMPT, parse_response
from am_assets.mini.problems.sampling import Kind, sample_problem
from am_assets.mini.training.batches import causal_batches, rated_batches
from am_assets.mini.training.corpus import Example, arithmetic_page, base_examples
from am_assets.mini.training.instructions import instruct_examples
from am_assets.mini.training.ratings import GOOD, rated_answers, render_rated, spoil
from am_assets.mini.training.teacher import teacher_examples, with_slip
from am_assets.mini.training.tokenizer import END_OF_TEXT, TURN_END, train_tokenizer


@pytest.mark.parametrize(
    "stream", [base_examples, teacher_examples, instruct_examples, rated_answers]
)
def test_a_stream_is_a_function_of_its_seed(stream: Callable[[int], Iterator[object]]) -> None:
    first = list(islice(stream(3), 200))
    assert first == list(islice(stream(3), 200))
    assert first != list(islice(stream(4), 200))


def test_the_teacher_learns_the_response_format_under_the_system_prompt() -> None:
    for example in islice(teacher_examples(0), 300):
        assert SYSTEM_PROMPT in example.given
        assert example.learnt.endswith(TURN_END)
        assert parse_response(example.learnt.removesuffix(TURN_END)) is not None


@pytest.mark.parametrize("kind", ["math", "code", "science", "instruction", "chat"])
def test_some_of_the_teachers_answers_hold_a_slip_and_most_do_not(kind: Kind) -> None:
    rng = random.Random(8)
    problems = [sample_problem(kind, rng, "train") for _ in range(400)]
    slips = sum(with_slip(problem, rng).answer != problem.answer for problem in problems)
    assert 0.1 * len(problems) < slips < 0.4 * len(problems)


def test_a_slip_carries_a_wrong_result_into_the_boxed_answer() -> None:
    rng = random.Random(8)
    for _ in range(400):
        problem = sample_problem("math", rng, "train")
        told = with_slip(problem, rng)
        result = told.think.removesuffix(".").split()[-1]
        assert told.answer == f"\\boxed{{{result}}}"
        assert told.reference_answer == problem.reference_answer


def test_the_base_never_learns_to_answer_in_the_response_format() -> None:
    for example in islice(base_examples(0), 1000):
        if SYSTEM_PROMPT not in example.learnt:
            assert "<think>" not in example.learnt
        assert example.learnt.endswith((TURN_END, END_OF_TEXT))


def test_arithmetic_pages_are_right() -> None:
    page = arithmetic_page(random.Random(5))
    sums = re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)\.", page)
    assert len(sums) == 12
    for left, sign, right, result in sums:
        a, b, c = int(left), int(right), int(result)
        assert c == {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign]


def test_judged_answers_that_score_5_hold_the_reference_and_others_do_not_equal_it() -> None:
    pattern = re.compile(r"Reference: (.*)\nAnswer: (.*)<\|im_end\|>\n<\|im_start\|>", re.DOTALL)
    scores = {0: 0, 1: 0, 5: 0}
    for example in islice(instruct_examples(0), 3000):
        if found := pattern.search(example.given):
            reference, answer = (text.casefold() for text in found.groups())
            score = int(re.fullmatch(r"score: (\d)<\|im_end\|>", example.learnt).group(1))  # type: ignore[union-attr]
            scores[score] += 1
            if score == 5:
                assert reference in answer
            if score == 0:
                assert reference.split() != answer.split()
    assert min(scores.values()) > 20


def test_a_spoilt_answer_is_rated_too_low_to_pass() -> None:
    rng = random.Random(2)
    for _ in range(300):
        text, ratings = spoil("Plant it in spring and water it.", ("Use salt.", "42"), rng)
        assert ratings == GOOD or sum(ratings) / 12 < 0.6
        assert (ratings == GOOD) == (text == "Plant it in spring and water it.")


def test_loss_falls_on_the_learnt_tokens_only() -> None:
    tokenizer = train_tokenizer(["abc 123"], 300)
    examples = iter([Example("given ", "one"), Example("", "two 22")])
    batch = next(causal_batches(examples, tokenizer, 1000, random.Random(0)))
    # The first token of a text learnt whole has nothing before it to be predicted from.
    assert tokenizer.decode(batch.targets.tolist()) in ("onewo 22", "wo 22one")
    assert batch.inputs.shape[1] % 8 == 0


def test_every_reply_of_a_chat_is_learnt() -> None:
    tokenizer = train_tokenizer(["abc 123"], 300)
    chat = Example("ask one ", "1", more=((" ask two ", "2"), (" ask three ", "3")))
    batch = next(causal_batches(iter([chat]), tokenizer, 1000, random.Random(0)))
    assert tokenizer.decode(batch.targets.tolist()) == "123"


def test_a_rated_batch_points_at_the_last_real_token() -> None:
    tokenizer = train_tokenizer(["abc 123"], 300)
    answers = islice(rated_answers(0), 8)
    batch = next(rated_batches(answers, tokenizer, 10_000, random.Random(0)))
    newline = tokenizer("\n")["input_ids"][0]
    assert [row[at].item() for row, at in zip(batch.inputs, batch.last, strict=True)] == (
        [newline] * len(batch.last)
    )


def test_the_reward_models_input_is_the_chat_format() -> None:
    assert render_rated("Hi", "Hello") == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"
    )
