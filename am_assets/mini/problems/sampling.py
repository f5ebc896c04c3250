"""Sampling of generated problems: one function over the five kinds of the mini profile.

Splits differ in wording only; the skills are the same. `source` is what the upstream sources say,
`benchmark` uses scenarios that no source uses, and `train` mixes both with bare wordings. A model
trained on `train` therefore meets the benchmark's scenarios, but with other numbers, constants or
question wordings: no benchmark item is ever drawn in `train`.
"""

import random

from am_assets.mini.problems import (
    chat_problems,
    code_problems,
    instruction_problems,
    math_problems,
    science_problems,
)
from am_assets.mini.problems.problem import Kind, Problem, Split

__all__ = ["Kind", "Problem", "Split", "sample_problem"]

_SAMPLERS = {
    "math": math_problems.sample,
    "code": code_problems.sample,
    "science": science_problems.sample,
    "instruction": instruction_problems.sample,
    "chat": chat_problems.sample,
}


def sample_problem(kind: Kind, rng: random.Random, split: Split) -> Problem:
    """Draw one problem; the same state of `rng` gives the same problem."""
    return _SAMPLERS[kind](rng, split)
