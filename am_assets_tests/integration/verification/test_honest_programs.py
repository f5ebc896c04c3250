"""Every honest way of reading standard input and writing standard output works."""

import pytest

from am_assets.core.settings.verification import CodeConfig
from am_assets.stages.verification.code.check import check_code

STDIN = "3 4\nten élan 漢\n"
EXPECTED = "7\nten élan 漢\n"
SUM = "print(sum(map(int, a.split())))\nprint(b)"

HONEST = {
    "input()": f"a, b = input(), input()\n{SUM}",
    "input with a prompt to standard error": (
        f"import sys\nprint('n?', file=sys.stderr)\na, b = input(), input()\n{SUM}"
    ),
    "for line in sys.stdin": f"import sys\na, b = [line.strip() for line in sys.stdin]\n{SUM}",
    "sys.stdin.read": f"import sys\na, b = sys.stdin.read().splitlines()\n{SUM}",
    "sys.stdin.readline": (
        f"import sys\ninput = sys.stdin.readline\na, b = input(), input().strip()\n{SUM}"
    ),
    "sys.stdin.readlines": f"import sys\na, b = [x.strip() for x in sys.stdin.readlines()]\n{SUM}",
    "next of sys.stdin": (f"import sys\na, b = next(sys.stdin), next(sys.stdin).strip()\n{SUM}"),
    "list of sys.stdin": f"import sys\na, b = map(str.strip, list(sys.stdin))\n{SUM}",
    "sys.stdin.buffer.readline": (
        "import sys\nr = sys.stdin.buffer.readline\n"
        f"a, b = r().decode(), r().decode().strip()\n{SUM}"
    ),
    "sys.stdin.buffer.read": (
        f"import sys\na, b = sys.stdin.buffer.read().decode().splitlines()\n{SUM}"
    ),
    "for line in sys.stdin.buffer": (
        f"import sys\na, b = [x.decode().strip() for x in sys.stdin.buffer]\n{SUM}"
    ),
    "sys.__stdin__": f"import sys\na, b = sys.__stdin__.read().splitlines()\n{SUM}",
    "open(0)": f"a, b = open(0).read().splitlines()\n{SUM}",
    "open(0, 'rb')": f"a, b = open(0, 'rb').read().decode().splitlines()\n{SUM}",
    "open of the descriptor's number": (
        f"import sys\na, b = open(sys.stdin.fileno(), encoding='utf-8').read().splitlines()\n{SUM}"
    ),
    "os.read": f"import os\na, b = os.read(0, 10**6).decode().splitlines()\n{SUM}",
    "os.read of a file's size": (
        f"import os\na, b = os.read(0, os.fstat(0).st_size).decode().splitlines()\n{SUM}"
    ),
    "os.fdopen": f"import os\na, b = os.fdopen(0).read().splitlines()\n{SUM}",
    "io.BytesIO over os.read": (
        "import io, os\ninput = io.BytesIO(os.read(0, os.fstat(0).st_size)).readline\n"
        f"a, b = input().decode(), input().decode().strip()\n{SUM}"
    ),
    "a replaced sys.stdin": (
        f"import io, sys\nsys.stdin = io.StringIO(sys.stdin.read())\na, b = input(), input()\n{SUM}"
    ),
    "fileinput": f"import fileinput\na, b = [x.strip() for x in fileinput.input()]\n{SUM}",
    "iter(input, ...)": (
        "import sys\ntry:\n    lines = list(iter(input, ''))\nexcept EOFError:\n    pass\n"
        "a, b = '3 4', 'ten élan 漢'\n" + SUM
    ),
    "reading until the end": (
        f"lines = []\nwhile True:\n    try:\n        lines.append(input())\n"
        f"    except EOFError:\n        break\na, b = lines\n{SUM}"
    ),
    "mmap": (
        "import mmap\nm = mmap.mmap(0, 0, access=mmap.ACCESS_READ)\n"
        f"a, b = m[:].decode().splitlines()\n{SUM}"
    ),
    "select before reading": (
        "import select, sys\nassert select.select([sys.stdin], [], [])[0]\n"
        f"a, b = input(), input()\n{SUM}"
    ),
    "a thread that reads": (
        "import threading\ndef main():\n    a, b = input(), input()\n"
        "    print(sum(map(int, a.split())))\n    print(b)\n"
        "t = threading.Thread(target=main)\nt.start()\nt.join()"
    ),
}

