import platform

import pyarrow as pa
import pytest

from am_assets.core.schema import dumps
from am_assets.core.settings.verification import CodeConfig
from am_assets.stages.verification.code.check import check_code

STDIN = {
    "type": "stdin_stdout",
    "language": "python",
    "inputs": ["2\n", "3\n"],
    "outputs": ["4\n8", "6\n12"],
}
FUNCTION = {"type": "function", "fn_name": "double", "inputs": [[2], [3]], "outputs": [4, 6]}
ASSERTS = {"type": "asserts", "tests": ["assert double(2) == 4", "assert double(3) == 6"]}

ANY_EQUAL = """
class Any(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
def double(x): return Any(x)
"""
OBJECT_EQUAL = """
class Any:
    def __eq__(self, other): return True
def double(x): return Any()
"""
WALK_FRAMES = """
import gc, sys
def double(x):
    found, frame = [], sys._getframe()
    while frame:
        found += [v for v in frame.f_locals.values()]
        frame = frame.f_back
    text = repr(found) + repr([o for o in gc.get_objects() if isinstance(o, (dict, list))])
    return 4 if 'outputs' in text or '== 4' in text else None
"""
REPLACE_COMPARATOR = """
import builtins, json, operator
operator.eq = lambda a, b: True
json.dumps = lambda *a, **k: '{"values": [4]}'
builtins.all = builtins.any = lambda *a: True
def double(x): return None
"""


def check(answer, test_case, sandbox, **settings):
    return check_code(answer, test_case, sandbox, CodeConfig(**settings))


def test_a_right_program_passes_every_kind_of_test(sandbox):
    program = "```python\nn = int(input())\nprint(n * 2)\nprint(n * 4)\n```"
    assert check(program, STDIN, sandbox).status == "pass"
    for test_case in (FUNCTION, ASSERTS):
        outcome = check("```python\ndef double(x):\n    return x * 2\n```", test_case, sandbox)
        assert (outcome.status, outcome.score) == ("pass", 1.0)
        assert outcome.evidence == {
            "passed": 2,
            "run": 2,
            "tier": sandbox.tier,
            "language": "python",
            "runtime": f"Python {platform.python_version()}",
        }


def test_a_method_of_solution_is_found(sandbox):
    program = "class Solution:\n    def double(self, x):\n        return 2 * x"
    assert check(program, FUNCTION, sandbox).status == "pass"


def test_the_score_is_passed_over_run(sandbox):
    outcome = check("def double(x): return 4", FUNCTION, sandbox)
    assert (outcome.status, outcome.score, outcome.reason) == ("fail", 0.5, "wrong_answer")
    assert outcome.evidence["first_failure"]["test"] == 1


def test_only_the_first_tests_are_run(sandbox):
    many = {"type": "function", "fn_name": "f", "inputs": [[n] for n in range(30)]}
    many["outputs"] = [n if n < 10 else -1 for n in range(30)]
    assert check("def f(n): return n", many, sandbox).evidence["run"] == 10


@pytest.mark.parametrize("cheat", [ANY_EQUAL, OBJECT_EQUAL, WALK_FRAMES, REPLACE_COMPARATOR])
@pytest.mark.parametrize("test_case", [FUNCTION, ASSERTS])
def test_a_cheat_does_not_pass(sandbox, cheat, test_case):
    assert check(cheat, test_case, sandbox).status == "fail"


@pytest.mark.parametrize(
    "program",
    [
        "print(int(input()) * 2)",
        "n = int(input())\nprint(n * 4)\nprint(n * 2)",
        "n = int(input())\nprint(n * 2, n * 4, n * 4)",
        "n = int(input())\nprint(n * 2)\nprint(n * 4)\nraise SystemExit(1)",
        "n = int(input())\nprint(f'{n * 2}{n * 4}')",
        "import os\nos._exit(0)",
        "",
    ],
)
def test_part_of_the_output_or_another_order_does_not_pass(sandbox, program):
    assert check(program, STDIN, sandbox).status == "fail"


def test_layout_does_not_matter(sandbox):
    program = "n = int(input())\nprint(f'  {n * 2}   {n * 4}\\n\\n', end='')"
    assert check(program, STDIN, sandbox).status == "pass"


def test_a_setup_runs_in_the_programs_namespace(sandbox):
    test_case = {
        "type": "asserts",
        "setup": "root = Node(4)",
        "tests": ["assert value(root) == 4", "assert value(Node(5)) == 5"],
    }
    program = "class Node:\n    def __init__(self, v): self.v = v\ndef value(node): return node.v"
    assert check(program, test_case, sandbox).status == "pass"


def test_a_missing_function_fails_and_a_missing_library_is_unverifiable(sandbox):
    outcome = check("x = 1", FUNCTION, sandbox)
    assert (outcome.status, outcome.reason) == ("fail", "exception")
    outcome = check("import numpy\ndef double(x): return 2 * x", FUNCTION, sandbox)
    assert (outcome.status, outcome.reason) == ("unverifiable", "missing_library")
    outcome = check("import no_such_thing\ndef double(x): return 2 * x", FUNCTION, sandbox)
    assert (outcome.status, outcome.reason) == ("fail", "exception")


def test_limits_are_reasons(sandbox):
    endless = "def double(x):\n    while True: pass"
    assert check(endless, FUNCTION, sandbox, time_limit_s=0.2).reason == "timeout"
    greedy = "def double(x): return [0] * 10**9"
    assert check(greedy, FUNCTION, sandbox).reason == "memory"
    endless_value = "import itertools\ndef double(x): return itertools.count()"
    assert check(endless_value, FUNCTION, sandbox).status == "fail"


def test_evidence_holds_no_memory_address(sandbox):
    program = "def double(x): raise ValueError(object())"
    first = check(program, FUNCTION, sandbox).evidence["first_failure"]["detail"]
    assert "0x…" in first


def test_arguments_cross_unchanged(sandbox):
    tricky = ["a'\"\\\n", {"k": [None, True, -1.5]}, 10**30, "inf"]
    test_case = {"type": "function", "fn_name": "same", "inputs": [tricky], "outputs": [tricky]}
    assert check("def same(*a): return a", test_case, sandbox).status == "pass"


def test_evidence_can_be_stored_whatever_a_program_says(sandbox):
    program = "def double(x): raise ValueError('\\ud800')"
    evidence = dumps(check(program, FUNCTION, sandbox).evidence)
    assert "ValueError: ?" in pa.array([evidence])[0].as_py()


def test_results_nested_beyond_reason_are_a_fail(sandbox):
    program = "def double(x):\n    for _ in range(5000): x = [x]\n    return x"
    assert check(program, FUNCTION, sandbox).status == "fail"
