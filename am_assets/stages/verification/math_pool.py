"""A pool of long-lived comparison workers, usable from any thread.

A worker's own alarm cannot interrupt one long operation on huge numbers, so the parent watches the
worker's CPU time too, kills it and starts another (about a second). CPU time, because on a busy
machine the clock on the wall would decide verdicts.
"""

import json
import math
import os
import queue
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

_WORKER = Path(__file__).with_name("math_worker.py")
_START_S = 120.0
_CPU_FACTOR, _WALL_FACTOR, _WALL_GRACE_S = 2.0, 60.0, 60.0
_POLL_S = 0.2
# How a worker ends that a comparison broke, rather than somebody outside.
_BROKEN = (-signal.SIGABRT, -signal.SIGSEGV)


class WorkerFailed(RuntimeError):
    """A comparison worker died or did not answer; says nothing about the answer it compared."""


class _Runaway(RuntimeError):
    """A comparison used up its CPU time, or broke its worker."""


class MathPool:
    """Compares pairs of math answers in worker processes; a context manager."""

    def __init__(self, workers: int | None = None) -> None:
        count = workers or max(1, len(os.sched_getaffinity(0)))
        self._all = [_Worker() for _ in range(count)]
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for worker in self._all:
            self._idle.put(worker)

    @property
    def workers(self) -> int:
        """How many comparisons run at a time."""
        return len(self._all)

    def compare(self, gold: str, answer: str, timeout_s: float) -> dict[str, Any]:
        """What `math_worker.compare` says, or {"timeout": True}; raises WorkerFailed.

        A worker that broke down is replaced and asked once more before WorkerFailed is raised.
        """
        worker = self._idle.get()
        try:
            try:
                return worker.ask(gold, answer, timeout_s)
            except WorkerFailed:
                return worker.ask(gold, answer, timeout_s)
        except _Runaway:
            return {"timeout": True}
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End the workers; a later `compare` starts them again."""
        for worker in self._all:
            worker.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Worker:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, gold: str, answer: str, timeout_s: float) -> dict[str, Any]:
        process = self._process or self._start()
        task = {"gold": gold, "answer": answer, "timeout_s": timeout_s}
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(task).encode() + b"\n")
            process.stdin.flush()
            used = _cpu_seconds(process)
            limit = used + _CPU_FACTOR * timeout_s
            return _read_line(process, _WALL_FACTOR * timeout_s + _WALL_GRACE_S, limit)
        except _Runaway:
            self.stop()
            raise
        except (WorkerFailed, OSError) as problem:
            self.stop()
            raise WorkerFailed(f"a math worker failed ({problem})") from problem

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        # By path: importing the package would load what a comparison does not need.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            # The same seed everywhere: sympy orders some sums by hash.
            env={"PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
        try:
            _read_line(self._process, _START_S)
        except WorkerFailed:
            self.stop()
            raise
        return self._process


def _cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    # The CPU clock of another process; its id is computed as clock_getcpuclockid(3) does.
    return time.clock_gettime((~process.pid << 3) | 2)


def _read_line(
    process: subprocess.Popen[bytes], timeout_s: float, cpu_limit_s: float = math.inf
) -> dict[str, Any]:
    assert process.stdout is not None
    fd = process.stdout.fileno()
    deadline = time.monotonic() + timeout_s
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    line = bytearray()
    while not line.endswith(b"\n"):
        if not poller.poll(1000 * _POLL_S):
            if _cpu_seconds(process) > cpu_limit_s:
                raise _Runaway
            if time.monotonic() > deadline:
                raise WorkerFailed("it passed its deadline")
            continue
        chunk = os.read(fd, 65536)
        if not chunk:
            if process.wait() in _BROKEN:
                raise _Runaway
            raise WorkerFailed("it ended")
        line += chunk
    return json.loads(line)
