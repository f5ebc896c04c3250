"""Training examples of the reward model: good answers, and answers spoilt in known ways.

Ratings are (coherence, correctness, helpfulness), each 0 to 4; (sum / 12) above 0.7 passes.
"""

import random
import re
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass

from am_assets.mini.problems.sampling import Kind, Problem, sample_problem
from am_assets.mini.training.corpus import rng_for
from am_assets.mini.training.tokenizer import TURN_END, render_prompt

Ratings = tuple[float, float, float]
"""Coherence, correctness, helpfulness."""

GOOD: Ratings = (4.0, 4.0, 4.0)
SHUFFLED: Ratings = (0.0, 1.0, 1.0)
REPEATED: Ratings = (0.0, 1.0, 0.0)
TRUNCATED: Ratings = (2.0, 2.0, 1.0)
EMPTY: Ratings = (1.0, 0.0, 0.0)
OTHER_ANSWER: Ratings = (4.0, 1.0, 1.0)
OFF_TOPIC: Ratings = (4.0, 0.0, 0.0)

_KINDS: dict[Kind, float] = {
    "chat": 0.55,
    "instruction": 0.2,
    "science": 0.1,
    "math": 0.08,
    "code": 0.07,
}
_EMPTY = ("", "ok", "Ok.", "...", "yes", "No.", "I do not know.", "Sure.", "-", "Sorry.")


@dataclass(frozen=True)
class RatedAnswer:
    """A rendered user turn and answer turn, and its target ratings."""

    text: str
    ratings: Ratings


def render_rated(prompt: str, answer: str) -> str:
    """The reward model's input: the user's turn and the answer, in the chat format."""
    return f"{render_prompt(prompt)}{answer}{TURN_END}\n"


def _truncate(answer: str, rng: random.Random) -> str:
    """Cut before the last sentence or line, or anywhere in the first two thirds."""
    words = answer.split()
    whole = re.match(r"(.+[.!?\n])\s*\S", answer, re.DOTALL)
    if whole and rng.random() < 0.5:
        return whole[1].strip()
    return " ".join(words[: rng.randint(1, max(1, int(len(words) * 0.7)))])


def spoil(answer: str, others: tuple[str, str], rng: random.Random) -> tuple[str, Ratings]:
    """Spoil an answer. `others` are answers to a problem of the same skill and to any problem.

    Where the drawn way leaves the text as it was (a shuffled single word, the same answer twice in
    a row), the answer still counts as good.
    """
    words = answer.split()
    near, far = others
    way = rng.randrange(6)
    if way == 0:
        spoilt, ratings = " ".join(rng.sample(words, len(words))), SHUFFLED
    elif way == 1:
        run = words[: rng.randint(1, 4)]
        spoilt, ratings = " ".join(run * rng.randint(4, 12)), REPEATED
    elif way == 2:
        spoilt, ratings = _truncate(answer, rng), TRUNCATED
    elif way == 3:
        spoilt, ratings = rng.choice(_EMPTY), EMPTY
    elif way == 4:
        spoilt, ratings = near, OTHER_ANSWER
    else:
        spoilt, ratings = far, OFF_TOPIC
    return (spoilt, ratings) if spoilt.split() != words else (answer, GOOD)


def rated_answers(seed: int) -> Iterator[RatedAnswer]:
    """Answers to all kinds of problems, mostly chat; every second one is spoilt."""
    rng = rng_for("reward", seed)
    earlier: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=50))
    while True:
        kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        problem = sample_problem(kind, rng, "train")
        answer, ratings = problem.answer, GOOD
        near, far = earlier[problem.skill], earlier["any"]
        if rng.random() < 0.55 and near and far:
            answer, ratings = spoil(answer, (rng.choice(near), rng.choice(far)), rng)
        _remember(problem, earlier)
        yield RatedAnswer(render_rated(problem.prompt, answer), ratings)


def _remember(problem: Problem, earlier: dict[str, deque[str]]) -> None:
    earlier[problem.skill].append(problem.answer)
    earlier["any"].append(problem.answer)
