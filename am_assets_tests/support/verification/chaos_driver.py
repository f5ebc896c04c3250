"""Honest programs beside 80 other processes of the same, ordinary user; prints what came out.

`python -m am_assets_tests.support.verification.chaos_driver`
"""

import contextlib
import json
import subprocess

from am_assets.core.settings.verification import CodeConfig
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.verification.code.check import check_code
from am_assets_tests.support.verification.ordinary import give_up_root

_OTHERS = 80
_TEST = {"type": "stdin_stdout", "inputs": ["20\n"], "outputs": ["190\n"]}
_PROGRAMS = {
    "plain": "print(sum(range(int(input()))))",
    "threads": """
import threading
total, lock = 0, threading.Lock()
def add(n):
    global total
    with lock:
        total += n
threads = [threading.Thread(target=add, args=(n,)) for n in range(int(input()))]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(total)""",
    "wrong": "print(0)",
}


def main() -> None:
    """Run the programs and print their statuses and reasons as JSON."""
    give_up_root()
    with contextlib.ExitStack() as others:
        for _ in range(_OTHERS):
            other = others.enter_context(subprocess.Popen(["sleep", "600"]))
            others.callback(other.kill)
        with Sandbox(workers=1) as sandbox:
            outcomes = {
                name: check_code(source, _TEST, sandbox, CodeConfig())
                for name, source in _PROGRAMS.items()
            }
    print(json.dumps({name: [one.status, one.reason] for name, one in outcomes.items()}))


if __name__ == "__main__":
    main()
