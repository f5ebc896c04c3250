"""A worker process that compares math answers, and the inner of its two deadlines.

Reads batches of pairs, one JSON line each, and answers one JSON line a pair. math-verify uses
SIGALRM and sympy can run for ever, so each comparison has an alarm here and a hard deadline in the
parent. Both count CPU seconds, so that a busy machine changes no verdict. Should the parent be gone
when a comparison runs away, the kernel ends this process by its CPU limit.
"""

import json
import logging
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from am_assets.stages.verification.math.assess import assess, gold_is_readable

_MEMORY_BYTES = 1 << 30
_UNHEEDED_S = 60
_FLUSH_S = 0.1


class _OutOfTime(BaseException):
    """Not an Exception, so that no library swallows it."""


def compare(prompt: str, answer: str | None, reference: str, last_number: bool) -> dict[str, Any]:
    """One pair's decision; without an answer only whether the reference can be compared with."""
    if answer is None:
        readable = gold_is_readable(prompt, reference)
        return {"status": "fail" if readable else "unverifiable"}
    status, reason, evidence = assess(prompt, answer, reference, last_number)
    return {"status": status, "reason": reason, "evidence": evidence}


def main() -> None:
    """Serve comparisons until standard input closes."""
    logging.disable(logging.CRITICAL)
    # Numbers of any length are read; what they cost is bounded by time.
    sys.set_int_max_str_digits(0)
    _limit_memory()
    signal.signal(signal.SIGPROF, _alarm)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        flushed = time.monotonic()
        for prompt, answer, reference in task["pairs"]:
            decided = _decide(prompt, answer, reference, task["last_number"], task["timeout_s"])
            sys.stdout.write(json.dumps(decided) + "\n")
            if time.monotonic() - flushed > _FLUSH_S:
                sys.stdout.flush()
                flushed = time.monotonic()
        sys.stdout.flush()


def _decide(
    prompt: str, answer: str | None, reference: str, last_number: bool, timeout_s: float
) -> dict[str, Any]:
    found = _timed(timeout_s, lambda: compare(prompt, answer, reference, last_number))
    if isinstance(found, dict):
        return found
    # A comparison that ended in an error or ran out of time: whose fault is it?
    gold = _timed(timeout_s, lambda: compare(prompt, None, reference, last_number))
    if answer is None or not isinstance(gold, dict) or gold["status"] == "unverifiable":
        return {
            "status": "unverifiable",
            "reason": "unparseable_reference",
            "evidence": {"detail": found},
        }
    # The rules could not confirm this answer; a judge may.
    reason = "timeout" if found == "timeout" else "unparseable_answer"
    return {"status": "fail", "reason": reason, "evidence": {"detail": found}}


def _timed(seconds: float, work: Callable[[], dict[str, Any]]) -> dict[str, Any] | str:
    """What `work` gives within its CPU time, else why not."""
    used = time.process_time()
    soft = int(used + 4 * seconds + _UNHEEDED_S)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
    try:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        found = work()
        signal.setitimer(signal.ITIMER_PROF, 0)
        return found
    except _OutOfTime:
        return "timeout"
    except (MemoryError, RecursionError):
        return "timeout"
    except Exception as problem:
        # A library error on hostile text.
        return type(problem).__name__
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _alarm(_signal: int, _frame: FrameType | None) -> None:
    raise _OutOfTime


def _limit_memory() -> None:
    """Allow a bounded growth over what the libraries have mapped."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + _MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main()
