"""Word problems of one or two steps with small numbers, and their worked solutions.

A problem is an operation (what is computed) told as a story (a frame of that operation). Source
frames and benchmark frames are disjoint, and so are their names and objects.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from am_assets.mini.problems.math_frames import BENCHMARK_FRAMES, SOURCE_FRAMES
from am_assets.mini.problems.problem import Problem, Split
from am_assets.mini.problems.words import BENCHMARK_NAMES, BENCHMARK_OBJECTS, NAMES, OBJECTS, PLACES

Numbers = tuple[int, ...]

ORDERS = (
    "{story} {question}",
    "{question} Here is what we know: {story}",
    "A small problem from {place}: {story} {question}",
    "{story} That was in {place}. {question}",
    "Please solve this. {story} {question}",
)
BENCHMARK_ORDERS = ("{story} {question}", "{story} {question} Answer with one number.")


@dataclass(frozen=True)
class Operation:
    """How numbers are drawn for an operation, and its worked steps; the last result is the answer.

    `steps` turns the numbers into (expression, result) pairs.
    """

    difficulty: str
    draw: Callable[[random.Random], Numbers]
    steps: Callable[[Numbers], list[tuple[str, int]]]


def _draw_divisible(rng: random.Random) -> Numbers:
    groups, each = rng.randint(2, 12), rng.randint(2, 12)
    return groups * each, groups


def _draw_share(rng: random.Random) -> Numbers:
    part, each = rng.choice((2, 3, 4, 5, 10)), rng.randint(2, 12)
    return part, part * each


def _draw_percent(rng: random.Random) -> Numbers:
    percent = rng.choice((10, 20, 25, 50))
    return percent, rng.randint(1, 10) * 20


def _draw_product_less(rng: random.Random) -> Numbers:
    a, b = rng.randint(3, 12), rng.randint(3, 12)
    return a, b, rng.randint(2, a * b - 1)


def _draw_take_twice(rng: random.Random) -> Numbers:
    a = rng.randint(40, 150)
    b = rng.randint(5, a // 2)
    return a, b, rng.randint(3, a // 2 - 2)


def _draw_sum_less(rng: random.Random) -> Numbers:
    a, b = rng.randint(10, 99), rng.randint(10, 99)
    return a, b, rng.randint(3, min(60, a + b - 2))


def _draw_sum_times(rng: random.Random) -> Numbers:
    a, b = rng.randint(2, 6), rng.randint(2, 6)
    return a, b, rng.randint(3, 12)


def _draw_take(rng: random.Random) -> Numbers:
    a = rng.randint(30, 199)
    return a, rng.randint(4, a - 4)


OPERATIONS: dict[str, Operation] = {
    "add": Operation(
        "very easy",
        lambda rng: (rng.randint(11, 99), rng.randint(11, 99)),
        lambda n: [(f"{n[0]} + {n[1]}", n[0] + n[1])],
    ),
    "take": Operation("very easy", _draw_take, lambda n: [(f"{n[0]} - {n[1]}", n[0] - n[1])]),
    "times": Operation(
        "easy",
        lambda rng: (rng.randint(2, 12), rng.randint(2, 12)),
        lambda n: [(f"{n[0]} * {n[1]}", n[0] * n[1])],
    ),
    "divide": Operation("easy", _draw_divisible, lambda n: [(f"{n[0]} / {n[1]}", n[0] // n[1])]),
    "share": Operation("medium", _draw_share, lambda n: [(f"{n[1]} / {n[0]}", n[1] // n[0])]),
    "percent": Operation(
        "hard",
        _draw_percent,
        lambda n: [(f"{n[0]}% is 1/{100 // n[0]}. {n[1]} / {100 // n[0]}", n[1] * n[0] // 100)],
    ),
    "add_take": Operation(
        "medium",
        _draw_sum_less,
        lambda n: [
            (f"{n[0]} + {n[1]}", n[0] + n[1]),
            (f"{n[0] + n[1]} - {n[2]}", n[0] + n[1] - n[2]),
        ],
    ),
    "take_take": Operation(
        "medium",
        _draw_take_twice,
        lambda n: [
            (f"{n[0]} - {n[1]}", n[0] - n[1]),
            (f"{n[0] - n[1]} - {n[2]}", n[0] - n[1] - n[2]),
        ],
    ),
    "times_add": Operation(
        "hard",
        lambda rng: (rng.randint(2, 12), rng.randint(2, 12), rng.randint(2, 50)),
        lambda n: [
            (f"{n[0]} * {n[1]}", n[0] * n[1]),
            (f"{n[0] * n[1]} + {n[2]}", n[0] * n[1] + n[2]),
        ],
    ),
    "times_take": Operation(
        "hard",
        _draw_product_less,
        lambda n: [
            (f"{n[0]} * {n[1]}", n[0] * n[1]),
            (f"{n[0] * n[1]} - {n[2]}", n[0] * n[1] - n[2]),
        ],
    ),
    "sum_times": Operation(
        "very hard",
        _draw_sum_times,
        lambda n: [
            (f"{n[0]} + {n[1]}", n[0] + n[1]),
            (f"{n[0] + n[1]} * {n[2]}", (n[0] + n[1]) * n[2]),
        ],
    ),
}


def is_held_out(numbers: Sequence[int]) -> bool:
    """Whether benchmark frames use these numbers; `train` draws the others for those frames."""
    return sum((place + 1) * (number % 7) for place, number in enumerate(numbers)) % 5 == 0


def draw_numbers(operation: str, rng: random.Random, *, held_out: bool | None) -> Numbers:
    """Draw numbers for an operation, of either side of the benchmark's cut if one is asked for."""
    while True:
        numbers = OPERATIONS[operation].draw(rng)
        if held_out is None or is_held_out(numbers) == held_out:
            return numbers


