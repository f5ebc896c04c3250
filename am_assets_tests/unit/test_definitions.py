"""What `dagster dev` loads."""

import json
import subprocess
import sys
import tomllib

from am_assets_tests.conftest import REPOSITORY

_LOADED = """
import json, sys
import am_assets.definitions
print(json.dumps(sorted(sys.modules)))
"""


def test_definitions_load_without_what_takes_long_to_import() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    linter = settings["tool"]["ruff"]["lint"]["flake8-tidy-imports"]
    slow = set(linter["banned-module-level-imports"])
    done = subprocess.run(
        [sys.executable, "-c", _LOADED], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "torch" in slow
    assert slow.isdisjoint(json.loads(done.stdout))
