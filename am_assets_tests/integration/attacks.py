"""Attacks on a finished project from outside: one line each says what became of it.

    python -m am_assets_tests.integration.attacks FOLDER

FOLDER is where the work is done: a tiny project is made there first where there is none. An
attack is *held* where it changed nothing that matters, *named* where an error said what is wrong
before it reached an artifact, and *broken* where neither was so. Exits with 1 if one is broken.
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from am_assets_tests.conftest import NO_AUTHOR, REPOSITORY, am_assets, dvc, git, write_tiny
from am_assets_tests.integration.attacking import (
    bytes as byte_attacks,
)
from am_assets_tests.integration.attacking import (
    code,
    fates,
    memory,
    models,
    provenance,
    seals,
)

Attack = Callable[[Path], str | list[str]]

ATTACKS: dict[str, Attack] = {
    f"{module.__name__.rsplit('.', 1)[-1]}.{attack.__name__}": attack
    for module in (byte_attacks, seals, memory, code, models, fates, provenance)
    for attack in module.ATTACKS
}


def attack(project: Path, names: list[str]) -> Iterator[tuple[str, str, float]]:
    """Name, line and seconds of each line that the attacks `names` give."""
    for name in names:
        begun = time.monotonic()
        try:
            found = ATTACKS[name](project)
        except Exception as error:  # whatever an attack did not foresee is what it looks for
            found = f"broken: {type(error).__name__}: {error}"
        lines = [found] if isinstance(found, str) else found
        for line in lines:
            yield name, line, time.monotonic() - begun


def make_project(folder: Path) -> Path:
    """The tiny project in `folder`, made from source to release where it is not there yet."""
    project = folder / "project"
    if (project / "data" / "tiny" / "release").is_dir():
        return project
    if project.exists():
        shutil.rmtree(project)
    project.mkdir(parents=True)
    for name in (".gitignore", "dagster.yaml"):
        shutil.copyfile(REPOSITORY / name, project / name)
    git(project, "init", "-q", "-b", "main")
    dvc(project, "init", "-q")
    git(project, "add", ".")
    git(project, "-c", "user.name=u", "-c", "user.email=u@localhost", "commit", "-qm", "Start")
    write_tiny(project)
    done = am_assets(project, "materialize", "--profile", "tiny.yaml")
    if done.returncode != 0:
        raise SystemExit(f"the tiny project could not be made: {done.stderr}")
    return project


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[], help="beginnings of names")
    given = parser.parse_args()
    os.environ.update(NO_AUTHOR)
    project = make_project(given.folder.resolve())
    os.environ["AM_ASSETS_ROOT"] = str(project)
    os.environ["DAGSTER_HOME"] = str(project / ".dagster_home")
    names = [
        name
        for name in ATTACKS
        if not given.only or any(name.startswith(start) for start in given.only)
    ]
    broken = 0
    for name, line, seconds in attack(project, names):
        verdict, _, text = line.partition(": ")
        broken += verdict not in ("held", "named")
        print(f"{verdict:<6} {name} ({seconds:.1f} s): {text}", flush=True)
    print(f"{len(names)} attacks, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
