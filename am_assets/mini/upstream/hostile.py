"""Upstream rows that are not worth a place in a dataset: junk, and problems beyond the teacher."""

import dataclasses
from typing import Any

from am_assets.mini.problems.problem import Kind, Problem
from am_assets.mini.problems.seeds import seeded

JUNK = ("empty", "unicode", "url", "table", "cut")

_BEYOND_MATH = (
    "Multiply {a} by {b} without a calculator.",
    "What is the product of {a} and {b}?",
    "Compute {a} times {b}.",
    "Find the exact value of {a} x {b}.",
)

_BEYOND_CODE: tuple[tuple[str, str, list[list[Any]], list[Any]], ...] = (
    (
        "Write a Python function edit_distance that takes two texts and returns the Levenshtein "
        "distance between them, for a spelling checker of old maps.",
        "edit_distance",
        [["kitten", "sitting"], ["flaw", "lawn"], ["", "abc"]],
        [3, 2, 3],
    ),
    (
        "Roman numerals are carved on a sundial. Write a Python function to_roman that turns an "
        "integer below 4000 into its numeral.",
        "to_roman",
        [[4], [1994], [3999]],
        ["IV", "MCMXCIV", "MMMCMXCIX"],
    ),
    (
        "A maze robot gets a grid of 0 and 1 as nested lists. Write a Python function "
        "shortest_route giving the number of moves from the upper left to the lower right over "
        "zeros, or -1.",
        "shortest_route",
        [[[[0, 0], [1, 0]]], [[[0, 1], [1, 0]]], [[[0, 0, 0], [1, 1, 0], [0, 0, 0]]]],
        [2, -1, 4],
    ),
    (
        "Bank notes of given values can be used any number of times. Write a Python function "
        "ways_to_pay that takes the values and an amount and counts the combinations.",
        "ways_to_pay",
        [[[1, 2, 5], 5], [[2], 3], [[10], 10]],
        [4, 0, 1],
    ),
    (
        "A choir sings intervals given as start and end beats. Write a Python function "
        "merge_intervals that merges all overlapping ones in order.",
        "merge_intervals",
        [[[[1, 3], [2, 6], [8, 10]]], [[[1, 4], [4, 5]]]],
        [[[1, 6], [8, 10]], [[1, 5]]],
    ),
)


def junk(problem: Problem, style: str) -> Problem:
    """The same task with a prompt spoiled in one of the styles of `JUNK`."""
    prompt = problem.prompt
    half = prompt[: len(prompt) // 2].rsplit(" ", 1)[0]
    spoiled = {
        "empty": " " * (len(prompt) % 11),
        "unicode": "".join(f"{c}\ufffd\ue000" for c in prompt),
        "url": f"{prompt} See https://example.org/tasks/{len(prompt)} for the picture.",
        "table": f"{prompt}\n\n| day | count |\n| --- | --- |\n| Monday | {len(prompt)} |\n",
        "cut": f"{half} and the",
    }
    return dataclasses.replace(problem, prompt=spoiled[style], skill=f"junk:{style}")


def beyond(kind: Kind, index: int) -> Problem:
    """A sound problem that no small model solves: five-digit products, or real algorithms.

    Raises ValueError for a kind or index without one.
    """
    rng = seeded("beyond", kind, index)
    if kind == "math":
        a, b = rng.randint(10_001, 99_999), rng.randint(10_001, 99_999)
        prompt = _BEYOND_MATH[index % len(_BEYOND_MATH)].format(a=a, b=b)
        answer = str(a * b)
        return Problem(
            kind="math",
            prompt=prompt,
            think=f"{a} * {b} = {answer}.",
            answer=f"\\boxed{{{answer}}}",
            reference_answer=answer,
            test_case=None,
            constraints=None,
            category="math",
            difficulty="very hard",
            skill="math:beyond",
        )
    if kind == "code" and index < len(_BEYOND_CODE):
        prompt, fn_name, inputs, outputs = _BEYOND_CODE[index]
        return Problem(
            kind="code",
            prompt=prompt,
            think="",
            answer="",
            reference_answer=None,
            test_case={
                "type": "function",
                "fn_name": fn_name,
                "inputs": inputs,
                "outputs": outputs,
            },
            constraints=None,
            category="coding",
            difficulty="very hard",
            skill="code:beyond",
        )
    raise ValueError(f"no problem number {index} beyond the teacher in {kind}")
