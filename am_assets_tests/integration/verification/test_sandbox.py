import os
import signal
import threading

import pytest

from am_assets.core.runner import IsolationMissing, Job, RunnerFailed, RunResult
from am_assets.engines.sandbox import probe
from am_assets.engines.sandbox.sandbox import Sandbox

HONEST = {
    "reading standard input by line": (
        "import sys\nfor line in sys.stdin:\n    print(line.strip())",
        "a\nb\n",
        "a\nb\n",
    ),
    "reading bytes by line": (
        "import sys\nprint(sys.stdin.buffer.readline().decode().strip())",
        "a\nb\n",
        "a\n",
    ),
    "reading the descriptor": ("import os\nprint(os.read(0, 9).decode())", "abc", "abc\n"),
    "opening descriptor zero": ("print(open(0).read())", "abc", "abc\n"),
    "reading to the end and past it": (
        "import sys\nsys.stdin.read()\ntry:\n    input()\nexcept EOFError:\n    print('end')",
        "x",
        "end\n",
    ),
    "opening its input by name": ("print(open('/dev/stdin').read())", "abc", "abc\n"),
    "opening its output by name": (
        "open('/dev/stdout', 'w').write(open('/dev/fd/0').read())",
        "abc",
        "abc",
    ),
    "input of its whole size": (
        "import os\nprint(os.read(0, os.fstat(0).st_size))",
        "ab",
        "b'ab'\n",
    ),
    "asking for a larger stack": (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_STACK, (1 << 28, resource.RLIM_INFINITY))\n"
        "sys.setrecursionlimit(10**6)\n"
        "def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\nprint(f(20000))",
        "",
        "20000\n",
    ),
    "writing bytes": ("import sys\nsys.stdout.buffer.write(b'hi')", "", "hi"),
    "printing without a line end": ("print('hi', end='')", "", "hi"),
    "globals in helpers": (
        "n = 0\ndef up():\n    global n\n    n += 1\nup(); up()\nprint(n)",
        "",
        "2\n",
    ),
    "leaving by sys.exit": ("import sys\nprint(1)\nsys.exit(0)", "", "1\n"),
    "leaving by exit()": ("print(1)\nexit()", "", "1\n"),
    "a main guard": ("if __name__ == '__main__':\n    print(input())", "x", "x\n"),
    "a thread with a deep stack": (
        "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(1 << 27)\n"
        "def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\n"
        "threading.Thread(target=lambda: print(f(50000))).start()",
        "",
        "50000\n",
    ),
    "an exit hook": ("import atexit\natexit.register(print, 'bye')", "", "bye\n"),
    "silencing errors": (
        "import os, sys\nsys.stderr = open(os.devnull, 'w')\nprint(1, file=sys.stderr)\nprint(2)",
        "",
        "2\n",
    ),
    "modules of the standard library": (
        "import sqlite3, hashlib, array, concurrent.futures, graphlib, textwrap\nprint(1)",
        "",
        "1\n",
    ),
    "asyncio": ("import asyncio\nasync def m():\n    print(1)\nasyncio.run(m())", "", "1\n"),
    "text beyond ASCII": ("print(input() + '漢')", "é\n", "é漢\n"),
    "a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\nprint(P(1))",
        "",
        "P(x=1)\n",
    ),
}

