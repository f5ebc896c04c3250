"""The forked child: give up everything, run one candidate program, report plain values."""

import atexit
import contextlib
import dataclasses
import gc
import io
import json
import mmap
import os
import random
import signal
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from am_assets.engines.sandbox import serving, testing, wire
from am_assets.engines.sandbox.confining import Confinement, Limits, confine

Part = Literal["program", "candidate", "tests"]
REPORT_FD, CHANNEL_FD = 3, 4
STARTED = b"\n"
# One heap for all threads: each would set address space aside.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}


def run_python(
    part: Part,
    given: Sequence[int],
    payload: int,
    rules: Confinement,
    limits: Limits,
    waits: mmap.mmap | None = None,
) -> None:
    """Become a candidate written in Python, or the tests beside it; never returns.

    `given` become standard input, output and error, the report's descriptor and, of two linked
    processes, the channel's. `payload` holds the job; standard input of the tests holds them,
    and `waits` is what they tell the server by that they wait for the candidate.
    """
    status, job = 1, dict[str, Any]()
    try:
        job = json.loads(_read(payload))
        confine(_wire_up(given, rules), limits)
    except BaseException as problem:
        _setup_failed(problem)
    # From here on the candidate speaks; before this mark it was us.
    os.write(REPORT_FD, STARTED)
    try:
        _open_streams()
        match part:
            case "program":
                values = _execute(job)
            case "candidate":
                values = []
                serving.run(job, CHANNEL_FD)
            case "tests":
                tests = _read(0).decode("utf-8", "surrogatepass")
                assert waits is not None
                values = testing.run(tests, job, CHANNEL_FD, waits)
        _finish()
        _report({"values": values})
        status = 0
    except SystemExit as stop:
        status = _exit_code(stop)
        _finish()
        _report({"exit": status})
    except BaseException as problem:
        _report({"exception": type(problem).__name__, "message": _message(problem)})
    os._exit(status)


def run_native(
    argv: Sequence[str], given: Sequence[int], rules: Confinement, limits: Limits
) -> None:
    """Become another program: the file `argv[0]`, or the last of `given` where that is empty.

    `given` become the descriptors from 0 on, of which the fourth is the report's; it, and the
    program's own, close with the start of the program. Never returns.
    """
    try:
        confine(_wire_up(given, rules), limits)
        os.set_inheritable(REPORT_FD, False)
        # Python ignores these, and what is ignored stays so.
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.write(REPORT_FD, STARTED)
        if argv[0]:
            os.execve(argv[0], list(argv), _ENVIRONMENT)
        program = len(given) - 1
        os.set_inheritable(program, False)
        os.execve(program, ["program"], _ENVIRONMENT)
    except BaseException as problem:
        _setup_failed(problem)


def _wire_up(given: Sequence[int], rules: Confinement) -> Confinement:
    """Keep `given`, as the descriptors from 0 on, and the rules'; returns them where they are."""
    os.setsid()
    high = [os.dup2(fd, 100 + i) for i, fd in enumerate((*given, rules.landlock))]
    for target, fd in enumerate(high):
        os.dup2(fd, target)
    os.closerange(len(high), 1024)
    return dataclasses.replace(rules, landlock=len(given))


def _read(fd: int) -> bytes:
    data = bytearray()
    while chunk := os.read(fd, 1 << 20):
        data += chunk
    return bytes(data)


def _setup_failed(problem: BaseException) -> None:
    _report({"setup_failed": f"{type(problem).__name__}: {problem}"})
    os._exit(1)


def _open_streams() -> None:
    sys.argv = ["candidate.py"]
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8")
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8", write_through=False
    )
    sys.stderr = io.TextIOWrapper(io.BufferedWriter(io.FileIO(2, "w", closefd=False)), "utf-8")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    gc.enable()
    # Forking seeds the generator anew; the same program shall give the same answer.
    random.seed(0)


def _execute(job: Mapping[str, Any]) -> list[Any]:
    expressions: list[str] = job["expressions"]
    program = types.ModuleType("candidate" if expressions else "__main__")
    sys.modules[program.__name__] = program
    exec(compile(job["source"], "candidate.py", "exec", dont_inherit=True), program.__dict__)
    if job["setup"]:
        exec(compile(job["setup"], "setup.py", "exec", dont_inherit=True), program.__dict__)
    values = []
    for text in expressions:
        code = compile(text, "test.py", "eval", dont_inherit=True)
        values.append(wire.encode(eval(code, program.__dict__), job["output_bytes"]))
    return values


def _finish() -> None:
    # What interpreter shutdown would do, in its order: wait for threads, exit hooks, flush.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]  # nothing public runs them
    if sys.stdout is not None and not getattr(sys.stdout, "closed", False):
        sys.stdout.flush()
    # What a program has opened over standard output, or set aside, is flushed when it is destroyed.
    for kind in (io.TextIOWrapper, io.BufferedWriter):
        for stream in [value for value in gc.get_objects() if issubclass(type(value), kind)]:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or stop.code is False:
        return 0
    return stop.code & 0xFF if isinstance(stop.code, int) else 1


def _message(problem: BaseException) -> str:
    try:
        return str(problem)[:200]
    except BaseException:
        return ""


def _report(report: dict[str, Any]) -> None:
    data = json.dumps(report).encode()
    while data:
        data = data[os.write(REPORT_FD, data) :]
