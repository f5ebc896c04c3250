"""The client of the fork servers: `Sandbox` runs hostile programs and returns plain data."""

import os
import platform
import queue
from types import TracebackType
from typing import Self

from am_assets.core.code.versions import code_version
from am_assets.core.runner import IsolationMissing, Job, Language, RunnerFailed, RunResult
from am_assets.engines.sandbox import probe
from am_assets.engines.sandbox.compiling import Compiler
from am_assets.engines.sandbox.server import Server
from am_assets.engines.sandbox.tiers import tiers
from am_assets.engines.sandbox.toolchain import find_toolchain

_REMEDY = (
    "run on Linux 5.13 or newer with Landlock enabled and seccomp allowed "
    "(`am-assets doctor` says which is missing); code stays unverified until then"
)


class Sandbox:
    """A pool of fork servers; a context manager, usable from any thread.

    `start` proves the isolation by attacking it, takes the strongest tier that nothing gets
    through, and raises IsolationMissing, with a remedy, where there is none.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or max(1, len(os.sched_getaffinity(0)))
        self._servers: queue.LifoQueue[Server] = queue.LifoQueue()
        self._all: list[Server] = []
        self._tier = "none"
        self._toolchain = find_toolchain()
        self._compiler = Compiler(self._toolchain)

    @property
    def tier(self) -> str:
        return self._tier

    @property
    def version(self) -> str:
        return code_version(Sandbox)

    def runtime(self, language: Language) -> str:
        """See `CodeRunner.runtime`."""
        if language == "cpp":
            return self._compiler.version
        return f"Python {platform.python_version()}"

    @property
    def workers(self) -> int:
        return self._workers

    def start(self) -> Self:
        """Start the servers in the strongest tier that holds; raises IsolationMissing."""
        if self._all:
            return self
        problems: list[str] = []
        for tier in tiers(self._toolchain):
            for _ in range(self._workers):
                server = Server(tier.wrap, self._toolchain)
                self._all.append(server)
                self._servers.put(server)
            try:
                # Every server confines its children by the same code and refuses where it cannot.
                probe.attack(self.run)
            except IsolationMissing as problem:
                problems.append(f"{tier.name}: {problem}")
                self.close()
            else:
                self._tier = tier.name
                return self
        raise IsolationMissing(f"{'; '.join(problems)}; {_REMEDY}")

    @property
    def starts(self) -> int:
        """How many servers have been started, those in place of a broken one included."""
        return sum(server.starts for server in self._all)

    def processes(self) -> list[int]:
        """Ids of the servers that are running."""
        return [server.pid for server in self._all if server.pid is not None]

    def run(self, job: Job) -> RunResult:
        """Run `job` in a fresh child; raises RunnerFailed when that fails twice, or when closed."""
        if not self._all:
            raise RunnerFailed("the sandbox is not started; call start() first")
        server = self._servers.get()
        try:
            try:
                return self._run(job, server)
            except RunnerFailed:
                # A broken server is replaced on the next run.
                return self._run(job, server)
        finally:
            self._servers.put(server)

    def _run(self, job: Job, server: Server) -> RunResult:
        try:
            if job.language == "python":
                return server.run(job)
            program = self._compiler.executable(job.source, server)
            if isinstance(program, RunResult):
                return program
            try:
                return server.run_native(program, job)
            finally:
                os.close(program)
        except (OSError, MemoryError, IsolationMissing) as problem:
            # No descriptors or no memory left, here and not in the program, or a server that was
            # to replace another does not start.
            raise RunnerFailed(f"the machine cannot run a program ({problem})") from problem

    def close(self) -> None:
        """End the servers and whatever runs in them."""
        for server in self._all:
            server.stop()
        self._all.clear()
        self._compiler.close()
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
