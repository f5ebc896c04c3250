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
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import am_assets
from am_assets.stages.verification.math.found import Found

_WORKER = "am_assets.stages.verification.math.worker"
_ROOT = Path(am_assets.__file__).parents[1]
_START_S = 120.0
_CPU_FACTOR, _WALL_FACTOR, _WALL_GRACE_S = 2.0, 60.0, 60.0
_POLL_S = 0.2
_CHUNK = 65536
# How a worker ends that a comparison broke, rather than somebody outside.
_BROKEN = (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGXCPU)


class WorkerFailed(RuntimeError):
    """A comparison worker died or did not answer; says nothing about the answer it compared."""


class _Runaway(RuntimeError):
    """A comparison used up its CPU time, or broke its worker."""


class Pair(NamedTuple):
    """A prompt, an answer to it and its reference; without an answer the reference is tried."""

    prompt: str
    answer: str | None
    reference: str | None


class MathPool:
    """Compares answers with references in worker processes; a context manager."""

    def __init__(self, workers: int | None = None) -> None:
        count = workers or max(1, len(os.sched_getaffinity(0)))
        self._all = [_Worker() for _ in range(count)]
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for worker in self._all:
            self._idle.put(worker)

    @property
    def workers(self) -> int:
        """How many batches are compared at a time."""
        return len(self._all)

    def compare(
        self, pairs: Sequence[Pair], timeout_s: float, last_number: bool = False
    ) -> list[Found | WorkerFailed]:
        """What `math_assess.assess` says of each pair, in order.

        `timeout_s` is CPU seconds a pair. A worker that broke down is replaced, and the pairs it
        had not answered are asked once more, each by itself; a second failure is given as such.
        """
        if not pairs:
            return []
        worker = self._idle.get()
        try:
            found, broken = worker.ask(pairs, timeout_s, last_number)
            results: list[Found | WorkerFailed] = [*found]
            if broken is not None and len(pairs) == 1:
                results.append(self._again(worker, pairs[0], timeout_s, last_number, broken))
                return results
            left = pairs[len(results) :]
            results += [self._alone(worker, pair, timeout_s, last_number) for pair in left]
            return results
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

    def _alone(
        self, worker: "_Worker", pair: Pair, timeout_s: float, last_number: bool
    ) -> Found | WorkerFailed:
        found, broken = worker.ask([pair], timeout_s, last_number)
        if broken is None:
            return found[0]
        return self._again(worker, pair, timeout_s, last_number, broken)

    def _again(
        self,
        worker: "_Worker",
        pair: Pair,
        timeout_s: float,
        last_number: bool,
        broken: "_Runaway | WorkerFailed",
    ) -> Found | WorkerFailed:
        """Decide a pair whose worker broke down."""
        if isinstance(broken, _Runaway):
            return self._whose_fault(worker, pair, timeout_s)
        found, again = worker.ask([pair], timeout_s, last_number)
        if again is None:
            return found[0]
        return self._whose_fault(worker, pair, timeout_s) if isinstance(again, _Runaway) else again

    def _whose_fault(self, worker: "_Worker", pair: Pair, timeout_s: float) -> Found | WorkerFailed:
        """A comparison that never ends is the answer's fault, unless the reference alone is too."""
        found, broken = worker.ask([pair._replace(answer=None)], timeout_s, False)
        if isinstance(broken, WorkerFailed):
            return broken
        if broken is not None or found[0].status == "unverifiable":
            return Found("unverifiable", "unparseable_reference", {"detail": "timeout"})
        return Found("fail", "timeout", {"detail": "timeout"})


class _Worker:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(
        self, pairs: Sequence[Pair], timeout_s: float, last_number: bool
    ) -> tuple[list[Found], "_Runaway | WorkerFailed | None"]:
        """What the worker answered before it broke down, if it did, and how."""
        found: list[Found] = []
        try:
            process = self._process or self._start()
            task = {"pairs": pairs, "timeout_s": timeout_s, "last_number": last_number}
            lines = _Lines(process, json.dumps(task).encode() + b"\n")
            for _ in pairs:
                # Two comparisons at most: the pair, and its reference alone.
                answer = lines.read(2 * timeout_s * _CPU_FACTOR, 2 * timeout_s * _WALL_FACTOR)
                found.append(
                    Found(answer["status"], answer.get("reason", ""), answer.get("evidence", {}))
                )
            return found, None
        except _Runaway as problem:
            self.stop()
            return found, problem
        except (WorkerFailed, OSError) as problem:
            self.stop()
            return found, WorkerFailed(f"a math worker failed ({problem})")

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
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-m", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            # The same seed everywhere: sympy orders some sums by hash.
            env={"PYTHONHASHSEED": "0", "PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        os.set_blocking(_fileno(self._process.stdin), False)
        try:
            _Lines(self._process, b"").read(math.inf, _START_S)
        except WorkerFailed:
            self.stop()
            raise
        return self._process


class _Lines:
    """One exchange with a worker: what it is asked, and its answers line by line.

    Writing and reading go together: a pipe holds less than a batch, and less than its answers.
    """

    def __init__(self, process: subprocess.Popen[bytes], question: bytes) -> None:
        self._process = process
        self._unsent = memoryview(question)
        self._stdin, self._stdout = _fileno(process.stdin), _fileno(process.stdout)
        self._received = bytearray()

    def read(self, cpu_s: float, wall_s: float) -> dict[str, Any]:
        """The next answer; raises _Runaway or WorkerFailed when it does not come in time."""
        cpu_limit = _cpu_seconds(self._process) + cpu_s
        deadline = time.monotonic() + wall_s + _WALL_GRACE_S
        while b"\n" not in self._received:
            poller = select.poll()
            poller.register(self._stdout, select.POLLIN)
            if self._unsent:
                poller.register(self._stdin, select.POLLOUT)
            ready = dict(poller.poll(1000 * _POLL_S))
            if not ready:
                if _cpu_seconds(self._process) > cpu_limit:
                    raise _Runaway
                if time.monotonic() > deadline:
                    raise WorkerFailed("it passed its deadline")
            if self._stdin in ready:
                self._unsent = self._unsent[os.write(self._stdin, self._unsent[:_CHUNK]) :]
            if self._stdout in ready:
                self._receive()
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        return json.loads(line)

    def _receive(self) -> None:
        chunk = os.read(self._stdout, _CHUNK)
        if not chunk:
            if self._process.wait() in _BROKEN:
                raise _Runaway
            raise WorkerFailed("it ended")
        self._received += chunk


def _fileno(stream: IO[bytes] | None) -> int:
    assert stream is not None
    return stream.fileno()


def _cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    # The CPU clock of another process; its id is computed as clock_getcpuclockid(3) does.
    return time.clock_gettime((~process.pid << 3) | 2)
