"""Attacks on code as run: files of the package written while a run is going on.

Each function runs `existing_verdicts` anew on a copy of a finished tiny project, by a copy of the
package that it writes into meanwhile.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from am_assets.core.manifest import Ref
from am_assets_tests.conftest import NO_AUTHOR, REPOSITORY, WEEK
from am_assets_tests.integration.attacking.copies import Attack, quiet_store

_WORKER = "am_assets/stages/verification/math/worker.py"
_RIGHT = '    return {"status": status, "reason": reason, "evidence": evidence}\n'
_WRONG = '    return {"status": "fail", "reason": "other code", "evidence": {}}\n'

_RUN = """
import dataclasses, json, os, sys
from pathlib import Path

from am_assets.defs.assets.existing_verdicts import existing_verdicts
from am_assets.core.code.guard import CodeMoved
from am_assets.core.materialize import Materializer
from am_assets.core.store import Store
from am_assets.defs.project import Project
from am_assets.defs.weeks import week_keys
from am_assets.stages.verification.math import pool

path, before, after = Path(sys.argv[1]), *json.loads(sys.argv[2])
right = path.read_text() if before or after else ""

def write(text):
    other = path.with_suffix(".new")
    other.write_text(text)
    other.replace(path)

ask = pool._Worker.ask

def asked(self, pairs, *rest):
    # The moment a worker is asked: what it loads lies there from now on.
    if before and path.read_text() != before:
        self.stop()
        write(before)
    found = ask(self, pairs, *rest)
    if after and path.read_text() != after:
        write(after)
    return found

pool._Worker.ask = asked
project = Project.open("tiny.yaml")
weeks = week_keys(project.profile)
key = {"source": "sums", "week": weeks[0]}
told = {"named": "", "statuses": {}, "remembered": 0}
try:
    outcome = Materializer(project.profile, project.store, project.engines, weeks).materialize(
        existing_verdicts, key, {}
    )
    rows = project.store.table(outcome.manifest.dvc, existing_verdicts.name).to_pylist()
    for row in rows:
        told["statuses"][row["status"]] = told["statuses"].get(row["status"], 0) + 1
except CodeMoved as problem:
    told["named"] = str(problem)
finally:
    project.engines.close()
counts = project.store.memory.counts()
told["remembered"] = counts["verdict"][0] if "verdict" in counts else 0
told["published"] = project.store.snapshot().manifest(existing_verdicts.ref(key)) is not None
print(json.dumps(told))
"""


def workers_of_another_version(folder: Path) -> list[str]:
    """Another version is checked out and the workers start anew: none of its verdicts is taken."""
    return _refused(folder, _WRONG, "")


def another_version_for_a_moment(folder: Path) -> list[str]:
    """The same, and the first version is back before the verdicts are: they are not taken."""
    return _refused(folder, _WRONG, _RIGHT)


def the_same_text_written_again(folder: Path) -> list[str]:
    """A file is written with the very same text: who knows what lay there meanwhile."""
    return _refused(folder, "", _RIGHT + "\n")


def a_file_of_something_else(folder: Path) -> list[str]:
    """A file that the stage does not lead to is written: the run goes on."""
    with tempfile.TemporaryDirectory() as scratch:
        package, project = _copies(folder, Path(scratch))
        told = _run(package, project, "am_assets/cli/materialize.py", "", "# other\n")
        if told["named"] or not told["published"] or set(told["statuses"]) != {"pass"}:
            return [f"broken: a file of another command stopped the run ({told})"]
        return ["held: a file that the stage does not lead to may change"]


ATTACKS: dict[str, Attack] = {
    "workers of another version": workers_of_another_version,
    "another version for a moment": another_version_for_a_moment,
    "the same code written again": the_same_text_written_again,
    "code of something else written": a_file_of_something_else,
}
"""Every attack by what it does; each takes the folder of a finished tiny project."""


def _refused(folder: Path, before: str, after: str) -> list[str]:
    with tempfile.TemporaryDirectory() as scratch:
        package, project = _copies(folder, Path(scratch))
        told = _run(package, project, _WORKER, before, after)
        if told["published"] or told["remembered"] or not told["named"]:
            return [f"broken: verdicts of other code were taken ({told})"]
        if _WORKER not in told["named"] or "run again" not in told["named"]:
            return [f"broken: the message names no file or remedy ({told['named']})"]
        shutil.copyfile(REPOSITORY / _WORKER, package / _WORKER)
        again = _run(package, project, _WORKER, "", "")
        if set(again["statuses"]) != {"pass"} or not again["published"]:
            return [f"broken: the next run is not right ({again})"]
        return [f"named: {told['named']}"]


def _copies(folder: Path, scratch: Path) -> tuple[Path, Path]:
    package, project = scratch / "code", scratch / "project"
    ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
    shutil.copytree(REPOSITORY / "am_assets", package / "am_assets", ignore=ignored)
    shutil.copytree(folder, project, symlinks=True)
    # Nothing is decided yet: what is published or remembered then is of this run.
    ref = Ref(asset="existing_verdicts", partition=("sums", WEEK))
    gone = {f"data/tiny/{ref.path}/{name}": None for name in ("manifest.json", "data.dvc")}
    quiet_store(project).branch.commit(gone, "Unpublish")
    for left in project.glob(".am/memory.sqlite*"):
        left.unlink()
    return package, project


def _run(package: Path, project: Path, path: str, before: str, after: str) -> dict[str, Any]:
    """Run the stage; `before` and `after` replace a line of the file, or are added."""
    text = (package / path).read_text()
    texts = [
        (text.replace(_RIGHT, line) if _RIGHT in text and line else text + line) if line else ""
        for line in (before, after)
    ]
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(package / path), json.dumps(texts)],
        cwd=project,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            **NO_AUTHOR,
            "PYTHONPATH": str(package),
            "AM_ASSETS_ROOT": str(project),
        },
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])
