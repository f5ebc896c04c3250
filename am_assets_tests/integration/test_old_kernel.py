"""Where the kernel offers no isolation, code rows wait and everything else goes on."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from am_assets.core.store import Store
from am_assets.defs.project import CHAIN
from am_assets.lineage.ledger import week_ledgers
from am_assets_tests.conftest import NO_AUTHOR, TINY, am_assets, write_jsonl, write_tiny
from am_assets_tests.support import old_kernel

OLD_KERNEL = Path(old_kernel.__file__)
PROGRAMS = (
    ("Write a function double that takes a number and gives it twice.", "double", "2 * n", 6),
    ("Write a function square that multiplies a whole number by itself.", "square", "n * n", 9),
)


def _project(new_project: Callable[[], Path]) -> Path:
    """The tiny profile with a second source: two programming tasks with right answers."""
    folder = new_project()
    columns = {"prompt": "task", "tests": "tests", "code_answer": "code"}
    code = TINY["sources"]["sums"] | {
        "location": "code.jsonl",
        "domain": "code",
        "columns": columns,
    }
    write_tiny(folder, sources={**TINY["sources"], "programs": code})
    write_jsonl(
        folder / "code.jsonl",
        [
            {
                "task": task,
                "tests": [f"assert {name}(3) == {value}"],
                "code": f"def {name}(n):\n    return {body}",
            }
            for task, name, body, value in PROGRAMS
        ],
    )
    return folder


def test_code_rows_wait_for_isolation_and_pass_once_it_is_there(
    new_project: Callable[[], Path],
) -> None:
    folder = _project(new_project)
    arguments = ["materialize", "--profile", "tiny.yaml"]
    without = subprocess.run(
        [sys.executable, str(OLD_KERNEL), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            **NO_AUTHOR,
            "AM_ASSETS_ROOT": str(folder),
            "DAGSTER_HOME": str(folder / ".dagster_home"),
        },
    )
    assert without.returncode == 0, without.stdout + without.stderr
    assert "Code stays unverified here" in without.stdout
    (week,) = week_ledgers(Store(folder, "tiny").snapshot(), CHAIN)
    assert dict(week.pending) == {("verified", "isolation_missing"): 2}
    assert week.released == 12

    # Pending rows are never "nothing to do": the same command finishes them where it can.
    later = am_assets(folder, *arguments)
    assert later.returncode == 0, later.stdout + later.stderr
    (week,) = week_ledgers(Store(folder, "tiny").snapshot(), CHAIN)
    assert not week.pending
    assert week.released == 14
