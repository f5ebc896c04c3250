"""Random histories: what upstream, profile and takedowns do over some weeks, in two folders.

    python -m am_assets_tests.support.histories.histories --histories 20 --seed 1

The folders do the same work in different orders. At every step equal derivations must have equal
roots, the ledger must name what is not of one generation, and once everything is made the folders
must be alike and every row have one fate. Exits with 1 if a history ends otherwise.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from am_assets.core.ledger import LedgerError
from am_assets.core.stage import SOURCE_WEEK
from am_assets.engines.profile_engines import ProfileEngines
from am_assets_tests.conftest import NO_AUTHOR, REPOSITORY, dvc, git
from am_assets_tests.support.histories.events import EVENTS, begin
from am_assets_tests.support.histories.ids import check_ids, check_named
from am_assets_tests.support.histories.project import Folder, State

Roots = dict[str, tuple[str, str]]
"""By derivation the artifact and root that it led to."""


def live_through(events: Sequence[str], seed: int, folders: Sequence[Folder]) -> None:
    """One history in several folders; raises AssertionError where they end differently."""
    state, history = State(), random.Random(seed)
    orders = [random.Random(seed + 1 + number) for number in range(len(folders))]
    seen: Roots = {}
    begin(state, history)
    for event in ["", *events, "new_week"]:
        if event:
            EVENTS[event](state, history, folders[0])
        for folder, order in zip(folders, orders, strict=True):
            folder.see(state)
            folder.capture(order)
            folder.some(order, 0.5)
            _check_roots(folder, seen)
            check_named(folder)
            # The one folder is finished now and then, so that it works on other states.
            if order.random() < 0.3:
                _finish(folder, state, seen)
    for folder in folders:
        _finish(folder, state, seen)
    _check_alike(folders)


def _finish(folder: Folder, state: State, seen: Roots) -> None:
    """Make everything, and check it."""
    try:
        folder.all()
    except LedgerError as error:
        # Prompts of a source that left are older than its captures: do what is said.
        if "put it back into the profile, materialize that, and take it out" not in str(error):
            raise
        folder.see(replace(state, sources=state.left | state.sources))
        folder.prompts()
        folder.see(state)
        folder.all()
    assert folder.stale() == []
    _check_roots(folder, seen)
    check_ids(folder)


def _check_roots(folder: Folder, seen: Roots) -> None:
    """Equal derivations have equal roots, whenever and wherever they were published."""
    for name, manifest in folder.manifests().items():
        if manifest.complete:
            told = (name, manifest.root)
            assert seen.setdefault(manifest.derivation, told) == told


def _check_alike(folders: Sequence[Folder]) -> None:
    """Everything of the profile is the same; of sources that left prompts may be missing.

    These are in `deduplicated`, and in nothing that is made of it.
    """
    roots = [
        {str(s.ref(k)): folder.manifest(s, k) for s, k in folder.steps()} for folder in folders
    ]
    gone = [_prompts_of_gone(folder) for folder in folders]
    for name, first in roots[0].items():
        for number, other in enumerate(roots):
            mine = other[name]
            assert first is not None, name
            assert mine is not None, name
            alike = not name.startswith("deduplicated ") or gone[number] == gone[0]
            assert mine.root == first.root or not alike, name


def _prompts_of_gone(folder: Folder) -> dict[str, str]:
    return {
        name: manifest.root
        for name, manifest in folder.manifests().items()
        if manifest.ref.asset == "prompts"
        and len(manifest.ref.partition) == len(SOURCE_WEEK)
        and manifest.ref.partition[0] not in folder.profile.sources
    }


def engines_of(folder: Path) -> ProfileEngines:
    """Engines for all folders: the embedding model is loaded once."""
    return ProfileEngines(State(sources={"east": 1}).profile(folder))


def _empty_project(folder: Path) -> Path:
    """A project folder with git and DVC, nothing published."""
    folder.mkdir()
    for name in (".gitignore", "dagster.yaml"):
        shutil.copyfile(REPOSITORY / name, folder / name)
    git(folder, "init", "-q", "-b", "main")
    dvc(folder, "init", "-q")
    git(folder, "add", ".")
    author = ["-c", "user.name=u", "-c", "user.email=u@localhost"]
    git(folder, *author, "commit", "-q", "-m", "Start")
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through random histories and tell what became of each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--histories", type=int, default=10, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="of the first; each has the next")
    parser.add_argument("--length", type=int, default=6, help="events of a history")
    parser.add_argument("--events", default="", help="these, by commas, in place of random ones")
    options = parser.parse_args(arguments)
    os.environ.update(NO_AUTHOR)
    failed = 0
    with tempfile.TemporaryDirectory() as home:
        engines = engines_of(Path(home))
        for seed in range(options.seed, options.seed + options.histories):
            chosen = random.Random(seed).choices(sorted(EVENTS), k=options.length)
            events = options.events.split(",") if options.events else chosen
            begun, work = time.monotonic(), Path(home) / str(seed)
            work.mkdir()
            folders = [Folder(_empty_project(work / name), engines) for name in ("a", "b")]
            try:
                live_through(events, seed, folders)
                said = "held"
            except Exception as error:  # whatever goes wrong is what is looked for
                traceback.print_exc()
                said, failed = f"broken: {type(error).__name__}: {error}", failed + 1
            shutil.rmtree(work)
            seconds = time.monotonic() - begun
            print(f"{seed} {','.join(events)} ({seconds:.0f} s): {said}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
