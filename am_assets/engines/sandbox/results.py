"""What a run left, read: the server's account, and hostile output and reports, as `RunResult`."""

import json
import re
import signal
from dataclasses import dataclass
from typing import Any, Literal

from am_assets.core.runner import RunnerFailed, RunResult, RunStatus
from am_assets.engines.sandbox.child import STARTED

_GONE = "CandidateGone"
_SIGNALS = {number.value: number.name for number in signal.Signals}
_NO_MEMORY = re.compile(rb"std::bad_alloc|std::bad_array_new_length")
_TOO_MANY_THREADS = "more threads than it may have"

End = dict[str, Any]
Written = tuple[bytes, bool]


@dataclass(frozen=True)
class ToolEnd:
    """How a stage of a compiler ended; `message` is what it wrote to standard error."""

    status: Literal["ok", "failed", "limit"]
    message: str


def of_program(end: End, stdout: Written, report: Written, expressions: int) -> RunResult:
    """The result of one Python program; raises RunnerFailed where it was never confined."""
    result = _ended(end, stdout, report)
    if result.status == "ok" and len(result.values) != expressions:
        # It left by itself before the expressions were evaluated.
        return RunResult("exception", result.stdout, (), "the program ended before its tests")
    return result


def of_linked(candidate: tuple[End, Written, Written], tests: tuple[End, Written]) -> RunResult:
    """The result of two linked processes; raises RunnerFailed where one was never confined."""
    end, stdout, report = candidate
    # A limit of the candidate's may have ended the tests before they had begun.
    if end["limit"] or stdout[1] or report[1]:
        return _ended(*candidate)
    printed = stdout[0].decode("utf-8", "replace")
    # And tests that ended first may have ended a candidate that had not begun.
    judged = _ended(tests[0], (b"", False), tests[1])
    if judged.status == "exception" and judged.detail.startswith(f"{_GONE}:"):
        if end["by_itself"] and end["code"] != 0:
            return _ended(*candidate)
        return RunResult("exception", printed, (), "the program ended before its tests")
    return RunResult(judged.status, printed, judged.values, judged.detail, "tests")


def of_native(end: End, stdout: Written, stderr: Written, report: Written) -> RunResult:
    """The result of one compiled program; raises RunnerFailed where it was never confined."""
    _replaced(report)
    result = _ended(end, stdout, report)
    if result.status == "killed" and _NO_MEMORY.search(stderr[0]):
        return RunResult("memory", result.stdout, (), result.detail)
    return result


def of_tool(end: End, stderr: Written, report: Written) -> ToolEnd:
    """How a stage of a compiler ended; raises RunnerFailed where the failure is ours."""
    _started(end, report)
    _replaced(report)
    message = stderr[0].decode("utf-8", "replace")
    if end["limit"] == "starved":
        raise RunnerFailed("the machine is too busy to compile a program")
    if end["limit"] or end["code"] in (-signal.SIGXCPU, -signal.SIGXFSZ):
        return ToolEnd("limit", message)
    if end["code"] == -signal.SIGKILL:
        raise RunnerFailed("the compiler was killed from outside: is the machine out of memory?")
    return ToolEnd("failed" if end["code"] else "ok", message)


def _ended(end: End, stdout: Written, report: Written) -> RunResult:
    told = _started(end, report)
    text, code = stdout[0].decode("utf-8", "replace"), end["code"]
    if stdout[1] or report[1]:
        return RunResult("output_limit", text)
    match end["limit"]:
        case "starved":
            raise RunnerFailed("the machine is too busy to run a program")
        case "threads":
            return RunResult("killed", text, (), _TOO_MANY_THREADS)
        case "timeout":
            return RunResult("timeout", text)
        case _:
            pass
    name = str(told.get("exception", ""))[:80]
    if code == 0:
        values = told.get("values")
        return RunResult("ok", text, tuple(values) if isinstance(values, list) else ())
    if code == -signal.SIGXCPU:
        return RunResult("timeout", text)
    if code < 0:
        if code == -signal.SIGKILL and end["by_itself"]:
            raise RunnerFailed("a program was killed from outside: is the machine out of memory?")
        # A real-time signal has no name.
        return RunResult("killed", text, (), _SIGNALS.get(-code, f"signal {-code}"))
    status: RunStatus = "memory" if name == "MemoryError" else "exception"
    detail = f"{name}: {told.get('message', '')}" if name else f"exit status {code}"
    return RunResult(status, text, (), detail)


def _replaced(report: Written) -> None:
    """See that the child became the program, which holds no report: what it says is ours."""
    if report[0].startswith(STARTED) and report[0] != STARTED:
        text = report[0].decode("utf-8", "replace").strip()[:500]
        raise RunnerFailed(f"the sandbox could not start a program: {text}")


def _started(end: End, report: Written) -> dict[str, Any]:
    """The report of a child that was confined, {} when it is none; else raises RunnerFailed."""
    if not report[0].startswith(STARTED):
        text = report[0].decode("utf-8", "replace")[:500] or f"setup ended with {end['code']}"
        raise RunnerFailed(f"the sandbox could not confine a program: {text}")
    try:
        told = json.loads(report[0]) if report[0] != STARTED else {}
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
