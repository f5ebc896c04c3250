"""Hostile programs: contained and judged right, whoever runs the sandbox."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from am_assets_tests.support.verification.hostile_driver import judge
from am_assets_tests.support.verification.hostile_programs import PROGRAMS


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may use."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def wrongly_judged(found: dict[str, tuple[str, str, list[str]]]) -> dict[str, object]:
    wrong = {}
    for program in PROGRAMS:
        status, reason, violations = found[program.attempts]
        expected = program.reason or reason
        if (status, reason, violations) != ("fail", expected, []):
            wrong[program.attempts] = (status, reason, violations)
    return wrong


def test_there_are_many_and_each_attempts_something_else():
    assert len({program.attempts for program in PROGRAMS}) == len(PROGRAMS) >= 60


@pytest.mark.attack
def test_hostile_programs_fail_and_do_nothing(any_tier, open_folder, monkeypatch):
    monkeypatch.setenv("AM_ASSETS_HOSTILE_SECRET", "a secret of the host")
    found = {
        program.attempts: (status, reason, violations)
        for program, status, reason, violations in judge(PROGRAMS, open_folder, any_tier)
    }
    assert wrongly_judged(found) == {}


@pytest.mark.attack
@pytest.mark.skipif(os.geteuid() != 0, reason="the test above has run as an ordinary user")
def test_hostile_programs_fail_and_do_nothing_for_an_ordinary_user(open_folder):
    driver = "am_assets_tests.support.verification.hostile_driver"
    done = subprocess.run(
        [sys.executable, "-m", driver, str(open_folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert wrongly_judged(json.loads(done.stdout)["found"]) == {}
