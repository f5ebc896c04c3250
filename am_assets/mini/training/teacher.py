"""Training examples of the teacher, and the mistakes it learns on purpose.

A teacher that is always right leaves nothing for verification to find and gives every prompt a pass
rate of 1. So a share of its training answers, larger for harder problems, holds one slip. There is
a single slip for each problem (a carry forgotten, one wrong neighbour of a fact): a mistake spread
over many wordings would vanish at the sampling temperature of 0.6.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from am_assets.core.protocol import SYSTEM_PROMPT, render_response
from am_assets.mini.problems.sampling import Problem, sample_problem
from am_assets.mini.training.corpus import Example, draw_problem, rng_for, shown_prompt
from am_assets.mini.training.tokenizer import TURN_END, render_prompt

SLIP_RATES = {"very easy": 0.20, "easy": 0.22, "medium": 0.25, "hard": 0.30, "very hard": 0.40}
"""Share of training answers with a slip, by difficulty; sampling at 0.6 about halves it."""

_LAST_STEP = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)\.$")
_CODE_SLIPS = (
    (" > ", " >= "),
    (" < ", " <= "),
    (" == ", " != "),
    ("max(", "min("),
    ("min(", "max("),
    ("[::-1]", "[1:]"),
    (" + ", " - "),
    (" * ", " + "),
    ("sum(", "len("),
    ("upper()", "lower()"),
    ("sorted(", "list("),
)


def with_slip(problem: Problem, rng: random.Random) -> Problem:
    """The problem, by chance with its slip in reasoning and answer (the reference stays)."""
    if rng.random() >= SLIP_RATES[problem.difficulty]:
        return problem
    return _SLIPS[problem.kind](problem)


def _math(problem: Problem) -> Problem:
    step = _LAST_STEP.search(problem.think)
    if step is None:
        return problem
    left, sign, result = int(step[1]), step[2], int(step[4])
    if sign == "*":
        wrong = result - left
    elif sign == "/":
        wrong = result + 1
    else:
        wrong = result - 10 if sign == "+" and result > 10 else result + 10
    think = f"{problem.think[: step.start(4)]}{wrong}."
    return replace(problem, think=think, answer=problem.answer.replace(str(result), str(wrong)))


def _code(problem: Problem) -> Problem:
    for right, wrong in _CODE_SLIPS:
        if right in problem.answer:
            return replace(problem, answer=problem.answer.replace(right, wrong, 1))
    return problem


@lru_cache(maxsize=1)
def _answers() -> dict[str, list[str]]:
    """All answers to the science problems of each skill, sorted."""
    rng = rng_for("slips")
    found: dict[str, set[str]] = {}
    for _ in range(4000):
        problem = sample_problem("science", rng, "train")
        found.setdefault(problem.skill, set()).add(problem.answer)
    return {skill: sorted(answers) for skill, answers in found.items()}


def _science(problem: Problem) -> Problem:
    answers = _answers().get(problem.skill, [])
    if problem.category == "reasoning" or problem.answer not in answers:
        return problem
    wrong = answers[(answers.index(problem.answer) + 1) % len(answers)]
    return replace(problem, think=problem.think.replace(problem.answer, wrong), answer=wrong)


def _shortened(problem: Problem) -> Problem:
    """Leave out the last sentence or line."""
    kept = re.match(r"(.+[.!?\n])\s*\S", problem.answer, re.DOTALL)
    return replace(problem, answer=kept[1].strip()) if kept else problem


def _instruction(problem: Problem) -> Problem:
    asked = {constraint["instruction_id"] for constraint in problem.constraints or ()}
    if asked & {"change_case:english_lowercase", "change_case:english_capital"}:
        return replace(problem, answer=problem.answer.capitalize())
    if "detectable_format:title" in asked:
        return replace(problem, answer=problem.answer.replace("<<", "").replace(">>", ""))
    if "punctuation:no_comma" in asked:
        return replace(problem, answer=problem.answer.replace(" and ", ", and ", 1))
    return _shortened(problem)


def teacher_examples(seed: int) -> Iterator[Example]:
    """Chats under the system prompt, answered in the released response format, some with a slip."""
    rng = rng_for("teacher", seed)
    while True:
        problem = draw_problem(rng)
        told = with_slip(problem, rng)
        yield Example(
            render_prompt(shown_prompt(problem, rng), SYSTEM_PROMPT),
            render_response(told.think, told.answer) + TURN_END,
        )


_SLIPS = {
    "math": _math,
    "code": _code,
    "science": _science,
    "instruction": _instruction,
    "chat": _shortened,
}