def result(operation: str, numbers: Numbers) -> int:
    """The answer of an operation over its numbers."""
    return OPERATIONS[operation].steps(numbers)[-1][1]


def build(
    operation: str,
    frame: tuple[str, str],
    numbers: Numbers,
    *,
    name: str,
    things: str,
    place: str,
    order: str,
) -> Problem:
    """Tell an operation over `numbers` as the story of `frame` and work it out."""
    slots = dict(zip("abc", numbers, strict=False)) | {"n": name, "o": things, "p": place}
    story, question = (part.format(**slots) for part in frame)
    steps = OPERATIONS[operation].steps(numbers)
    answer = str(steps[-1][1])
    return Problem(
        kind="math",
        prompt=order.format(story=story, question=question, place=place),
        think=" ".join(f"{expression} = {value}." for expression, value in steps),
        answer=f"\\boxed{{{answer}}}",
        reference_answer=answer,
        test_case=None,
        constraints=None,
        category="math",
        difficulty=OPERATIONS[operation].difficulty,
        skill=f"math:{operation}",
    )


def sample(rng: random.Random, split: Split) -> Problem:
    """Draw one math problem of a split."""
    operation = rng.choice(list(OPERATIONS))
    benchmark = split == "benchmark" or (split == "train" and rng.random() < 0.25)
    if benchmark:
        return build(
            operation,
            rng.choice(BENCHMARK_FRAMES[operation]),
            draw_numbers(operation, rng, held_out=split == "benchmark"),
            name=rng.choice(BENCHMARK_NAMES),
            things=rng.choice(BENCHMARK_OBJECTS),
            place=rng.choice(PLACES),
            order=rng.choice(BENCHMARK_ORDERS),
        )
    return build(
        operation,
        rng.choice(SOURCE_FRAMES[operation]),
        draw_numbers(operation, rng, held_out=None),
        name=rng.choice(NAMES),
        things=rng.choice(OBJECTS),
        place=rng.choice(PLACES),
        order=rng.choice(ORDERS),
    )
