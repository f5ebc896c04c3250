"""Test cases of code as upstream, chance or malice may make them; the same ones every time.

`python -m am_assets_tests.support.verification.fuzzing_code [COUNT [RUNS]]` judges COUNT values
and outputs against expected ones that were changed, and RUNS test cases in the sandbox.
"""

import copy
import math
import random
import string
import sys
from collections import Counter
from typing import Any

from am_assets.core.runner import CodeRunner, RunResult
from am_assets.core.schema import dumps
from am_assets.core.settings.verification import CodeConfig
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.engines.sandbox.wire import encode
from am_assets.stages.verification.code.check import check_code
from am_assets.stages.verification.code.forms import CallTest, StdoutTest
from am_assets.stages.verification.outcome import Outcome

_CONFIG = CodeConfig(time_limit_s=1.0)
_LETTERS = string.ascii_letters + string.digits + "-+.eé漢\ud800\x00'\"\\"


def json_value(source: random.Random, depth: int = 3) -> Any:
    """A random JSON value."""
    kind = source.randrange(9 if depth else 7)
    if kind < 2:
        return source.choice([0, 1, -1, 2, 10**6, 10**20, source.randrange(-999, 999)])
    if kind == 2:
        return source.choice([0.0, -0.5, 1e-7, 1e300, source.uniform(-10, 10)])
    if kind == 3:
        return source.choice([True, False, None])
    if kind < 7:
        return "".join(source.choices(_LETTERS, k=source.randrange(6)))
    inside = [json_value(source, depth - 1) for _ in range(source.randrange(4))]
    if kind == 7:
        return inside
    return {f"{place}{source.choice(_LETTERS)}": value for place, value in enumerate(inside)}


def changed(value: Any, source: random.Random) -> Any:
    """A JSON value that differs from `value` in one place, by more than rounding."""
    if isinstance(value, bool):
        return source.choice([not value, int(value), None])
    if value is None:
        return source.choice([False, 0, "", [], "None"])
    if isinstance(value, int):
        return source.choice([value + 1, value - 1, str(value), [value], -value or 1])
    if isinstance(value, float):
        step = max(abs(value) * 0.01, 1e-9)
        return source.choice([value + step, value - step, repr(value), -value or 1.0])
    if isinstance(value, str):
        place = source.randrange(len(value) + 1)
        return source.choice([value[:place] + "x" + value[place:], [value], value + " ", None])
    if isinstance(value, list):
        if value and source.random() < 0.7:
            place = source.randrange(len(value))
            return [*value[:place], changed(value[place], source), *value[place + 1 :]]
        return source.choice([[*value, 0], [value], {"0": value}])
    if value and source.random() < 0.7:
        key = source.choice(sorted(value))
        return {**value, key: changed(value[key], source)}
    return source.choice([{**value, "new": 1}, [value], list(value)])


def judged_values(count: int, seed: int = 1) -> Counter[str]:
    """Judge `count` values as themselves and as changed; raises AssertionError naming a mistake."""
    source = random.Random(seed)
    seen: Counter[str] = Counter()
    for _ in range(count):
        value = json_value(source)
        result = RunResult("ok", values=(encode(value, 1000),))
        right = CallTest("", "f()", copy.deepcopy(value), 0.0, _CONFIG).judge(result)
        assert right.status == "pass", (value, right)
        other = changed(value, source)
        wrong = CallTest("", "f()", other, 0.0, _CONFIG).judge(result)
        assert wrong.status == "fail", (value, other)
        seen[type(value).__name__] += 1
    return seen


def judged_outputs(count: int, seed: int = 2) -> Counter[str]:
    """The same of printed outputs, with and without a tolerance."""
    source = random.Random(seed)
    seen: Counter[str] = Counter()
    for _ in range(count):
        tokens = [_token(source) for _ in range(source.randrange(1, 6))]
        tolerance = source.choice([0.0, 1e-9, 1e-6])
        test = StdoutTest("", "python", "", _laid_out(tokens, source), tolerance, _CONFIG)
        right = test.judge(RunResult("ok", _laid_out(tokens, source)))
        assert right.status == "pass", tokens
        how = source.choice(["more", "less", "changed", "order"])
        other = _changed_tokens(tokens, how, source)
        wrong = test.judge(RunResult("ok", _laid_out(other, source)))
        assert (wrong.status == "pass") == (other == tokens), (tokens, other, tolerance)
        seen[how] += 1
    return seen


def _token(source: random.Random) -> str:
    number = source.choice([source.randrange(-99, 99), round(source.uniform(-9, 9), 3)])
    return source.choice([str(number), "".join(source.choices("abYN_%", k=3))])


