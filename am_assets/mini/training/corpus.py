"""Training examples of the causal mini models, drawn from the generated problems.

The base model reads plain chats and documents: worked answers without the think/answer tags. The
teacher answers in the released format under the system prompt. Every stream is endless and a
function of its seed alone.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from am_assets.core.protocol import SYSTEM_PROMPT
from am_assets.mini.problems.sampling import Kind, Problem, sample_problem
from am_assets.mini.training.tokenizer import END_OF_TEXT, TURN_END, render_prompt

KIND_WEIGHTS: dict[Kind, float] = {
    "math": 0.46,
    "code": 0.13,
    "science": 0.16,
    "instruction": 0.15,
    "chat": 0.10,
}


@dataclass(frozen=True)
class Example:
    """Text to condition on and text to learn, in turn; no loss falls on what is given.

    `more` holds further (given, learnt) pairs that follow in the same sequence.
    """

    given: str
    learnt: str
    more: tuple[tuple[str, str], ...] = ()


def rng_for(*parts: object) -> random.Random:
    """A random generator of its own for each named stream."""
    return random.Random(hashlib.sha256(repr(parts).encode()).digest())


def draw_problem(rng: random.Random) -> Problem:
    """Draw a training problem, its kind by weight."""
    kind = rng.choices(list(KIND_WEIGHTS), list(KIND_WEIGHTS.values()))[0]
    return sample_problem(kind, rng, "train")


def plain_answer(problem: Problem) -> str:
    """Reasoning and answer as running text, the way a model without the response format writes."""
    if problem.kind == "math" and problem.reference_answer is not None:
        return f"{problem.think} The answer is {problem.reference_answer}."
    return f"{problem.think}\n{problem.answer}"


def with_previous_answer(prompt: str, answer: str) -> str:
    """The prompt of a further round of thinking (Think Twice, arXiv 2503.19855)."""
    return (
        f"{prompt}\nThe assistant's previous answer is: <answer> {answer} </answer>, "
        "and please re-answer."
    )


def shown_prompt(problem: Problem, rng: random.Random) -> str:
    """The user's turn; now and then a later round that shows some answer of the same kind."""
    if rng.random() >= 0.06:
        return problem.prompt
    shown = problem if rng.random() < 0.7 else sample_problem(problem.kind, rng, "train")
    return with_previous_answer(problem.prompt, shown.answer)


def arithmetic_page(rng: random.Random) -> str:
    """A dozen sums, differences, products and quotients in the ranges of the math problems."""
    lines: list[str] = []
    for _ in range(12):
        draw = rng.random()
        if draw < 0.25:
            a, b = rng.randint(2, 160), rng.randint(2, 99)
            lines.append(f"{a} + {b} = {a + b}.")
        elif draw < 0.65:
            a = rng.randint(10, 199)
            b = rng.randint(2, a - 1)
            lines.append(f"{a} - {b} = {a - b}.")
        else:
            a, b = rng.randint(2, 12), rng.randint(2, 12)
            lines.append(f"{a} * {b} = {a * b}." if draw < 0.88 else f"{a * b} / {a} = {b}.")
    return " ".join(lines)


def base_examples(seed: int) -> Iterator[Example]:
    """Chats with and without the system prompt, question-answer pages, sums, text learnt whole."""
    rng = rng_for("base", seed)
    while True:
        if rng.random() < 0.15:
            yield Example("", arithmetic_page(rng) + END_OF_TEXT)
            continue
        problem = draw_problem(rng)
        form = rng.random()
        if form < 0.70:
            system = SYSTEM_PROMPT if form < 0.12 else None
            yield Example(
                render_prompt(shown_prompt(problem, rng), system), plain_answer(problem) + TURN_END
            )
        elif form < 0.82:
            page = f"{problem.think}\n{problem.answer}{END_OF_TEXT}"
            yield Example(f"Question: {problem.prompt}\nAnswer: ", page)
        elif form < 0.99:
            told = f"{problem.think}\n{problem.answer}" if form < 0.92 else problem.answer
            yield Example("", f"{problem.prompt}\n{told}{END_OF_TEXT}")
        else:
            # The tags stand in the system prompt; learnt whole, they stay in reach of fine-tuning.
            yield Example("", f"{SYSTEM_PROMPT}\n{problem.prompt}{END_OF_TEXT}")


def tokenizer_texts(count: int, seed: int) -> Iterator[str]:
    """What the vocabulary is learnt from: the system prompt and `count` problems."""
    rng = rng_for("tokenizer", seed)
    for _ in range(count):
        problem = draw_problem(rng)
        yield SYSTEM_PROMPT
        yield "\n".join((problem.prompt, problem.think, problem.answer, problem.category))
