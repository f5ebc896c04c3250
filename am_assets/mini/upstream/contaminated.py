"""Benchmark items that leaked into the upstream sources, as leaks look in the wild.

Some are the item in other case, spacing or punctuation, some the item inside more text, and some
are rewordings that share no run of eight words with it.
"""

import dataclasses
from collections.abc import Sequence

from am_assets.mini.problems.problem import Problem
from am_assets.mini.upstream.benchmarks import BENCHMARKS

Swaps = Sequence[tuple[str, str]]

_REWORDED: dict[str, dict[int, Swaps]] = {
    "mini_math_bench": {
        6: (("penguins, then", "penguins and then"), ("refused the", "refused this")),
        10: (("plus", "and"), ("there are", "with"), ("Count the", "Count all")),
        11: (("then", "and"), ("Count the orbits of", "Count all orbits in")),
        18: (("with", "carrying"), ("burned", "used"), ("on docking. What", "for docking. Which")),
    },
    "mini_code_bench": {
        0: (("transmit", "send"), ("over a", "for a"), ("it yields", "this yields")),
        2: (("document", "record"), ("over a", "for a"), ("it tells", "this tells")),
        12: (("broadcast", "announce"), ("that outputs", "which outputs")),
    },
    "mini_science_bench": {
        9: (("What gadget", "Which gadget"),),
        13: (("that lets", "which lets"),),
        19: (("Name the", "Name a"),),
        26: (("works in what", "works in which"),),
    },
}

_EXACT: dict[str, tuple[int, ...]] = {
    "mini_math_bench": (1, 3, 5, 12),
    "mini_code_bench": (1, 5),
    "mini_science_bench": (3, 10, 20, 27, 33),
}

_EMBEDDED: dict[str, tuple[int, ...]] = {
    "mini_math_bench": (9, 20, 26, 33),
    "mini_code_bench": (7, 19),
    "mini_science_bench": (),
}

SOURCE_OF = {
    "mini_math_bench": "mini_math",
    "mini_code_bench": "mini_code",
    "mini_science_bench": "mini_science",
}


def _recased(prompt: str, style: int) -> str:
    return (
        prompt.upper(),
        prompt.replace(" ", "  "),
        prompt.replace(",", "").replace(";", ""),
        f"  {prompt.lower()} ",
    )[style % 4]


def _inside(prompt: str, style: int) -> str:
    return (f"{prompt} Show how you got there.", f"My tutor gave me this one. {prompt}")[style % 2]


def leaks(source: str) -> list[tuple[str, Problem]]:
    """(item id, the row made from it) for every leak into a source, in a fixed order."""
    found: list[tuple[str, Problem]] = []
    for name, items in BENCHMARKS.items():
        if SOURCE_OF[name] != source:
            continue
        problems = items()
        prompts = {
            index: _recased(problems[index].prompt, i) for i, index in enumerate(_EXACT[name])
        }
        prompts |= {
            index: _inside(problems[index].prompt, i) for i, index in enumerate(_EMBEDDED[name])
        }
        for index, swaps in _REWORDED[name].items():
            prompt = problems[index].prompt
            for old, new in swaps:
                prompt = prompt.replace(old, new)
            prompts[index] = prompt
        found += [
            (f"{name}-{index:03d}", dataclasses.replace(problems[index], prompt=prompt))
            for index, prompt in sorted(prompts.items())
        ]
    return found
