"""Small Python tasks told in scenes, with reference programs and test cases made from them."""

import random
from collections.abc import Callable
from typing import Any

from am_assets.mini.problems.code_families import FAMILIES, CodeFamily
from am_assets.mini.problems.code_scenes import BENCHMARK_SCENES, SOURCE_SCENES, Scene
from am_assets.mini.problems.problem import Problem, Split
from am_assets.mini.problems.words import word_table

_WORDS = word_table(
    "apple level stone river noon rotor garden sea tiger oat ember civic rose treasure star "
    "radar boat salt echo motor"
)

_ARGUMENTS = {
    "number": "a number",
    "numbers": "a list of numbers",
    "text": "a text",
    "texts": "a list of texts",
}


def _draw_input(family: CodeFamily, rng: random.Random) -> Any:
    if family.data == "number":
        top = 9 if family.name in ("print_count", "print_word") else 60
        return rng.randint(1, top)
    if family.data == "numbers":
        return [rng.randint(1, 14) for _ in range(rng.randint(5, 7))]
    if family.data == "text":
        if family.mode == "stdin":
            return " ".join(rng.sample(_WORDS, rng.randint(1, 4)))
        return rng.choice(_WORDS)
    if family.data == "texts":
        # Different lengths, so that "the longest" is one of them.
        by_length = {len(word): word for word in rng.sample(_WORDS, len(_WORDS))}
        return rng.sample(sorted(by_length.values()), rng.randint(2, 4))
    if family.data == "pair":
        return " ".join(str(rng.randint(1, 90)) for _ in range(2))
    if family.name == "print_times":
        return rng.randint(1, 40)
    return " ".join(str(rng.randint(1, 40)) for _ in range(rng.randint(3, 6)))


def _function(family: CodeFamily, code: str) -> Callable[[Any], Any]:
    """The reference function of a family; `code` comes from this package's own table only."""
    scope: dict[str, Any] = {}
    exec(code, scope)
    return scope[family.fn]


def _run_program(code: str, line: str) -> str:
    """What the reference program prints for one input line."""
    printed: list[str] = []
    scope: dict[str, Any] = {
        "input": lambda: line,
        "print": lambda value: printed.append(f"{value}"),
    }
    exec(code, scope)
    return "\n".join(printed) + "\n"


def _test_case(family: CodeFamily, code: str, rng: random.Random) -> dict[str, Any]:
    inputs: list[Any] = []
    while len(inputs) < 4:
        drawn = _draw_input(family, rng)
        if drawn not in inputs:
            inputs.append(drawn)
    if family.mode == "stdin":
        lines = [str(drawn) for drawn in inputs]
        return {
            "type": "stdin_stdout",
            "language": "python",
            "inputs": [f"{line}\n" for line in lines],
            "outputs": [_run_program(code, line) for line in lines],
        }
    function = _function(family, code)
    if family.mode == "asserts":
        tests = [f"assert {family.fn}({drawn!r}) == {function(drawn)!r}" for drawn in inputs]
        return {"type": "asserts", "tests": tests}
    return {
        "type": "function",
        "fn_name": family.fn,
        "inputs": [[drawn] for drawn in inputs],
        "outputs": [function(drawn) for drawn in inputs],
    }


def reference_code(family: CodeFamily, constant: str) -> str:
    """The whole reference program of a family."""
    code = family.code.format(k=constant) if constant else family.code
    return code if family.mode == "stdin" else f"def {family.fn}(x):\n    {code}"


def same_results(code: str, family: CodeFamily, test_case: dict[str, Any]) -> bool:
    """Whether `code`, a reference program of this package, gives what a family's tests want."""
    if family.mode == "stdin":
        pairs = zip(test_case["inputs"], test_case["outputs"], strict=True)
        return all(_run_program(code, line.rstrip("\n")) == output for line, output in pairs)
    function = _function(family, code)
    if family.mode == "function":
        pairs = zip(test_case["inputs"], test_case["outputs"], strict=True)
        return all(function(*given) == output for given, output in pairs)
    return all(_holds(test, family.fn, function) for test in test_case["tests"])


def _holds(test: str, name: str, function: Callable[[Any], Any]) -> bool:
    try:
        exec(test, {name: function})
    except AssertionError:
        return False
    return True


def build(
    family: CodeFamily, constant: str, scene: Scene, rng: random.Random, *, benchmark: bool
) -> Problem:
    """Tell a family's task in a scene; `rng` draws the test inputs only."""
    code = reference_code(family, constant)
    task = (family.benchmark if benchmark else family.source).format(k=constant)
    argument = _ARGUMENTS.get(family.data, "")
    if benchmark and family.mode == "stdin":
        asked = f"Code a Python script that {task}."
    elif benchmark:
        asked = f"Implement {family.fn} over {argument} in Python; it {task}."
    elif family.mode == "stdin":
        asked = f"Write a Python program that {task}."
    else:
        asked = f"Write a Python function {family.fn} that takes {argument} and {task}."
    return Problem(
        kind="code",
        prompt=scene.order.format(
            scene=scene.text.format(t=scene.texts if "text" in family.data else scene.numbers),
            task=asked,
        ),
        think=family.plan.format(k=constant),
        answer=f"```python\n{code}\n```",
        reference_answer=None,
        test_case=_test_case(family, code, rng),
        constraints=None,
        category="coding",
        difficulty=family.difficulty,
        skill=f"code:{family.name}",
    )


def sample(rng: random.Random, split: Split) -> Problem:
    """Draw one code problem of a split."""
    family = rng.choice(FAMILIES)
    constant = rng.choice(family.constants)
    benchmark = split == "benchmark" or (split == "train" and rng.random() < 0.3)
    if split == "train" and benchmark:
        # Benchmark scenes and benchmark wordings are trained apart, never as a benchmark item.
        wording = rng.random() < 0.5
        scene = rng.choice(SOURCE_SCENES if wording else BENCHMARK_SCENES)
        return build(family, constant, scene, rng, benchmark=wording)
    scene = rng.choice(BENCHMARK_SCENES if benchmark else SOURCE_SCENES)
    return build(family, constant, scene, rng, benchmark=benchmark)
