"""Settings and projects shared by all tests: a scratch clone with git and DVC, and a tiny profile.

The tiny profile has one source of math rows with responses and no models but the packaged
embedding model, so that every stage runs for real in seconds.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("any_machine", deadline=None)
settings.load_profile("any_machine")

REPOSITORY = Path(__file__).parents[1]
_BY_RISK = (
    # Rules that everything stands on, told within seconds.
    *("unit/core", "unit/lineage", "unit/stages", "unit/engines", "unit"),
    # The longest files begin first, so that no process waits long for another at the end.
    *("integration/test_mini_graph", "integration/test_histories", "integration/test_attacks"),
    *("integration/test_tiny_graph", "integration/test_published_files"),
    *("integration/test_pipeline", "integration/test_store", "integration", ""),
)
"""Beginnings of the paths of tests, in the order in which they run."""
WEEK = "2025-01-06"
NO_AUTHOR = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "DVC_NO_ANALYTICS": "1",
    "DO_NOT_TRACK": "1",
}
"""A machine where git knows no author, and nothing phones home."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring tests in the order of risk: what is cheap and tells most comes first."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    return next(place for place, start in enumerate(_BY_RISK) if path.startswith(start))


def git(folder: Path, *arguments: str) -> str:
    """Output of a git command in `folder`; fails the test when git does."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dvc(folder: Path, *arguments: str) -> str:
    """Output of the real `dvc` command in `folder`; fails the test when it does."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def math_rows(count: int = 12) -> list[dict[str, Any]]:
    """Invented rows of the tiny source: question, answer, and a response that is right.

    Upstream calls the first one wrong.
    """
    things = ["pears", "nails", "stamps", "kites", "bricks", "shells", "coins", "maps", "cups"]
    places = ["box", "cellar", "wagon", "drawer"]
    rows: list[dict[str, Any]] = []
    for index in range(count):
        thing, place = things[index % len(things)], places[index % len(places)]
        first, second = 11 + 7 * index, 3 + 2 * index
        total = first + second
        rows.append(
            {
                "key": f"row{index}",
                "question": f"A {place} holds {first} {thing} and {second} more {thing} are put "
                f"there on day {index + 1}. How many {thing} does the {place} hold then?",
                "answer": str(total),
                "response": f"<think>{first} and {second} make {total}.</think>\n"
                f"<answer>\\boxed{{{total}}}</answer>",
                "is_right": index > 0,
            }
        )
    return rows


TINY: dict[str, Any] = {
    "name": "tiny",
    "title": "Tiny",
    "weeks": {"start": WEEK, "last": WEEK},
    "sources": {
        "sums": {
            "kind": "files",
            "location": "sums.jsonl",
            "domain": "math",
            "licence": "MIT",
            "columns": {
                "prompt": "question",
                "reference_answer": "answer",
                "response": "response",
                "recorded_verdict": "is_right",
                "upstream_key": "key",
            },
        }
    },
    "benchmarks": {
        "bench": {
            "kind": "files",
            "location": "bench.jsonl",
            "domain": "math",
            "columns": {"prompt": "problem", "reference_answer": "answer"},
            "samples": 0,
        }
    },
    "models": {"embedding": {"path": "packaged-minilm", "engine": "sentence-transformers"}},
    "labels": {"template": "{prompt}", "categories": ["math"]},
    "recipes": {"base": {"kind": "base"}},
}


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_tiny(folder: Path, **changes: Any) -> Path:
    """Write the tiny profile and its rows into `folder`; returns the profile's path."""
    write_jsonl(folder / "sums.jsonl", math_rows())
    write_jsonl(
        folder / "bench.jsonl",
        [{"problem": "What is the area of a circle of radius three?", "answer": "9\\pi"}],
    )
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY | changes), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "project"
    folder.mkdir()
    for name in (".gitignore", "dagster.yaml"):
        shutil.copyfile(REPOSITORY / name, folder / name)
    (folder / "notes.txt").write_text("the user's own file\n")
    git(folder, "init", "-q", "-b", "main")
    dvc(folder, "init", "-q")
    git(folder, "add", ".")
    author = ["-c", "user.name=u", "-c", "user.email=u@localhost"]
    git(folder, *author, "commit", "-q", "-m", "Start")
    return folder


@pytest.fixture(scope="session")
def new_project(_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes project folders of their own: git, DVC, one commit, nothing published."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("project") / "project"
        shutil.copytree(_template, folder)
        return folder

    return make


@pytest.fixture
def project(new_project: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh project folder that the command line and the store find by themselves."""
    folder = new_project()
    for name, value in NO_AUTHOR.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AM_ASSETS_ROOT", str(folder))
    monkeypatch.setenv("DAGSTER_HOME", str(folder / ".dagster_home"))
    monkeypatch.delenv("AM_ASSETS_PROFILE", raising=False)
    monkeypatch.delenv("AM_ASSETS_FOLDER", raising=False)
    return folder


@pytest.fixture(scope="session")
def made(new_project: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny profile materialized from source to release, in a process of its own.

    Shared: copy it before changing anything in it. Processes that test side by side make it once
    and have a copy each, so that none meets the locks and passing files of another.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    said = shared / "made"
    with (shared / "made.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            first = new_project()
            write_tiny(first)
            done = am_assets(first, "materialize", "--profile", "tiny.yaml")
            assert done.returncode == 0, done.stdout + done.stderr
            said.write_text(str(first))
    folder = tmp_path_factory.mktemp("made") / "project"
    shutil.copytree(said.read_text(), folder, symlinks=True)
    return folder


def am_assets(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in `folder`, as a user would."""
    return subprocess.run(
        [sys.executable, "-c", "from am_assets.cli import main; main()", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            **NO_AUTHOR,
            "AM_ASSETS_ROOT": str(folder),
            "DAGSTER_HOME": str(folder / ".dagster_home"),
        },
    )
