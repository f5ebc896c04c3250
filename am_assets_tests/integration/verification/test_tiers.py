"""Tiers of isolation: the strongest that holds is taken, and verdicts do not depend on it."""

import shutil

import pytest

from am_assets.core.runner import IsolationMissing, Job
from am_assets.engines.sandbox import sandbox as sandbox_module
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.engines.sandbox.tiers import Tier, tiers
from am_assets_tests.integration.verification.test_sandbox import HONEST

SQUARE = "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << n * n; }"


@pytest.fixture
def bwrap_of(tmp_path, monkeypatch):
    """Puts a program called bwrap first on the path."""

    def put(script: str) -> None:
        program = tmp_path / "bwrap"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return put


def test_honest_programs_work_in_every_tier(any_tier):
    wrong = {
        name: got
        for name, (source, stdin, stdout) in HONEST.items()
        if (got := any_tier.run(Job(source, stdin))).stdout != stdout
    }
    assert wrong == {}


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ here")
def test_a_cpp_program_works_in_every_tier(any_tier):
    assert any_tier.run(Job(SQUARE, "7", language="cpp")).stdout == "49"


def test_a_program_can_write_nowhere_in_any_tier(any_tier):
    source = """
import os
for folder in ('/', '/tmp', '/dev', '/dev/shm', '/run', '/usr', '/var/tmp', '/proc/self'):
    for write in (lambda p: open(p, 'w'), os.mkdir):
        try:
            write(folder + '/x')
            print(folder)
        except OSError:
            pass
"""
    assert any_tier.run(Job(source)).stdout == ""


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="there is no bubblewrap here")
def test_bubblewrap_is_used_where_it_works():
    with Sandbox(workers=1) as fresh:
        assert fresh.tier in ("bubblewrap+landlock+seccomp", "landlock+seccomp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox_module, "tiers", lambda tools: tiers(tools)[:1])
        with Sandbox(workers=1) as fresh:
            assert fresh.tier == "bubblewrap+landlock+seccomp"


@pytest.mark.parametrize("script", ["exit 1", "echo no namespaces >&2; exit 1", 'exec sleep "0.1"'])
def test_a_bubblewrap_that_does_not_work_leaves_the_other_tier(bwrap_of, script):
    bwrap_of(script)
    with Sandbox(workers=1) as fresh:
        assert fresh.tier == "landlock+seccomp"
        assert fresh.run(Job("print(1)")).stdout == "1\n"


def test_where_no_tier_holds_nothing_runs_and_the_remedy_is_named(monkeypatch):
    broken = [Tier("broken", lambda command: ["/bin/false"])]
    monkeypatch.setattr(sandbox_module, "tiers", lambda tools: broken)
    with pytest.raises(IsolationMissing, match=r"broken: .* Landlock enabled"):
        Sandbox(workers=1).start()
