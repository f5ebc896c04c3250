"""Judge hostile programs by the real path and look for what they did outside; run as any user.

As a script it gives up root first, where it has it, and prints `{attempt: [status, reason,
violations]}` as JSON: `python -m am_assets_tests.support.verification.hostile_driver FOLDER`.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from am_assets.core.runner import Job, RunResult
from am_assets.core.settings.verification import CodeConfig
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.verification.code.check import check_code
from am_assets_tests.support.verification.hostile_programs import PROGRAMS, TESTS, Hostile
from am_assets_tests.support.verification.ordinary import give_up_root

CONFIG = CodeConfig(time_limit_s=0.4, memory_mb=256)
SECRET = "a secret of the host"
_VARIABLE = "AM_ASSETS_HOSTILE_SECRET"
# Both processes of a linked pair, and what the interpreter itself takes; a compiler takes more.
_MOST_MEMORY = (2 * CONFIG.memory_mb + 64) << 20
_MOST_COMPILER_MEMORY = 1536 << 20


class Recording:
    """A sandbox that keeps what its runs gave."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.results: list[RunResult] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sandbox, name)

    def run(self, job: Job) -> RunResult:
        """See `Sandbox.run`."""
        result = self._sandbox.run(job)
        self.results.append(result)
        return result


class Outside:
    """Things to attack, and what became of them."""

    def __init__(self, folder: Path, servers: Sequence[int]) -> None:
        self._folder, self._servers = folder, servers
        self._stop = threading.Event()
        self._most_memory = self._most_processes = 0
        # The servers themselves, and what a tier surrounds them with.
        self._known = {child for server in servers for child in descendants(server)}

    def __enter__(self) -> "Outside":
        self.secret = self._folder / "secret"
        self.secret.write_text(SECRET)
        self.secret.chmod(0o644)
        self.mark = self._folder / "mark"
        self.victim = subprocess.Popen(["sleep", "600"])
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.unix = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):
            self.unix.bind("\0am-assets-hostile")
            self.unix.listen()
        for listening in (self.tcp, self.udp, self.unix):
            listening.setblocking(False)
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.victim.kill()
        self.victim.wait()
        for listening in (self.tcp, self.udp, self.unix):
            listening.close()

    def fill(self, source: str) -> str:
        """`source` with the names of what it attacks."""
        for name, value in (
            ("{secret!r}", repr(str(self.secret))),
            ("{mark!r}", repr(str(self.mark))),
            ("{victim}", str(self.victim.pid)),
            ("{port}", str(self.port)),
            ("{uid}", str(os.getuid())),
        ):
            source = source.replace(name, value)
        return source

    def violations(self, results: Sequence[RunResult], compiled: bool) -> list[str]:
        """What the runs since the last look did outside."""
        found = []
        most_memory = _MOST_COMPILER_MEMORY if compiled else _MOST_MEMORY
        if any(SECRET in f"{r.stdout}{r.detail}{r.values}" for r in results):
            found.append("read a secret")
        if sorted(path.name for path in self._folder.iterdir()) != ["secret"]:
            found.append("left files")
        if self.secret.read_text() != SECRET or self.secret.stat().st_mode & 0o777 != 0o644:
            found.append("changed a file")
        if self.victim.poll() is not None:
            found.append("killed a process")
        if self._reached():
            found.append("reached the network")
        if children := self._children():
            time.sleep(0.2)
            if still := set(children) & set(self._children()):
                found.append(f"left {len(still)} processes")
        if self._most_memory > most_memory:
            found.append(f"took {self._most_memory >> 20} MiB")
        if self._most_processes > 2:
            found.append(f"ran {self._most_processes} processes")
        if Path("/dev/shm/am-assets-hostile").exists():
            found.append("left shared memory")
        self._most_memory = self._most_processes = 0
        return found

    def _reached(self) -> bool:
        for receive in (self.tcp.accept, lambda: self.udp.recv(1), self.unix.accept):
            with contextlib.suppress(OSError):
                receive()
                return True
        return False

    def _children(self) -> list[int]:
        found = {child for server in self._servers for child in descendants(server)}
        return sorted(found - self._known)

    def _sample(self) -> None:
        while not self._stop.wait(0.01):
            children = self._children()
            self._most_processes = max(self._most_processes, len(children))
            self._most_memory = max(self._most_memory, sum(map(_memory, children)))


def descendants(pid: int) -> list[int]:
    """Processes that come from `pid`."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    children = [int(child) for child in text.split()]
    return [*children, *(inner for child in children for inner in descendants(child))]


def _memory(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4096
    except (OSError, IndexError):
        return 0


def judge(
    programs: Sequence[Hostile], folder: Path, sandbox: Sandbox
) -> Iterator[tuple[Hostile, str, str, list[str]]]:
    """Each program, its status and reason, and what it did outside."""
    with Outside(folder, sandbox.processes()) as outside:
        for program in programs:
            runner = Recording(sandbox)
            test = {**TESTS[program.form]}
            if program.language != "python":
                test["language"] = program.language
            fence = f"```{program.language}\n{outside.fill(program.source)}\n```"
            outcome = check_code(fence, test, runner, CONFIG)  # type: ignore[arg-type]
            did = outside.violations(runner.results, program.language != "python")
            yield program, outcome.status, outcome.reason, did


def main() -> None:
    """Judge all programs as an ordinary user and print what came out."""
    folder = Path(sys.argv[1])
    os.environ[_VARIABLE] = SECRET
    give_up_root()
    with Sandbox(workers=1) as sandbox:
        found = {
            program.attempts: (status, reason, violations)
            for program, status, reason, violations in judge(PROGRAMS, folder, sandbox)
        }
    print(json.dumps({"tier": sandbox.tier, "found": found}))


if __name__ == "__main__":
    main()
