"""Killed servers, crowded and starved machines: verdicts are unchanged or errors of ours."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest

from am_assets.core.runner import Job, RunnerFailed
from am_assets.core.settings.verification import CodeConfig
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.verification.code.check import check_code
from am_assets.stages.verification.outcome import Outcome
from am_assets_tests.integration.verification.conftest import in_tier
from am_assets_tests.support.verification.hostile_driver import descendants

pytestmark = pytest.mark.attack

TEST = {"type": "stdin_stdout", "inputs": ["2\n"], "outputs": ["4\n"]}
# Long enough to be met while it runs.
SLOW = "import time\ntime.sleep(0.6)\nprint(int(input()) * 2)"
BUSY = "n = int(input())\nfor _ in range(1500000): pass\nprint(n * 2)"


def check(sandbox: Sandbox, source: str, **settings) -> Outcome:
    return check_code(source, TEST, sandbox, CodeConfig(**settings))


def kill_soon(sandbox: Sandbox, times: int) -> threading.Thread:
    """Kill the server, with all that it started, `times` while a program runs."""

    def kill() -> None:
        for _ in range(times):
            time.sleep(0.35)
            for server in sandbox.processes():
                for pid in (server, *descendants(server)):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def test_a_server_killed_while_a_program_runs_changes_no_verdict(any_tier):
    thread = kill_soon(any_tier, 1)
    outcome = check(any_tier, SLOW)
    thread.join()
    assert outcome.status == "pass"


def test_a_server_killed_again_and_again_is_our_failure():
    with in_tier("landlock+seccomp") as fresh:
        thread = kill_soon(fresh, 6)
        outcome = check(fresh, SLOW.replace("0.6", "2"))
        thread.join()
        assert (outcome.status, outcome.reason) == ("error", "runner_failed")
        assert check(fresh, "print(4)").status == "pass"


def test_a_program_killed_from_outside_is_our_failure():
    with in_tier("landlock+seccomp") as fresh:

        def kill() -> None:
            for _ in range(2):
                time.sleep(0.3)
                for server in fresh.processes():
                    for pid in descendants(server):
                        os.kill(pid, signal.SIGKILL)

        fresh.run(Job("print(1)"))
        thread = threading.Thread(target=kill)
        thread.start()
        outcome = check(fresh, SLOW)
        thread.join()
    assert outcome.status in ("pass", "error")


def test_a_killed_run_leaves_no_process():
    script = """
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.core.runner import Job
with Sandbox(workers=1) as sandbox:
    print(*sandbox.processes(), flush=True)
    sandbox.run(Job("import time\\ntime.sleep(60)", time_limit_s=60))
"""
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    server = int(run.stdout.readline())
    time.sleep(0.5)
    left = {server, *descendants(server)}
    assert len(left) > 1
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(_runs, left)):
        time.sleep(0.05)
    assert not any(map(_runs, left))


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_many_processes_of_the_same_user_change_no_verdict():
    driver = "am_assets_tests.support.verification.chaos_driver"
    done = subprocess.run([sys.executable, "-m", driver], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "plain": ["pass", ""],
        "threads": ["pass", ""],
        "wrong": ["fail", "wrong_answer"],
    }


def test_a_starved_program_gets_its_time():
    """Twenty busy processes on its one processor; none of them in its session."""
    processor = min(os.sched_getaffinity(0))
    with in_tier("landlock+seccomp") as fresh, contextlib.ExitStack() as busy:
        assert check(fresh, BUSY, time_limit_s=0.5).status == "pass"
        for server in fresh.processes():
            os.sched_setaffinity(server, {processor})
        for _ in range(20):
            other = busy.enter_context(
                subprocess.Popen(["sh", "-c", "while :; do :; done"], start_new_session=True)
            )
            busy.callback(other.kill)
            os.sched_setaffinity(other.pid, {processor})
        assert check(fresh, BUSY, time_limit_s=0.5).status in ("pass", "error")
        idle = check(fresh, "import time\ntime.sleep(60)", time_limit_s=0.3)
        assert (idle.status, idle.reason) in (("fail", "timeout"), ("error", "runner_failed"))


def test_a_process_without_descriptors_or_memory_files_is_our_failure(sandbox):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used, limits[1]))
    held = []
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(RunnerFailed):
            sandbox.run(Job("print(1)"))
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert sandbox.run(Job("print(1)")).stdout == "1\n"


def test_a_full_disk_does_not_matter(tmp_path):
    """Nothing is written to one: a file can be given no size at all, but for files in memory."""
    gone = tmp_path / "gone"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from am_assets.engines.sandbox.sandbox import Sandbox\n"
            "from am_assets.core.runner import Job\n"
            "with Sandbox(workers=1) as sandbox:\n"
            "    print(sandbox.run(Job('print(1)')).stdout)\n"
            "    print(sandbox.run(Job('int main() {}', language='cpp')).status)\n",
        ],
        env={**os.environ, "TMPDIR": str(gone), "TEMP": str(gone), "TMP": str(gone)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() in (["1", "ok"], ["1", "no_compiler"]), done.stderr
