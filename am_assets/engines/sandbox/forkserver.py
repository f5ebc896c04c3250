"""The fork server: a clean interpreter under Landlock that forks one confined child for each job.

Started with `python -s -S -P` and an environment that fixes the hash seed, so that a program
behaves alike in every server. It reads jobs from descriptor 0 and answers on descriptor 1; a
message is four bytes of length and JSON. It never learns an expected output.
"""

import _sitebuiltins
import bisect  # noqa: F401
import builtins
import calendar  # noqa: F401
import collections  # noqa: F401
import copy  # noqa: F401
import dataclasses  # noqa: F401
import datetime  # noqa: F401
import decimal  # noqa: F401
import enum  # noqa: F401
import fcntl
import fractions  # noqa: F401
import functools  # noqa: F401
import gc
import heapq  # noqa: F401
import itertools  # noqa: F401
import json
import math  # noqa: F401
import operator  # noqa: F401
import os
import queue  # noqa: F401
import random  # noqa: F401
import re  # noqa: F401
import select
import signal
import statistics  # noqa: F401
import string  # noqa: F401
import struct
import sys
import sysconfig
import time
import typing  # noqa: F401
from typing import Any

from am_assets.engines.sandbox import child, landlock, seccomp

_POLL_MS = 20
_ALL_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_IDLE_SHARE, _IDLE_FACTOR, _STARVED_FACTOR = 0.1, 5, 30
_PIPE_CHUNK = 65536


def main(project_root: str) -> None:
    """Confine this process, say so to the client, then serve jobs until descriptor 0 closes."""
    try:
        private = _confine_server(project_root)
    except OSError as problem:
        _send({"refused": str(problem)})
        return
    # What `site`, which does not run here, adds for programs that end by exit().
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "end of input"))
    gc.collect()
    gc.disable()
    gc.freeze()
    _send({"ready": True, "landlock": landlock.abi_version(), "root": os.geteuid() == 0})
    while (job := _receive()) is not None:
        _send(_serve(job, private))


def _confine_server(project_root: str) -> bool:
    if not seccomp.supported():
        raise OSError(f"no seccomp filter for {os.uname().machine}")
    os.environ.clear()
    os.chdir("/")
    os.umask(0o077)
    sys.path[:] = [path for path in sys.path if path != project_root]
    paths = sysconfig.get_paths()
    library = os.path.join(sys.base_prefix, "lib")
    readable = [paths["stdlib"], paths["platstdlib"], library]
    readable += ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo"]
    readable += ["/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/zero"]
    private = not _walkable(paths["stdlib"])
    landlock.restrict(readable, ["/dev/null"])
    return private


def _walkable(path: str) -> bool:
    """Whether any user may reach `path`."""
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            return False
        path = os.path.dirname(path)
    return True


def _serve(job: dict[str, Any], private: bool) -> dict[str, Any]:
    stdin = _sealed(job.pop("stdin").encode("utf-8", "surrogatepass"))
    out_read, out_write = os.pipe2(os.O_CLOEXEC)
    report_read, report_write = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        child.run(job, stdin, out_write, report_write, private)
    for fd in (stdin, out_write, report_write):
        os.close(fd)
    try:
        return _supervise(pid, job, out_read, report_read)
    finally:
        os.close(out_read)
        os.close(report_read)


