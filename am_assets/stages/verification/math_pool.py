"""A pool of long-lived comparison workers, usable from any thread.

The parent's deadline kills a worker that its own alarm did not stop and starts another; a worker
costs about a second to start.
"""

import json
import os
import queue
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

_WORKER = Path(__file__).with_name("math_worker.py")
_START_S = 60.0
_WALL_FACTOR, _WALL_GRACE_S = 6.0, 5.0


class WorkerFailed(RuntimeError):
    """A comparison worker died or did not answer; says nothing about the answer it compared."""


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
            return _read_line(process, _WALL_FACTOR * timeout_s + _WALL_GRACE_S)
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


def _read_line(process: subprocess.Popen[bytes], timeout_s: float) -> dict[str, Any]:
    assert process.stdout is not None
    fd = process.stdout.fileno()
    deadline = time.monotonic() + timeout_s
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    line = bytearray()
    while not line.endswith(b"\n"):
        if not poller.poll(max(0.0, 1000 * (deadline - time.monotonic()))):
            raise WorkerFailed("it passed its deadline")
        chunk = os.read(fd, 65536)
        if not chunk:
            raise WorkerFailed("it ended")
        line += chunk
    return json.loads(line)
