"""Every Python that is supported gives the same versions."""

import subprocess
from pathlib import Path

import pytest

from am_assets.defs.project import ARTIFACTS
from am_assets_tests.conftest import REPOSITORY

_PYTHONS = sorted(
    path
    for version in ("3.12", "3.13", "3.14")
    for path in Path.home().glob(f".pyenv/versions/{version}*/bin/python")
)
_ASK = """
import sys
from am_assets.core.code.boundaries import MACHINERY
from am_assets.core.code.versions import reach_of
for name in sys.argv[1:]:
    print(name, reach_of(f"am_assets.defs.assets.{name}.{name}", *MACHINERY).version)
"""


@pytest.mark.skipif(not _PYTHONS, reason="there is no other Python on this machine")
@pytest.mark.parametrize("python", _PYTHONS, ids=lambda path: path.parts[-3])
def test_versions_are_the_same_on_every_python(python: Path) -> None:
    names = [stage.name for stage in ARTIFACTS]
    done = subprocess.run(
        [python, "-S", "-P", "-B", "-c", _ASK, *names],
        env={"PYTHONPATH": str(REPOSITORY)},
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = dict(line.split() for line in done.stdout.splitlines())
    assert told == {stage.name: stage.code_version for stage in ARTIFACTS}