def _sealed(data: bytes) -> int:
    """A read-only file in memory: the candidate cannot store anything past its limits in it."""
    fd = os.memfd_create("stdin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _ALL_SEALS)
    return fd


def _supervise(pid: int, job: dict[str, Any], out_fd: int, report_fd: int) -> dict[str, Any]:
    limit, bound = job["time_limit_s"], job["output_bytes"]
    started = time.monotonic()
    # A wrapped value costs up to about 40 bytes an item on its way out.
    bounds = {out_fd: bound, report_fd: 40 * bound + 4096}
    received: dict[int, bytearray] = {out_fd: bytearray(), report_fd: bytearray()}
    poller = select.poll()
    for fd in received:
        poller.register(fd, select.POLLIN)
    poller.register(0, 0)
    exit_fd = os.pidfd_open(pid)
    poller.register(exit_fd, select.POLLIN)
    verdict, exited = "", False
    while not verdict and not exited:
        for fd, event in poller.poll(_POLL_MS):
            if fd == 0 and event & (select.POLLHUP | select.POLLERR):
                _end(pid)
                sys.exit(0)
            if fd == exit_fd:
                exited = True
            elif fd in received:
                verdict = verdict or _read(poller, fd, received[fd], bounds[fd])
        if not exited and not verdict and _overdue(pid, started, limit):
            verdict = "timeout"
    _end(pid)
    os.close(exit_fd)
    _, status, usage = os.wait4(pid, 0)
    verdict = _drain(received, bounds) or verdict
    if not verdict and usage.ru_utime + usage.ru_stime > limit:
        verdict = "timeout"
    return _result(verdict, status, bytes(received[out_fd][:bound]), bytes(received[report_fd]))


def _read(poller: Any, fd: int, buffer: bytearray, bound: int) -> str:
    data = os.read(fd, _PIPE_CHUNK)
    if not data:
        poller.unregister(fd)
    buffer += data
    return "output_limit" if len(buffer) > bound else ""


def _drain(received: dict[int, bytearray], bounds: dict[int, int]) -> str:
    # The writer is gone, so each pipe ends.
    for fd, buffer in received.items():
        while len(buffer) <= bounds[fd] and (data := os.read(fd, _PIPE_CHUNK)):
            buffer += data
    return "output_limit" if any(len(received[fd]) > bounds[fd] for fd in received) else ""


def _overdue(pid: int, started: float, limit: float) -> bool:
    # The CPU clock of another process; its id is computed as clock_getcpuclockid(3) does.
    used = time.clock_gettime((~pid << 3) | 2)
    waited = time.monotonic() - started
    # A program that sleeps is ended early, one that a busy machine starves gets its time.
    patience = _IDLE_FACTOR if used < _IDLE_SHARE * limit else _STARVED_FACTOR
    return used > limit or waited > patience * limit + 1


def _end(pid: int) -> None:
    # The child leads a session of its own and cannot fork, so it is all there is to end.
    os.kill(pid, signal.SIGKILL)


def _result(verdict: str, status: int, stdout: bytes, report: bytes) -> dict[str, Any]:
    result: dict[str, Any] = {"status": verdict, "detail": "", "values": None}
    result["stdout"] = stdout.decode("utf-8", "replace")
    code = os.waitstatus_to_exitcode(status)
    if not report.startswith(child.STARTED):
        return {"refused": report.decode("utf-8", "replace")[:500] or f"setup ended with {code}"}
    try:
        told = json.loads(report) if report else {}
    except (ValueError, RecursionError):
        told = {}
    if not isinstance(told, dict):
        told = {}
    if verdict:
        return result
    name = str(told.get("exception", ""))[:80]
    if code == 0:
        result["status"], result["values"] = "ok", told.get("values")
    elif code == -signal.SIGXCPU:
        result["status"] = "timeout"
    elif code < 0:
        result.update(status="killed", detail=signal.Signals(-code).name)
    else:
        result["status"] = "memory" if name == "MemoryError" else "exception"
        result["detail"] = f"{name}: {told.get('message', '')}" if name else f"exit status {code}"
    return result


def _receive() -> dict[str, Any] | None:
    header = _read_exactly(4)
    if header is None:
        return None
    body = _read_exactly(struct.unpack("!I", header)[0])
    return None if body is None else json.loads(body)


def _read_exactly(length: int) -> bytes | None:
    data = bytearray()
    while len(data) < length:
        chunk = os.read(0, length - len(data))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def _send(message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    data = struct.pack("!I", len(body)) + body
    while data:
        data = data[os.write(1, data) :]
