"""Copies of a finished tiny project that attacks work on, and what becomes of work done there.

An attack takes the project's folder, leaves it as it was, and gives lines: "held: …", "named: …"
with the message, or "broken: …".
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from am_assets.core.manifest import Ref
from am_assets.core.materialize import Materializer
from am_assets.core.store import ROOT_VARIABLE, Store
from am_assets.defs.project import ARTIFACTS, Project
from am_assets.defs.weeks import week_keys
from am_assets.operations.backfill import steps
from am_assets_tests.conftest import git

Attack = Callable[[Path], list[str]]

ORDER = tuple(stage.name for stage in ARTIFACTS)
"""Assets in the order of the pipeline."""

STALE = "made stale by an attack"
"""The derivation of what has to be made again."""


@contextmanager
def copy_of(project: Path) -> Iterator[Path]:
    """A copy of the project, and this process at home in it."""
    with tempfile.TemporaryDirectory(prefix="am-attack-") as scratch:
        folder = Path(scratch) / "project"
        shutil.copytree(project, folder, symlinks=True)
        with at_home(folder):
            yield folder


@contextmanager
def empty_like(project: Path) -> Iterator[Path]:
    """A project folder with git and DVC in which nothing is published, this process in it."""
    with tempfile.TemporaryDirectory(prefix="am-attack-") as scratch:
        folder = Path(scratch) / "project"
        (folder / ".dvc").mkdir(parents=True)
        for name in (".gitignore", ".dvcignore", "dagster.yaml", ".dvc/config", ".dvc/.gitignore"):
            shutil.copyfile(project / name, folder / name)
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", ".")
        git(folder, "-c", "user.name=u", "-c", "user.email=u@localhost", "commit", "-qm", "Start")
        with at_home(folder):
            yield folder


@contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """This process finds the project in `folder`."""
    with mock.patch.dict(os.environ, {ROOT_VARIABLE: str(folder)}):
        yield


def line_of(what: str, work: Callable[[], str | None]) -> str:
    """What became of `work`, which gives what is wrong, or None, or fails with an error.

    An error of the program's own names what is wrong; any other is one that nobody foresaw.
    """
    try:
        wrong = work()
    except Exception as error:
        said = " ".join(str(error).split())
        if type(error).__module__.startswith("am_assets."):
            return f"named: {what}: {said}"
        return f"broken: {what}: {type(error).__name__}: {said}"
    return f"broken: {what}: {wrong}" if wrong else f"held: {what}"


def make(folder: Path) -> list[str]:
    """Materialize whatever is not fresh, from source to release; gives what was worked on."""
    project = Project.open(str(folder / "tiny.yaml"))
    weeks = week_keys(project.profile)
    worked: list[str] = []
    try:
        for step in steps(project, weeks, weeks):
            for stage in step.stages:
                # A materializer resolves inputs as they are when it is made.
                materializer = Materializer(project.profile, project.store, project.engines, weeks)
                outcome = materializer.materialize(stage, step.key, {})
                if not outcome.reused:
                    worked.append(str(outcome.manifest.ref))
    finally:
        project.engines.close()
    return worked


def make_stale(folder: Path, assets: Collection[str]) -> None:
    """Publish the same artifacts again as if they had followed from something else."""
    store = quiet_store(folder)
    snapshot = store.snapshot()
    for ref, manifest in snapshot.manifests(snapshot.refs()).items():
        if ref.asset in assets:
            store.publish(manifest.model_copy(update={"derivation": STALE}), {})


def identities(folder: Path) -> dict[Ref, tuple[str, str]]:
    """Derivation and root of every published artifact."""
    snapshot = quiet_store(folder).snapshot()
    found = snapshot.manifests(snapshot.refs())
    return {ref: (one.derivation, one.root) for ref, one in found.items()}


def quiet_store(folder: Path) -> Store:
    """The tiny profile's store, which tells nobody what it does."""
    return Store(folder, "tiny", notice=lambda line: None)
