"""C++ programs made into executables: each stage confined, the result remembered for a while."""

import hashlib
import os
import re
import threading
from collections import OrderedDict
from typing import Any

from am_assets.core.runner import RunnerFailed, RunResult
from am_assets.engines.sandbox.memory_files import empty, seal, sealed
from am_assets.engines.sandbox.results import ToolEnd
from am_assets.engines.sandbox.server import Server
from am_assets.engines.sandbox.toolchain import Toolchain

LIMITS: dict[str, Any] = {
    "time_limit_s": 20.0,
    "memory_bytes": 1536 << 20,
    "file_bytes": 64 << 20,
    "stack_bytes": 64 << 20,
}
_MOST_KEPT, _MOST_KEPT_BYTES = 32, 256 << 20
_MESSAGE = 1000
_PATH = re.compile(r"(?:/[^\s:/'\"`,;()]+)+/")
_NO_ROOM = re.compile(
    r"out of memory|memory exhausted|File too large|Cannot allocate memory|std::bad_alloc"
)
_NONE = (
    "there is no g++ on this machine that links statically: install it (Debian's g++ and libc6-dev)"
)
_BROKEN = "g++ compiles nothing here: am-assets doctor says what is wrong with it"
_HELLO = "#include <iostream>\n#include <vector>\nint main() { std::cout << 1; }\n"


class Compiler:
    """Compiles for a sandbox; usable from any thread. `close` forgets what was compiled."""

    def __init__(self, toolchain: Toolchain | None) -> None:
        self._toolchain = toolchain
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, int | RunResult] = OrderedDict()
        self._bytes = 0

    @property
    def version(self) -> str:
        """Name, version and options of the compiler; "none" without one."""
        return self._toolchain.version if self._toolchain else "none"

    def executable(self, source: str, server: Server) -> int | RunResult:
        """A descriptor of the program `source` makes, the caller's to close, or what it ends as.

        Raises RunnerFailed where the failure is ours.
        """
        if self._toolchain is None:
            return RunResult("no_compiler", detail=_NONE)
        key = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return _own(self._kept[key])
        made = _compiled(source, self._toolchain, server)
        if isinstance(made, RunResult) and not self._works(server):
            return RunResult("no_compiler", detail=_BROKEN)
        owned = _own(made)
        with self._lock:
            self._keep(key, made)
        return owned

    def close(self) -> None:
        """Forget what was compiled."""
        with self._lock:
            while self._kept:
                self._drop()

    def _works(self, server: Server) -> bool:
        """Whether the fault lies with a program, shown by another that must compile."""
        assert self._toolchain is not None
        with self._lock:
            if "" in self._kept:
                return True
        made = _compiled(_HELLO, self._toolchain, server)
        if isinstance(made, RunResult):
            return False
        os.close(made)
        with self._lock:
            self._keep("", RunResult("ok"))
        return True

    def _keep(self, key: str, made: int | RunResult) -> None:
        if key in self._kept:
            # Another thread compiled it meanwhile.
            if isinstance(made, int):
                os.close(made)
            return
        self._kept[key] = made
        self._bytes += _size(made)
        while len(self._kept) > _MOST_KEPT or self._bytes > _MOST_KEPT_BYTES:
            self._drop()

    def _drop(self) -> None:
        _, made = self._kept.popitem(last=False)
        self._bytes -= _size(made)
        if isinstance(made, int):
            os.close(made)


def _own(made: int | RunResult) -> int | RunResult:
    return os.dup(made) if isinstance(made, int) else made


def _size(made: int | RunResult) -> int:
    return os.fstat(made).st_size if isinstance(made, int) else 0


def _compiled(source: str, tools: Toolchain, server: Server) -> int | RunResult:
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    text = sealed(source.encode("utf-8", "replace"))
    assembly, thing, program = empty(), empty(), empty()
    keeps = False
    try:
        for argv, given in (
            (tools.compile, [text, assembly]),
            (tools.assemble, [assembly, nothing, thing]),
            (tools.link, [nothing, nothing, program, thing]),
        ):
            for fd in given:
                os.lseek(fd, 0, os.SEEK_SET)
            end = server.run_tool(argv, given, LIMITS)
            if end.status != "ok":
                return _ended(end)
        seal(program)
        keeps = True
        return program
    except OSError as problem:
        raise RunnerFailed(f"a program could not be compiled ({problem})") from problem
    finally:
        for fd in (nothing, text, assembly, thing, *([] if keeps else [program])):
            os.close(fd)


def _ended(end: ToolEnd) -> RunResult:
    message = _PATH.sub("", end.message).replace("<stdin>", "program.cpp")[:_MESSAGE]
    if end.status == "limit" or _NO_ROOM.search(end.message):
        return RunResult("compile_limit", detail=message)
    return RunResult("compile_error", detail=message)