def _changed_tokens(tokens: list[str], how: str, source: random.Random) -> list[str]:
    place = source.randrange(len(tokens))
    match how:
        case "more":
            return [*tokens[:place], _token(source), *tokens[place:]]
        case "less":
            return [*tokens[:place], *tokens[place + 1 :]]
        case "order":
            return source.sample(tokens, len(tokens))
        case _:
            old = tokens[place]
            number = old.lstrip("-").replace(".", "", 1).isdecimal()
            new = str(float(old) + 0.01) if number and "." in old else old + "1"
            return [*tokens[:place], new, *tokens[place + 1 :]]


def _laid_out(tokens: list[str], source: random.Random) -> str:
    blanks = [source.choice([" ", "\n", "  ", "\r\n", "\t", " \n"]) for _ in tokens]
    return "".join(part for pair in zip(tokens, blanks, strict=True) for part in pair)


def judged_test_cases(runner: CodeRunner, count: int, seed: int = 3) -> Counter[str]:
    """Judge `count` test cases in the sandbox: right, changed, and of every other shape."""
    source = random.Random(seed)
    seen: Counter[str] = Counter()
    for _ in range(count):
        program, test_case, other = source.choice(_FORMS)(source)
        right = judge(program, test_case, runner)
        assert right.status == "pass", (program, test_case, right)
        wrong = judge(program, other, runner)
        assert wrong.status in ("fail", "unverifiable"), (program, other, wrong)
        broken = broken_shape(test_case, source)
        outcome = judge(program, broken, runner)
        assert outcome.status != "error", (broken, outcome)
        seen[f"{test_case['type']} {wrong.status}"] += 1
        seen[f"broken {outcome.status}"] += 1
    return seen


def judge(program: str, test_case: Any, runner: CodeRunner) -> Outcome:
    """The outcome, which can be stored and is the same the next time."""
    outcome = check_code(program, test_case, runner, _CONFIG)
    dumps(outcome.evidence)
    return outcome


def _function(source: random.Random) -> tuple[str, dict[str, Any], dict[str, Any]]:
    value = json_value(source)
    test_case = {"type": "function", "fn_name": "f", "inputs": [[value]], "outputs": [value]}
    other = {**test_case, "outputs": [changed(value, source)]}
    return "def f(x): return x", test_case, other


def _asserts(source: random.Random) -> tuple[str, dict[str, Any], dict[str, Any]]:
    value = json_value(source)
    expected = changed(value, source)
    while expected == value:
        # True and 1 are equal in Python.
        expected = changed(value, source)
    form = source.choice(
        [
            "assert f({}) == {}",
            "x = [{}]\nf(x)\nassert x == [{}]",
            "def check(candidate):\n    assert candidate({}) == {}\ncheck(f)",
            "assert not f({}) != {}",
            "import unittest\nunittest.TestCase().assertEqual(f({}), {})",
        ]
    )
    test_case = {"type": "asserts", "tests": [form.format(repr(value), repr(value))]}
    other = {"type": "asserts", "tests": [form.format(repr(value), repr(expected))]}
    return "def f(x): return x", test_case, other


def _stdout(source: random.Random) -> tuple[str, dict[str, Any], dict[str, Any]]:
    tokens = [_token(source) for _ in range(3)]
    text = " ".join(tokens)
    test_case = {"type": "stdin_stdout", "inputs": [text], "outputs": [text]}
    other = {**test_case, "outputs": [" ".join(_changed_tokens(tokens, "changed", source))]}
    return "print(input())", test_case, other


_FORMS = (_function, _asserts, _stdout)


def broken_shape(test_case: dict[str, Any], source: random.Random) -> dict[str, Any]:
    """A test case with anything in the place of something."""
    broken = copy.deepcopy(test_case)
    for _ in range(source.randrange(1, 3)):
        node: Any = broken
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = source.choice(keys)
            if isinstance(node[key], dict | list) and node[key] and source.random() < 0.6:
                node = node[key]
                continue
            if source.random() < 0.2 and isinstance(node, dict):
                del node[key]
            else:
                node[key] = source.choice([json_value(source), math.inf, math.nan, "assert (", []])
            break
        broken.setdefault("type", source.choice(["function", "asserts", "stdin_stdout", None, 3]))
    return broken


def main(count: int, runs: int) -> None:
    """Judge and print how many of each there were."""
    print("values", dict(judged_values(count)))
    print("outputs", dict(judged_outputs(count)))
    with Sandbox() as sandbox:
        print("test cases", dict(judged_test_cases(sandbox, runs)))


if __name__ == "__main__":
    main(*(int(argument) for argument in [*sys.argv[1:], "20000", "2000"][:2]))
