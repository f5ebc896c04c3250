"""The sandbox attacks itself at start: every escape must fail, and honest programs must run."""

import os
from collections.abc import Callable

from am_assets.core.runner import IsolationMissing, Job, RunnerFailed, RunResult

_ATTACK = """
import os
def attempt():
{body}
try:
    attempt()
except (OSError, MemoryError):
    print("contained")
else:
    print("escaped")
"""

ATTACKS = {
    "open a network socket": "import socket; socket.socket()",
    "open a Unix socket": "import socket; socket.socket(socket.AF_UNIX)",
    "read /etc/passwd": "open('/etc/passwd').read()",
    "list the root directory": "os.listdir('/')",
    "write to /tmp": "open('/tmp/am-assets-probe', 'w')",
    "make a directory": "os.mkdir('/tmp/am-assets-probe')",
    "fork": "os.fork() or os._exit(0)",
    "start another program": "os.execv('/bin/true', ['true'])",
    "read the parent's environment": "open(f'/proc/{os.getppid()}/environ', 'rb').read()",
    "read its own memory map": "open('/proc/self/maps').read()",
    "end its parent": "os.kill(os.getppid(), 0)",
    "signal the project": "os.kill({project}, 0)",
    "take 4 GiB of memory": "bytearray(4 << 30)",
    "make an anonymous file": "os.memfd_create('x')",
    "grow its input": "os.write(0, b'x')",
    "become root": "os.setuid(0)",
    "leave its namespaces": (
        "import ctypes\n    c = ctypes.CDLL(None, use_errno=True)\n"
        "    if c.unshare(0x10000000): raise OSError(ctypes.get_errno(), 'unshare')"
    ),
    "trace its parent": (
        "import ctypes\n    c = ctypes.CDLL(None, use_errno=True)\n"
        "    if c.ptrace(16, os.getppid(), 0, 0): raise OSError(ctypes.get_errno(), 'ptrace')"
    ),
}

_CONTROLS = {
    "an honest program": (Job("print(sum(map(int, input().split())))", stdin="2 3"), "ok", "5\n"),
    "a failing program": (Job("raise ValueError('no')"), "exception", ""),
    "an endless program": (Job("while True: pass", time_limit_s=0.2), "timeout", ""),
    "a flood of output": (
        Job("while True: print('x' * 1000)", output_bytes=4096),
        "output_limit",
        None,
    ),
}


def attack(run: Callable[[Job], RunResult]) -> None:
    """Raise IsolationMissing naming the first attack that succeeds or control that misbehaves."""
    try:
        for name, body in ATTACKS.items():
            body = body.replace("{project}", str(os.getpid()))
            result = run(Job(_ATTACK.format(body="    " + body)))
            if result.stdout.strip() != "contained":
                raise IsolationMissing(
                    f"sandbox self-test: a program could {name} "
                    f"({result.status} {result.detail} {result.stdout[:80]})".rstrip()
                )
        for name, (job, status, stdout) in _CONTROLS.items():
            result = run(job)
            if result.status != status or (stdout is not None and result.stdout != stdout):
                raise IsolationMissing(
                    f"sandbox self-test: {name} ended as {result.status} {result.detail}".rstrip()
                )
    except RunnerFailed as problem:
        raise IsolationMissing(f"sandbox self-test: {problem}") from problem
