"""Control tasks: programs whose verdicts are known ride with those that are to be judged.

All of them run when a sandbox's server has started, and one more after each batch, in turn. Where
one is judged otherwise than it must be, nothing that ran with it can be believed.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from am_assets.core.runner import CodeRunner
from am_assets.core.settings.verification import CodeConfig
from am_assets.stages.verification.code.check import VERIFIER, check_code
from am_assets.stages.verification.outcome import Outcome

_CONFIG = CodeConfig()
_STDIN = {"type": "stdin_stdout", "inputs": ["3 4\n"], "outputs": ["7\n12\n"]}
_CPP = {**_STDIN, "language": "cpp"}
_FUNCTION = {"type": "function", "fn_name": "control", "inputs": [[3, 4]], "outputs": [[7, 12]]}
_ASSERTS = {"type": "asserts", "tests": ["assert control(3, 4) == [7, 12]"]}

_GOOD_MAIN = "control, b = map(int, input().split())\nprint(control + b)\nprint(control * b)"
_GOOD_FUNCTION = "def control(a, b):\n    return [a + b, a * b]"
_EQUAL = """\
class Equal(list):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
def control(a, b):
    return Equal()"""
_GOOD_CPP = """```cpp
#include <cstdio>
int control, b;
int main() { if (scanf("%d %d", &control, &b) == 2) printf("%d %d", control + b, control * b); }
```"""
_BAD_CPP = _GOOD_CPP.replace("control + b", "control - b")


class Task(NamedTuple):
    """One answer, its test case and the verdict it must get; `reason` is that of a failure."""

    answer: str
    test_case: dict[str, Any]
    status: str
    reason: str = ""


TASKS: tuple[Task, ...] = (
    Task(_GOOD_MAIN, _STDIN, "pass"),
    Task(_GOOD_FUNCTION.replace("a + b", "a - b"), _FUNCTION, "fail", "wrong_answer"),
    Task(_EQUAL, _ASSERTS, "fail"),
    Task(_GOOD_FUNCTION, _ASSERTS, "pass"),
    Task(_GOOD_MAIN.replace("print(control * b)", ""), _STDIN, "fail", "wrong_answer"),
    Task(_EQUAL, _FUNCTION, "fail", "wrong_answer"),
    Task(_GOOD_FUNCTION, _FUNCTION, "pass"),
    Task(_GOOD_FUNCTION.replace("a + b", "a - b"), _ASSERTS, "fail"),
    Task("import os\ncontrol = os._exit(0)", _STDIN, "fail", "wrong_answer"),
)
"""Known good, known bad and cheats, in the order in which they ride."""

CPP_TASKS: tuple[Task, ...] = (
    Task(_GOOD_CPP, _CPP, "pass"),
    Task(_BAD_CPP, _CPP, "fail", "wrong_answer"),
)


@dataclass(frozen=True)
class CodeCheck:
    """One answer and the test case it is judged by."""

    answer: str
    test_case: dict[str, Any] | None


class ControlledCode:
    """Judges batches of programs on a runner, with control tasks among them; for any thread."""

    def __init__(self, runner: CodeRunner) -> None:
        self.runner = runner
        self._proved = -1
        self._turn = itertools.count()
        self._cpp_turn = itertools.count()

    def check(self, batch: Sequence[CodeCheck], config: CodeConfig) -> list[Outcome]:
        """The outcome of each of `batch`; errors for all that ran where a control went wrong."""
        problem = self._prove()
        if problem is not None:
            return [VERIFIER.error("controls_failed", detail=problem) for _ in batch]
        outcomes = [self._judge(one, config) for one in batch]
        ran = [outcome.evidence.get("language") for outcome in outcomes if _ran(outcome)]
        if "python" in ran:
            problem = self._ride(TASKS[next(self._turn) % len(TASKS)])
        if "cpp" in ran:
            riding = CPP_TASKS[next(self._cpp_turn) % len(CPP_TASKS)]
            problem = problem or self._ride(riding)
        if problem is None:
            return outcomes
        void = VERIFIER.error("controls_failed", detail=problem)
        return [void if _ran(outcome) else outcome for outcome in outcomes]

    def _judge(self, one: CodeCheck, config: CodeConfig) -> Outcome:
        try:
            return check_code(one.answer, one.test_case, self.runner, config)
        except Exception as problem:
            return VERIFIER.broken(problem)

    def _prove(self) -> str | None:
        """Run all tasks when a server has started since they last ran; what went wrong, if so."""
        starts = self.runner.starts
        if starts == self._proved:
            return None
        for task in TASKS:
            if problem := self._ride(task):
                return problem
        # One that started meanwhile is proved by the next batch.
        self._proved = starts
        return None

    def _ride(self, task: Task) -> str | None:
        outcome = check_code(task.answer, task.test_case, self.runner, _CONFIG)
        if outcome.status == task.status and outcome.reason == (task.reason or outcome.reason):
            return None
        wanted = f"{task.status} {task.reason}".strip()
        got = f"{outcome.status} {outcome.reason}".strip()
        return f"a control task of {task.test_case['type']} was judged {got}, not {wanted}"


def _ran(outcome: Outcome) -> bool:
    return outcome.status in ("pass", "fail")
