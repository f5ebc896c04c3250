"""Verification that is killed, and taken up again, with the real sandbox and math workers."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets_tests.support.verification import killed_verify
from am_assets_tests.support.verification.killed_verify import checks, verified

_KILLS = 3
_IN_FLIGHT = 2 * 32
"""Two threads, each with a batch of sums decided and not yet remembered."""


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def _killed_after(lines: int, memory: Path, log: Path) -> None:
    """Verify in a process of its own and kill it once it wrote so many lines."""
    command = [sys.executable, "-m", killed_verify.__name__, str(memory), str(log)]
    process = subprocess.Popen(command)
    while len(_lines(log)) < lines and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.attack
def test_killed_verification_ends_at_the_same_verdicts_and_repeats_what_was_in_flight(
    tmp_path: Path, sandbox: Sandbox
):
    memory, log = tmp_path / "memory.sqlite", tmp_path / "log"
    random_moment = random.Random(7)
    for kill in range(_KILLS):
        _killed_after(len(_lines(log)) + random_moment.randint(80, 160), memory, log)
        assert (memory.exists(), bool(_lines(log))) == (True, True), f"kill {kill} came too early"
    verdicts = verified(memory, log, sandbox)
    untouched = verified(tmp_path / "other.sqlite", tmp_path / "other.log", sandbox)
    assert verdicts == untouched
    assert Counter(verdict.status for verdict in verdicts) == {"pass": 220, "fail": 220}

    said = Counter(_lines(log))
    assert set(said) == set(_lines(tmp_path / "other.log"))
    replies = sum(count - 1 for line, count in said.items() if line.startswith("judge"))
    decided = sum(count - 1 for line, count in said.items() if not line.startswith("judge"))
    assert replies <= _KILLS
    assert decided <= _KILLS * _IN_FLIGHT

    before = len(_lines(log))
    assert verified(memory, log, sandbox) == untouched
    assert len(_lines(log)) == before, "a second run runs no program, comparison or judge"
    assert len(verdicts) == len(checks())