FORBIDDEN = {
    "a datagram pair": "import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "a larger limit": "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "another's limits": "import os, resource; resource.prlimit(os.getppid(), 0)",
    "another's priority": "import os; os.setpriority(os.PRIO_PROCESS, os.getppid(), 1)",
    "a signal to its group": "import os; os.kill(0, 0)",
    "a rename": "import os; os.rename('/tmp/a', '/tmp/b')",
    "a new root": "import os; os.chroot('/')",
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_works(sandbox, name):
    source, stdin, stdout = HONEST[name]
    assert sandbox.run(Job(source, stdin)) == RunResult("ok", stdout)


@pytest.mark.parametrize("name", FORBIDDEN)
def test_the_kernel_refuses(sandbox, name):
    source = f"try:\n    {FORBIDDEN[name]}\nexcept (OSError, ValueError):\n    print('refused')"
    assert sandbox.run(Job(source)).stdout == "refused\n"


def test_the_self_test_names_the_attack_that_got_through():
    def leaky(job: Job) -> RunResult:
        return RunResult("ok", "escaped\n" if "/etc/passwd" in job.source else "contained\n")

    with pytest.raises(IsolationMissing, match="read /etc/passwd"):
        probe.attack(leaky)


def test_a_sandbox_that_was_not_started_runs_nothing():
    with pytest.raises(RunnerFailed, match="start"):
        Sandbox().run(Job("print(1)"))


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("while True: pass", "timeout"),
        ("import time\ntime.sleep(60)", "timeout"),
        (
            "import signal\nfor s in (1, 2, 15, 24): signal.signal(s, signal.SIG_IGN)\nwhile 1: 0",
            "timeout",
        ),
        ("x = []\nwhile True: x.append(bytearray(1 << 20))", "memory"),
        ("while True: print('x' * 999)", "output_limit"),
        ("import ctypes\nctypes.string_at(0)", "killed"),
        ("import os\nfor i in range(4): os.close(i)\nwhile True: pass", "timeout"),
        ("1 / 0", "exception"),
        ("raise SystemExit(3)", "exception"),
        ("def f(:", "exception"),
        ("def f(n): return f(n + 1)\nf(0)", "exception"),
    ],
)
def test_a_misbehaving_program_is_ended_and_named(sandbox, source, status):
    # Filling the memory limit takes CPU time of its own.
    limit = 5.0 if status == "memory" else 0.3
    assert sandbox.run(Job(source, time_limit_s=limit)).status == status


def test_a_program_cannot_pass_for_a_failure_of_ours(sandbox):
    source = """import os\nos.write(3, b'{"setup_failed": "x"}')\nos._exit(1)"""
    assert sandbox.run(Job(source)).status == "exception"


def test_values_come_back_as_plain_data(sandbox):
    result = sandbox.run(Job("def f(x):\n    return {x: [x]}", expressions=("f(2)", "f('a')")))
    assert result.values == ({"d": [[2, {"l": [2]}]]}, {"d": [["a", {"l": ["a"]}]]})


def test_a_program_that_leaves_before_its_tests_has_no_values(sandbox):
    result = sandbox.run(Job("import os\nos._exit(0)", expressions=("f(2)",)))
    assert (result.status, result.values) == ("exception", ())


def test_a_program_runs_the_same_every_time(sandbox):
    source = "import random\nprint(random.random(), list({'a', 'b', 'c', 'd'}))"
    assert len({sandbox.run(Job(source)).stdout for _ in range(6)}) == 1


def test_one_program_leaves_nothing_to_the_next(sandbox):
    sandbox.run(Job("import builtins, sys\nbuiltins.print = None\nsys.modules['math'] = None"))
    assert sandbox.run(Job("import math\nprint(math.floor(1.5))")).stdout == "1\n"


def test_neither_environment_nor_descriptors_are_inherited(sandbox):
    os.environ["AM_ASSETS_TEST_SECRET"] = "secret"
    source = (
        "import os\nprint(dict(os.environ))\n"
        "for i in range(100):\n    try:\n        os.fstat(i); print(i)\n    except OSError: pass"
    )
    try:
        with Sandbox(workers=1) as fresh:
            assert fresh.run(Job(source)).stdout.split() == ["{}", "0", "1", "2", "3"]
    finally:
        del os.environ["AM_ASSETS_TEST_SECRET"]


def test_many_threads_share_the_sandbox(sandbox):
    results: dict[int, str] = {}

    def work(n: int) -> None:
        results[n] = sandbox.run(Job(f"print({n} * 2)")).stdout

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: f"{2 * n}\n" for n in range(20)}


def test_a_server_that_dies_is_replaced():
    with Sandbox(workers=1) as fresh:
        (pid,) = fresh.processes()
        os.kill(pid, signal.SIGKILL)
        assert fresh.run(Job("print(1)")).stdout == "1\n"


def test_a_long_honest_output_fits_when_it_is_expected(sandbox):
    result = sandbox.run(Job("print('x' * 300000)", output_bytes=400000))
    assert (result.status, len(result.stdout)) == ("ok", 300001)


def test_the_runtime_is_the_python_that_programs_run_in(sandbox):
    ran = sandbox.run(Job("import platform\nprint(platform.python_version())"))
    assert sandbox.runtime("python") == f"Python {ran.stdout.strip()}"
    assert sandbox.version == Sandbox(workers=1).version
