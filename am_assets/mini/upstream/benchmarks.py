"""The benchmarks of the mini profile: items in scenarios that no source row tells.

Math, code and science only, as the benchmarks of the reproduced pipeline. Items are fixed: every
call returns the same ones.
"""

from collections.abc import Callable
from typing import Any

from am_assets.mini.problems import code_problems, math_problems, science_problems
from am_assets.mini.problems.code_families import FAMILIES as CODE_FAMILIES
from am_assets.mini.problems.code_scenes import BENCHMARK_SCENES
from am_assets.mini.problems.math_frames import BENCHMARK_FRAMES
from am_assets.mini.problems.problem import Problem
from am_assets.mini.problems.science_facts import FAMILIES as SCIENCE_FAMILIES
from am_assets.mini.problems.seeds import seeded
from am_assets.mini.problems.words import BENCHMARK_NAMES, BENCHMARK_OBJECTS, PLACES

MATH_ITEMS, CODE_ITEMS, SCIENCE_ITEMS = 50, 25, 40


def math_items() -> list[Problem]:
    """Fifty math items: every benchmark frame twice or more, with held-out numbers."""
    operations = list(BENCHMARK_FRAMES)
    items: dict[str, Problem] = {}
    for i in range(MATH_ITEMS):
        operation, turn = operations[i % len(operations)], i // len(operations)
        frames = BENCHMARK_FRAMES[operation]
        rng = seeded("benchmark", "math", i)
        while len(items) == i:
            item = math_problems.build(
                operation,
                frames[turn % len(frames)],
                math_problems.draw_numbers(operation, rng, held_out=True),
                name=BENCHMARK_NAMES[i % len(BENCHMARK_NAMES)],
                things=BENCHMARK_OBJECTS[(i + turn) % len(BENCHMARK_OBJECTS)],
                place=PLACES[i % len(PLACES)],
                order=math_problems.BENCHMARK_ORDERS[turn // 2 % 2],
            )
            items.setdefault(item.prompt, item)
    return list(items.values())


def code_items() -> list[Problem]:
    """Twenty-five code items: families in a stride, told in the benchmark's scenes and wordings."""
    items: list[Problem] = []
    for i in range(CODE_ITEMS):
        family = CODE_FAMILIES[i * 3 % len(CODE_FAMILIES)]
        rng = seeded("benchmark", "code", i)
        items.append(
            code_problems.build(
                family,
                rng.choice(family.constants),
                BENCHMARK_SCENES[i % len(BENCHMARK_SCENES)],
                rng,
                benchmark=True,
            )
        )
    return items


def science_items() -> list[Problem]:
    """Forty science items, one for each of the last forty benchmark facts."""
    facts = [(family, fact) for family in SCIENCE_FAMILIES for fact in family.split(benchmark=True)]
    situations = science_problems.BENCHMARK_SITUATIONS
    return [
        science_problems.build_fact(
            family,
            fact,
            family.benchmark[i % len(family.benchmark)],
            situations[i // 2 % len(situations)],
        )
        for i, (family, fact) in enumerate(facts[-SCIENCE_ITEMS:])
    ]


BENCHMARKS: dict[str, Callable[[], list[Problem]]] = {
    "mini_math_bench": math_items,
    "mini_code_bench": code_items,
    "mini_science_bench": science_items,
}


def benchmark_items(name: str) -> list[dict[str, Any]]:
    """The items of a benchmark: item_id, kind, prompt, reference_answer, test_case, constraints.

    Raises KeyError if there is no benchmark of that name.
    """
    return [
        {
            "item_id": f"{name}-{i:03d}",
            "kind": problem.kind,
            "prompt": problem.prompt,
            "reference_answer": problem.reference_answer,
            "test_case": problem.test_case,
            "constraints": problem.constraints,
        }
        for i, problem in enumerate(BENCHMARKS[name]())
    ]