WRITE = {
    "sys.stdout.write": "import sys\nsys.stdout.write(out)",
    "sys.stdout.buffer.write": "import sys\nsys.stdout.buffer.write(out.encode())",
    "os.write": "import os\nos.write(1, out.encode())",
    "os.write after print": (
        "import os\nprint(out[:2], flush=True, end='')\nos.write(1, out[2:].encode())"
    ),
    "open(1, 'w')": "open(1, 'w', encoding='utf-8').write(out)",
    "open(1, 'w') left open": "f = open(1, 'w', encoding='utf-8')\nf.write(out)",
    "open(1, 'wb') left open": "f = open(1, 'wb')\nf.write(out.encode())",
    "a closed sys.stdout": "import sys\nprint(out)\nsys.stdout.close()",
    "os.fdopen": "import os\nwith os.fdopen(1, 'w', encoding='utf-8') as f:\n    f.write(out)",
    "print to sys.stdout": "import sys\nprint(out, file=sys.stdout, end='', flush=True)",
    "writelines": "import sys\nsys.stdout.writelines(x + '\\n' for x in out.split('\\n'))",
    "sys.__stdout__": "import sys\nsys.__stdout__.write(out)",
    "carriage returns": "print(out.replace('\\n', '\\r\\n'))",
    "blanks at line ends": "print(out.replace('\\n', '  \\n\\n'))",
    "a captured sys.stdout": (
        "import io, sys\nreal, sys.stdout = sys.stdout, io.StringIO()\nprint(out)\n"
        "real.write(sys.stdout.getvalue())"
    ),
    "redirect_stdout": (
        "import contextlib, io, sys\nwith contextlib.redirect_stdout(io.StringIO()) as held:\n"
        "    print(out)\nprint(held.getvalue())"
    ),
    "a replaced print": (
        "import functools\nprint = functools.partial(print, flush=True)\nprint(out)"
    ),
    "a wrapped sys.stdout": (
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'utf-8', "
        "line_buffering=True)\nprint(out)"
    ),
    "reconfigure": "import sys\nsys.stdout.reconfigure(encoding='utf-8')\nprint(out)",
    "logging": (
        "import logging, sys\nlogging.basicConfig(stream=sys.stdout, format='%(message)s',\n"
        "    level=logging.INFO)\nlogging.info(out)"
    ),
    "pprint": "import pprint\npprint.pprint(7)\nprint(out.split('\\n')[1])",
    "a main guard": "def main():\n    print(out)\nif __name__ == '__main__':\n    main()",
    "sys.exit()": "import sys\nprint(out)\nsys.exit()",
    "sys.exit(0)": "import sys\nprint(out)\nsys.exit(0)",
    "exit()": "print(out)\nexit()",
    "quit()": "print(out)\nquit()",
    "raise SystemExit": "print(out)\nraise SystemExit",
    "os._exit after a flush": "import os\nprint(out, flush=True)\nos._exit(0)",
    "atexit": "import atexit\natexit.register(print, out)",
    "a thread left running": "import threading\nthreading.Timer(0.01, print, [out]).start()",
    "a deep recursion": (
        "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(1 << 26)\n"
        "def deep(n): return 0 if n == 0 else 1 + deep(n - 1)\n"
        "def main():\n    deep(20000)\n    print(out)\nthreading.Thread(target=main).start()"
    ),
    "global in helpers": "n = 0\ndef f():\n    global n\n    n += 1\nf()\nprint(out)",
    "asyncio": "import asyncio\nasync def main():\n    print(out)\nasyncio.run(main())",
    "a dataclass, pickled": (
        "import pickle\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: str\n"
        "print(pickle.loads(pickle.dumps(P(out))).x)"
    ),
    "an enumeration and types": (
        "from __future__ import annotations\nimport enum, typing\n"
        "class C(enum.Enum):\n    RED = 1\ndef f(x: C) -> typing.Optional[int]: ...\n"
        "typing.get_type_hints(f)\nprint(out)"
    ),
    "importing itself": "x = out\nimport __main__\nprint(__main__.x)",
    "inspecting its arguments": "import sys\nassert len(sys.argv) == 1\nprint(out)",
    "modules for processes": (
        "import multiprocessing, subprocess, concurrent.futures, signal\n"
        "with concurrent.futures.ThreadPoolExecutor(2) as pool:\n"
        "    print(*pool.map(str, [out]))"
    ),
    "exec": "exec('print(out)')",
    "an exception caught": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    print(out)",
    "a warning": "import warnings\nwarnings.warn('careful')\nprint(out)",
    "a generator's end": "def g():\n    yield out\n    return\nprint(*g())",
    "a context that closes": "import sys\nprint(out)\nsys.stdout.flush()\nsys.stdin.close()",
    "signal handlers": ("import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\nprint(out)"),
    "a cache": "import functools\n@functools.cache\ndef f(n): return n\nf(3)\nprint(out)",
    "a big number": "import sys\nsys.set_int_max_str_digits(0)\nlen(str(7**9999))\nprint(out)",
    "a random choice": "import random\nrandom.seed(1)\nrandom.random()\nprint(out)",
    "the time": "import time\ntime.sleep(0.01)\ntime.perf_counter()\nprint(out)",
}


