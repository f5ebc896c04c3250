"""Attacks on a finished project from outside: one line each says what became of it.

    python -m am_assets_tests.integration.attacks FOLDER

FOLDER is where the work is done: a tiny project is made there first, from source to release, or
brought in line with the code where there is one; every attack works on copies of it. An attack is

    held     it changed nothing that matters;
    named    an error said what is wrong before it reached an artifact (the message is shown);
    broken   neither was so.

The last attack turns single bits over cache, data, branch, index and row memory (--flips). Exits
with 1 if any attack is broken. `--list` shows what is attacked by which.
"""

import argparse
import functools
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from am_assets_tests.conftest import NO_AUTHOR, REPOSITORY, am_assets, dvc, git, write_tiny
from am_assets_tests.integration.attacking import (
    bytes as byte_attacks,
)
from am_assets_tests.integration.attacking import (
    code,
    derivations,
    fates,
    memory,
    models,
    places,
    provenance,
    seals,
)
from am_assets_tests.integration.attacking.copies import Attack
from am_assets_tests.integration.attacking.flips import flips

FLIPS = 100
"""Bits that are turned unless more are asked for."""

_MODULES = {
    "bytes": byte_attacks,
    "seals": seals,
    "memory": memory,
    "derivations": derivations,
    "code": code,
    "models": models,
    "provenance": provenance,
    "fates": fates,
    "places": places,
}
_TURNING = "flips: bits that turn anywhere"

KINDS: dict[str, tuple[str, ...]] = {
    "1. a cut seal is no empty week": ("seals: a seal", "seals: another file"),
    "2. present is not whole": (
        *("bytes: objects that are cut", "bytes: an object cut", "bytes: objects that are lost"),
    ),
    "3. no turned bit reaches a release": ("bytes: a bit that turns", "flips"),
    "4. a sealed capture is never replaced": (
        *("seals: two captures", "seals: a data branch that is gone"),
        *("places: a clone", "places: a branch that was moved", "places: a capture that"),
    ),
    "5. row memory serves what it was given": ("memory",),
    "6. code: an edit makes its users stale": (
        *("derivations: modules that", "derivations: modules laid"),
    ),
    "7. what ran is what was versioned": ("code",),
    "8. libraries and tools that decide": ("derivations: other versions",),
    "9. models and engines": (
        *("models: settings of models", "models: files", "models: a template"),
    ),
    "10. provenance decides nothing": ("provenance", "seals: a takedown that is taken back"),
    "11. nothing is stale needlessly": (
        *("models: settings of one kind", "derivations: the rules of another"),
    ),
    "12. fates add up by sets of ids": ("fates: ranks swapped", "fates: a week without"),
    "13. sources and weeks leave": (
        *("fates: a source leaves", "fates: a source is", "fates: the first"),
    ),
    "14. duplicates of the gone": ("fates: twins that", "fates: a twin"),
    "15. different mathematics stays different": ("fates: powers",),
    "16. a takedown holds": ("seals: a takedown that is evaded", "seals: a takedown that means"),
    "17. places": ("places: git", "places: collecting", "places: data on"),
}
"""What is attacked, and the beginnings of the attacks' names."""


class Found(NamedTuple):
    """What became of one attack."""

    name: str
    lines: list[str]
    seconds: float

    @property
    def verdict(self) -> str:
        """The worst of its lines."""
        verdicts = {line.partition(":")[0] for line in self.lines}
        if not verdicts or verdicts - {"held", "named"}:
            return "broken"
        return "named" if "named" in verdicts else "held"

    def told(self, verdict: str) -> list[str]:
        """What its lines of one verdict say."""
        lines = [line.partition(": ") for line in self.lines]
        return [text for of, _, text in lines if of == verdict]


def attacks(count: int = FLIPS) -> dict[str, Attack]:
    """Every attack by name; `count` bits are turned."""
    found = {
        f"{part}: {name}": attack
        for part, module in _MODULES.items()
        for name, attack in module.ATTACKS.items()
    }
    return {**found, _TURNING: functools.partial(flips, count=count)}


def attack(project: Path, listed: dict[str, Attack]) -> Iterator[Found]:
    """Run every attack on the finished tiny project."""
    for name, one in listed.items():
        begun = time.monotonic()
        try:
            lines = one(project)
        except Exception as error:  # whatever an attack did not foresee is what it looks for
            lines = [f"broken: {type(error).__name__}: {' '.join(str(error).split())}"]
        yield Found(name, lines, time.monotonic() - begun)


def make_project(folder: Path) -> Path:
    """The tiny project in `folder`, made from source to release by the code as it is now."""
    project = folder / "project"
    if not (project / "data" / "tiny" / "release").is_dir():
        if project.exists():
            shutil.rmtree(project)
        project.mkdir(parents=True)
        for name in (".gitignore", "dagster.yaml"):
            shutil.copyfile(REPOSITORY / name, project / name)
        git(project, "init", "-q", "-b", "main")
        dvc(project, "init", "-q")
        git(project, "add", ".")
        author = ("-c", "user.name=u", "-c", "user.email=u@localhost")
        git(project, *author, "commit", "-qm", "Start")
        write_tiny(project)
    done = am_assets(project, "materialize", "--profile", "tiny.yaml")
    if done.returncode != 0:
        raise SystemExit(f"the tiny project could not be made: {done.stderr}")
    return project


def chosen(listed: dict[str, Attack], starts: Iterable[str]) -> dict[str, Attack]:
    """Those whose names begin with one of `starts`; all where there is none."""
    starts = tuple(starts)
    return {name: one for name, one in listed.items() if not starts or name.startswith(starts)}


def _show(found: Found) -> None:
    verdict = found.verdict
    texts = found.told(verdict) or ["no line was given"]
    counts = ", ".join(
        f"{number} {word}"
        for word in ("held", "named", "broken")
        if (number := len(found.told(word)))
    )
    print(f"{verdict:<6}  {found.name} ({found.seconds:.1f} s, {counts}): {texts[0]}", flush=True)
    for text in texts[1:] if verdict == "broken" else []:
        print(f"        {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m am_assets_tests.integration.attacks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, nargs="?", help="where the tiny project is or goes")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="PREFIX", help='beginnings of names, as "seals"'
    )
    parser.add_argument(
        "--flips", type=int, default=FLIPS, help="bits that are turned (default: %(default)s)"
    )
    parser.add_argument("--list", action="store_true", help="show what is attacked, and stop")
    given = parser.parse_args()
    listed = attacks(given.flips)
    if given.list:
        for kind, starts in KINDS.items():
            print(kind, *(f"    {name}" for name in chosen(listed, starts)), sep="\n")
        return 0
    if given.folder is None:
        parser.error("name a folder to work in")
    if not (listed := chosen(listed, given.only)):
        parser.error(f"no attack begins with {' or '.join(given.only)}: see --list")
    os.environ.update(NO_AUTHOR)
    begun = time.monotonic()
    project = make_project(given.folder.resolve())
    verdicts: list[str] = []
    for found in attack(project, listed):
        _show(found)
        verdicts.append(found.verdict)
    counts = ", ".join(f"{verdicts.count(word)} {word}" for word in ("held", "named", "broken"))
    print(f"{len(verdicts)} attacks in {time.monotonic() - begun:.0f} s: {counts}")
    return 1 if "broken" in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
