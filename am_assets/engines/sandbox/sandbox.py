"""The client of the fork servers: `Sandbox` runs hostile Python programs and returns plain data."""

import json
import os
import platform
import queue
import select
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import am_assets
from am_assets.core.code_version import code_version
from am_assets.engines.sandbox import probe
from am_assets.stages.verification.runner import (
    IsolationMissing,
    Job,
    RunnerFailed,
    RunResult,
)

_REMEDY = (
    "run on Linux 5.13 or newer with Landlock enabled and seccomp allowed "
    "(`am-assets doctor` says which is missing); code stays unverified until then"
)
_START_S = 120.0
# Above the server's own deadlines.
_PATIENCE, _GRACE_S = 40.0, 30.0
_STATUSES = ("ok", "exception", "timeout", "memory", "output_limit", "killed")


class Sandbox:
    """A pool of fork servers; a context manager, usable from any thread.

    `start` proves the isolation by attacking it and raises IsolationMissing, with a remedy, where
    anything gets through: there is no weaker tier to fall back to.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or max(1, len(os.sched_getaffinity(0)))
        self._servers: queue.LifoQueue[_Server] = queue.LifoQueue()
        self._all: list[_Server] = []

    @property
    def tier(self) -> str:
        return "landlock+seccomp"

    @property
    def version(self) -> str:
        # The fork server is started by name, so that no import leads to it.
        code = code_version(("am_assets.engines.sandbox.forkserver",), __name__)
        return f"{code} on Python {platform.python_version()}"

    @property
    def workers(self) -> int:
        return self._workers

    def start(self) -> Self:
        """Start the servers and attack them; raises IsolationMissing."""
        if self._all:
            return self
        for _ in range(self._workers):
            server = _Server()
            self._all.append(server)
            self._servers.put(server)
        try:
            # Every server confines itself by the same code and refuses to start where it cannot.
            probe.attack(self.run)
        except IsolationMissing as problem:
            self.close()
            raise IsolationMissing(f"{problem}; {_REMEDY}") from problem
        return self

    def run(self, job: Job) -> RunResult:
        """Run `job` in a fresh child; raises RunnerFailed when that fails twice, or when closed."""
        if not self._all:
            raise RunnerFailed("the sandbox is not started; call start() first")
        server = self._servers.get()
        try:
            try:
                return server.run(job)
            except RunnerFailed:
                # A broken server is replaced on the next run.
                return server.run(job)
        finally:
            self._servers.put(server)

    def close(self) -> None:
        """End the servers and whatever runs in them."""
        for server in self._all:
            server.stop()
        self._all.clear()
        self._servers = queue.LifoQueue()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Server:
    """One fork server process, started on first use and again after a breakdown."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, job: Job) -> RunResult:
        process = self._process or self._start()
        message = {
            "source": job.source,
            "stdin": job.stdin,
            "setup": job.setup,
            "expressions": list(job.expressions),
            "time_limit_s": job.time_limit_s,
            "memory_bytes": job.memory_mb << 20,
            "output_bytes": job.output_bytes,
        }
        try:
            _write(process, message)
            answer = _read(process, _PATIENCE * job.time_limit_s + _GRACE_S)
        except RunnerFailed:
            self.stop()
            raise
        if "refused" in answer:
            self.stop()
            raise RunnerFailed(f"the sandbox could not confine a program: {answer['refused']}")
        return _result(answer, len(job.expressions))

    def stop(self) -> None:
        if self._process is None:
            return
        # Its children die with it (PR_SET_PDEATHSIG).
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        root = str(Path(am_assets.__file__).resolve().parent.parent)
        launch = (
            f"import sys; sys.path.append({root!r}); "
            f"from am_assets.engines.sandbox.forkserver import main; main({root!r})"
        )
        # The base interpreter: the virtual environment's packages are none of a candidate's.
        interpreter = os.path.realpath(sys.executable)
        self._process = subprocess.Popen(
            [interpreter, "-s", "-S", "-P", "-B", "-c", launch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={"PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
        try:
            hello = _read(self._process, _START_S)
        except RunnerFailed as problem:
            self.stop()
            raise IsolationMissing(f"the sandbox server did not start ({problem})") from problem
        if "refused" in hello:
            self.stop()
            raise IsolationMissing(f"the sandbox server refused to start: {hello['refused']}")
        return self._process


def _result(answer: dict[str, Any], expressions: int) -> RunResult:
    status = answer["status"]
    if status not in _STATUSES:
        raise RunnerFailed(f"the sandbox answered with an unknown status {status!r}")
    values = answer["values"] if isinstance(answer["values"], list) else []
    if status == "ok" and len(values) != expressions:
        # It left by itself before the expressions were evaluated.
        return RunResult("exception", answer["stdout"], (), "the program ended before its tests")
    return RunResult(status, answer["stdout"], tuple(values), answer["detail"])


def _write(process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert process.stdin is not None
    body = json.dumps(message).encode()
    data = memoryview(struct.pack("!I", len(body)) + body)
    try:
        while data:
            data = data[process.stdin.write(data) :]
    except OSError as problem:
        raise RunnerFailed(f"the sandbox server is gone ({problem})") from problem


def _read(process: subprocess.Popen[bytes], timeout_s: float) -> dict[str, Any]:
    deadline = time.monotonic() + timeout_s
    header = _read_exactly(process, 4, deadline)
    body = _read_exactly(process, struct.unpack("!I", header)[0], deadline)
    return json.loads(body)


def _read_exactly(process: subprocess.Popen[bytes], length: int, deadline: float) -> bytes:
    assert process.stdout is not None
    fd = process.stdout.fileno()
    data = bytearray()
    while len(data) < length:
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        if not poller.poll(max(0.0, 1000 * (deadline - time.monotonic()))):
            raise RunnerFailed("the sandbox server did not answer in time")
        chunk = os.read(fd, length - len(data))
        if not chunk:
            raise RunnerFailed("the sandbox server ended")
        data += chunk
    return bytes(data)
