"""Control tasks ride with what is judged, and a wrong word on one of them voids the batch."""

import dataclasses
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from am_assets.core.protocol import render_response
from am_assets.core.runner import Job, RunnerFailed, RunResult
from am_assets.core.settings.verification import CodeConfig, Verification
from am_assets.core.verdict import Check
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.verification.code.check import check_code
from am_assets.stages.verification.code.controls import CPP_TASKS, TASKS, CodeCheck, ControlledCode
from am_assets.stages.verification.rules import ThreadedRules

TEST = {"type": "function", "fn_name": "f", "inputs": [[2]], "outputs": [4]}
BATCH = [
    CodeCheck("def f(x): return 2 * x", TEST),
    CodeCheck("def f(x): return x", TEST),
    CodeCheck("def f(x): return x", None),
]


class Altered:
    """A sandbox whose answers something alters, and that counts its jobs."""

    def __init__(self, sandbox: Sandbox, alter: Callable[[Job, RunResult], RunResult]) -> None:
        self._sandbox, self._alter = sandbox, alter
        self.jobs: list[Job] = []
        self.restarts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sandbox, name)

    @property
    def starts(self) -> int:
        return self._sandbox.starts + self.restarts

    def run(self, job: Job) -> RunResult:
        self.jobs.append(job)
        return self._alter(job, self._sandbox.run(job))


def unaltered(job: Job, result: RunResult) -> RunResult:
    return result


def statuses(code: ControlledCode) -> list[str]:
    return [outcome.status for outcome in code.check(BATCH, CodeConfig())]


@pytest.mark.parametrize("task", TASKS)
def test_each_control_task_gets_its_verdict(sandbox, task):
    outcome = check_code(task.answer, task.test_case, sandbox, CodeConfig())
    assert outcome.status == task.status
    assert not task.reason or outcome.reason == task.reason


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ here")
@pytest.mark.parametrize("task", CPP_TASKS)
def test_each_control_task_in_cpp_gets_its_verdict(sandbox, task):
    outcome = check_code(task.answer, task.test_case, sandbox, CodeConfig())
    assert (outcome.status, outcome.reason) == (task.status, task.reason)


def test_all_tasks_run_first_and_one_after_each_batch(sandbox):
    counting = Altered(sandbox, unaltered)
    code = ControlledCode(counting)  # type: ignore[arg-type]
    jobs = []
    for _ in range(3):
        before = len(counting.jobs)
        assert statuses(code) == ["pass", "fail", "unverifiable"]
        jobs.append([("control" in job.source) for job in counting.jobs[before:]])
    assert jobs == [[True] * len(TASKS) + [False, False, True], *[[False, False, True]] * 2]
    counting.restarts += 1
    before = len(counting.jobs)
    statuses(code)
    assert len(counting.jobs) - before == len(TASKS) + 3


def test_a_sandbox_that_passes_everything_is_found_out(sandbox):
    def kind(job: Job, result: RunResult) -> RunResult:
        return dataclasses.replace(result, status="ok", stdout="7\n12\n")

    code = ControlledCode(Altered(sandbox, kind))  # type: ignore[arg-type]
    outcomes = code.check(BATCH, CodeConfig())
    assert {(outcome.status, outcome.reason) for outcome in outcomes} == {
        ("error", "controls_failed")
    }


def test_a_sandbox_that_turns_bad_voids_the_batch_it_turned_in(sandbox):
    bad = False

    def failing(job: Job, result: RunResult) -> RunResult:
        return RunResult("exception", detail="no room") if bad else result

    code = ControlledCode(Altered(sandbox, failing))  # type: ignore[arg-type]
    assert statuses(code) == ["pass", "fail", "unverifiable"]
    bad = True
    assert statuses(code) == ["error", "error", "unverifiable"]
    bad = False
    assert statuses(code) == ["pass", "fail", "unverifiable"]


def test_a_control_that_could_not_run_voids_the_batch_too(sandbox):
    def broken(job: Job, result: RunResult) -> RunResult:
        if "control" in job.source:
            raise RunnerFailed("it broke")
        return result

    code = ControlledCode(Altered(sandbox, broken))  # type: ignore[arg-type]
    assert statuses(code) == ["error"] * 3


def test_rules_judge_code_with_controls(sandbox):
    counting = Altered(sandbox, unaltered)
    response = render_response("hm", "def f(x): return 2 * x")
    with ThreadedRules(counting, math_workers=1) as rules:  # type: ignore[arg-type]
        checks = [Check("a", "code", "p", response, test_case=TEST)]
        (outcome,) = rules.submit(checks, Verification(), True).result()
    assert outcome is not None
    assert outcome.status == "pass"
    assert sum("control" in job.source for job in counting.jobs) == len(TASKS) + 1


def test_a_row_that_breaks_the_checker_is_an_error_and_holds_up_no_other(sandbox):
    def poisoned(job: Job, result: RunResult) -> RunResult:
        if "poison" in job.source:
            raise LookupError("never foreseen")
        return result

    code = ControlledCode(Altered(sandbox, poisoned))  # type: ignore[arg-type]
    batch = [CodeCheck("def f(x): return 'poison'", TEST), *BATCH]
    first, *others = code.check(batch, CodeConfig())
    assert (first.status, first.reason) == ("error", "verifier_failed")
    assert first.evidence == {"detail": "LookupError: never foreseen"}
    assert [outcome.status for outcome in others] == ["pass", "fail", "unverifiable"]