def verdict(sandbox, program, **test_case):
    case = {"type": "stdin_stdout", "inputs": [STDIN], "outputs": [EXPECTED], **test_case}
    return check_code(f"```python\n{program}\n```", case, sandbox, CodeConfig())


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_way_of_reading(sandbox, name):
    outcome = verdict(sandbox, HONEST[name])
    assert outcome.status == "pass", outcome


@pytest.mark.parametrize("name", WRITE)
def test_an_honest_way_of_writing_and_ending(sandbox, name):
    program = f"out = str(sum(map(int, input().split()))) + '\\n' + input()\n{WRITE[name]}"
    if program.find("from __future__") > 0:
        program = "from __future__ import annotations\n" + program.replace(
            "from __future__ import annotations\n", ""
        )
    outcome = verdict(sandbox, program)
    assert outcome.status == "pass", outcome


@pytest.mark.parametrize(
    ("program", "token"),
    [
        ("print(7)", 1),
        ("print(7, 'ten', 'élan', '漢', 1)", 4),
        ("print('7ten', 'élan', '漢')", 0),
        ("print('ten', 'élan', '漢', 7)", 0),
        ("print(7.0, 'ten', 'élan', '漢')", 0),
        ("print('07', 'ten', 'élan', '漢')", 0),
        ("print(7, 'Ten', 'élan', '漢')", 1),
        ("print(7, 'ten', 'e\\u0301lan', '漢')", 2),
        ("print(7, 'ten\\u00a0élan', '漢')", 1),
        ("", 0),
    ],
)
def test_the_first_differing_token_is_evidence(sandbox, program, token):
    outcome = verdict(sandbox, program)
    assert (outcome.status, outcome.reason) == ("fail", "wrong_answer")
    assert outcome.evidence["first_failure"]["token"] == token


@pytest.mark.parametrize(
    ("said", "expected", "tolerance", "status"),
    [
        ("0.3333", "0.33333", None, "fail"),
        ("0.3333", "0.33333", 1e-4, "pass"),
        ("0.333", "0.33333", 1e-4, "fail"),
        ("1000000.5", "1000000.6", 1e-6, "pass"),
        ("1000000", "1000001", 1e-6, "fail"),
        ("2.0000001", "2", 1e-6, "pass"),
        ("1e0", "1.0", 1e-6, "pass"),
        ("nan", "1.0", 1e-6, "fail"),
        ("inf", "1e400", 1e-6, "fail"),
        ("1e999", "2e999", 1e-6, "fail"),
        ("0x1p0", "1.0", 1e-6, "fail"),
        ("1_0.0", "10.0", 1e-6, "fail"),
        ("١.0", "1.0", 1e-6, "fail"),
        ("YES", "yes", 1e-6, "fail"),
        ("1.0 2.0", "1.0", 1e-6, "fail"),
    ],
)
def test_numbers_may_differ_where_the_source_says_so(sandbox, said, expected, tolerance, status):
    case = {"outputs": [expected], "tolerance": tolerance}
    assert verdict(sandbox, f"print({said!r})", **case).status == status


@pytest.mark.parametrize("tolerance", [True, "1e-6", -1, 1, float("nan"), [1], 10**400])
def test_a_tolerance_that_is_none_is_a_malformed_test_case(sandbox, tolerance):
    outcome = verdict(sandbox, "print(7)", tolerance=tolerance)
    assert (outcome.status, outcome.reason) == ("unverifiable", "malformed_test_case")


def test_tests_that_expect_no_output_cannot_tell_programs_apart(sandbox):
    assert verdict(sandbox, "", outputs=["\n"]).reason == "malformed_test_case"
