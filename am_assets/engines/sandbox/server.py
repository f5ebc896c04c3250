"""One fork server, seen from its client: started, given jobs over a socket, replaced if broken."""

import contextlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import am_assets
from am_assets.core.runner import IsolationMissing, Job, RunnerFailed, RunResult
from am_assets.engines.sandbox import framing, results
from am_assets.engines.sandbox.memory_files import sealed
from am_assets.engines.sandbox.pipes import Pipes
from am_assets.engines.sandbox.tiers import Wrap
from am_assets.engines.sandbox.toolchain import Toolchain

_START_S = 120.0
# Above the server's own deadlines.
_PATIENCE, _GRACE_S = 40.0, 30.0
# A wrapped value costs up to about 40 bytes an item on its way out.
_REPORT_FACTOR, _REPORT_BASE = 40, 4096
_ERROR_BYTES = 4096
_PYTHON_STACK = 256 << 20


class Server:
    """One fork server process, started on first use and again after a breakdown.

    `wrap` makes the command that starts it the one that a tier starts.
    """

    def __init__(self, wrap: Wrap, toolchain: Toolchain | None) -> None:
        self._wrap, self._toolchain = wrap, toolchain
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self.starts = 0
        """How many processes there have been."""

    @property
    def pid(self) -> int | None:
        """The server's process, None while there is none."""
        return self._process.pid if self._process else None

    def run(self, job: Job) -> RunResult:
        """Run a Python job in a fresh child; raises RunnerFailed, IsolationMissing at the start."""
        values = _REPORT_FACTOR * job.output_bytes + _REPORT_BASE
        payload = json.dumps(
            {
                "source": job.source,
                "setup": job.setup,
                "expressions": list(job.expressions),
                "time_limit_s": job.time_limit_s,
                "memory_bytes": job.memory_mb << 20,
                "output_bytes": job.output_bytes,
            }
        ).encode()
        message = _message("python" if job.tests is None else "linked", job)
        with Pipes() as pipes:
            pipes.give(sealed(payload))
            if job.tests is None:
                pipes.give(sealed(_encoded(job.stdin)))
                stdout, report = pipes.take(job.output_bytes), pipes.take(values)
                (end,) = self._exchange(message, pipes, job.time_limit_s)["ends"]
                return results.of_program(
                    end, pipes.read(stdout), pipes.read(report), len(job.expressions)
                )
            pipes.give(sealed(payload))
            stdout, report = pipes.take(job.output_bytes), pipes.take(values)
            pipes.give(sealed(_encoded(job.tests)))
            tests_report = pipes.take(values)
            candidate, tests = self._exchange(message, pipes, job.time_limit_s)["ends"]
            return results.of_linked(
                (candidate, pipes.read(stdout), pipes.read(report)),
                (tests, pipes.read(tests_report)),
            )

    def run_native(self, program: int, job: Job) -> RunResult:
        """Run the executable of descriptor `program` on the job's input."""
        with Pipes() as pipes:
            pipes.give(sealed(_encoded(job.stdin)))
            stdout = pipes.take(job.output_bytes)
            stderr = pipes.take(_ERROR_BYTES, discards=True)
            report = pipes.take(_REPORT_BASE)
            pipes.give(os.dup(program))
            # The stack of each thread is set aside, beyond what a program takes itself.
            stack = (job.memory_mb << 20) // 4
            message = {**_message("native", job), "argv": [""], "stack_bytes": stack}
            message["memory_bytes"] += stack
            (end,) = self._exchange(message, pipes, job.time_limit_s)["ends"]
            return results.of_native(
                end, pipes.read(stdout), pipes.read(stderr), pipes.read(report)
            )

    def run_tool(
        self, argv: Sequence[str], given: Sequence[int], limits: dict[str, Any]
    ) -> results.ToolEnd:
        """Run a compiler's stage: `given` become its input, its output and 4, 5 and on."""
        with Pipes() as pipes:
            pipes.give(os.dup(given[0]))
            pipes.give(os.dup(given[1]))
            stderr = pipes.take(_ERROR_BYTES, discards=True)
            report = pipes.take(_REPORT_BASE)
            for fd in given[2:]:
                pipes.give(os.dup(fd))
            message = {"kind": "compiler", "argv": list(argv), **limits}
            (end,) = self._exchange(message, pipes, limits["time_limit_s"])["ends"]
            return results.of_tool(end, pipes.read(stderr), pipes.read(report))

    def stop(self) -> None:
        """End the process and whatever runs in it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            # Its children die with it (PR_SET_PDEATHSIG). A tier's wrapper shares its session.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _exchange(
        self, message: dict[str, Any], pipes: Pipes, time_limit_s: float
    ) -> dict[str, Any]:
        """Give the server a job and gather what its children write until it answers."""
        if self._socket is None:
            self._start()
        assert self._socket is not None
        deadline = time.monotonic() + _PATIENCE * time_limit_s + _GRACE_S
        try:
            self._socket.settimeout(_GRACE_S)
            framing.send(self._socket, message, pipes.given())
            pipes.close_given()
            stopping = False
            while not self._wait(pipes.open(), deadline):
                if pipes.overflown and not stopping:
                    framing.send(self._socket, framing.STOP)
                    stopping = True
                pipes.gather()
            answer = self._receive()
            # The writers are gone, so each pipe ends.
            while pipes.open():
                pipes.gather()
        except (OSError, RunnerFailed) as problem:
            self.stop()
            raise RunnerFailed(f"the sandbox server broke down ({problem})") from problem
        if "refused" in answer:
            self.stop()
            raise RunnerFailed(f"the sandbox could not confine a program: {answer['refused']}")
        return answer

    def _wait(self, pipes: Sequence[int], deadline: float) -> bool:
        """Whether the server answers, rather than one of `pipes` having something to say."""
        assert self._socket is not None
        poller = select.poll()
        for fd in (self._socket.fileno(), *pipes):
            poller.register(fd, select.POLLIN)
        ready = poller.poll(max(0.0, 1000 * (deadline - time.monotonic())))
        if not ready:
            raise RunnerFailed("it did not answer in time")
        return any(fd == self._socket.fileno() for fd, _ in ready)

    def _receive(self) -> dict[str, Any]:
        assert self._socket is not None
        message = framing.receive(self._socket)
        if message is None:
            raise RunnerFailed("it ended")
        return message[0]

    def _start(self) -> None:
        root = str(Path(am_assets.__file__).resolve().parent.parent)
        launch = (
            f"import sys; sys.path.append({root!r}); "
            f"from am_assets.engines.sandbox.forkserver import main; main({root!r})"
        )
        # The base interpreter: the virtual environment's packages are none of a candidate's.
        interpreter = os.path.realpath(sys.executable)
        ours, theirs = socket.socketpair()
        self.starts += 1
        self._socket = ours
        try:
            with theirs:
                self._process = subprocess.Popen(
                    self._wrap([interpreter, "-s", "-S", "-P", "-B", "-c", launch]),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={"PYTHONHASHSEED": "0"},
                    start_new_session=True,
                )
            ours.settimeout(_START_S)
            framing.send(ours, self._settings())
            hello = self._receive()
        except (OSError, RunnerFailed) as problem:
            self.stop()
            raise IsolationMissing(f"the sandbox server did not start ({problem})") from problem
        if "refused" in hello:
            self.stop()
            raise IsolationMissing(f"the sandbox server refused to start: {hello['refused']}")

    def _settings(self) -> dict[str, Any]:
        tools = self._toolchain
        paths = tools and {"readable": tools.readable, "executable": tools.executable}
        return {"users": random.SystemRandom().randrange(256), "compiler": paths}


def _message(kind: str, job: Job) -> dict[str, Any]:
    return {
        "kind": kind,
        "time_limit_s": job.time_limit_s,
        "memory_bytes": job.memory_mb << 20,
        "file_bytes": 0,
        "stack_bytes": _PYTHON_STACK,
    }


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
