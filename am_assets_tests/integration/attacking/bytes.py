"""Attacks on the bytes of a project: bits that turn, files that are cut.

Generators of outcomes take a finished project's folder, change one thing at a time, read everything
that is published the way work reads it, and put the thing back.
"""

import functools
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from am_assets.core.git_command import GitError
from am_assets.core.manifest import Ref
from am_assets.core.objects import Objects, StoreError
from am_assets.core.store import Store
from am_assets.stages.embedding.index import VectorIndexError
from am_assets.stages.embedding.neighbors import open_index, published_partitions
from am_assets_tests.conftest import am_assets
from am_assets_tests.integration.attacking.copies import (
    ORDER,
    Attack,
    copy_of,
    identities,
    line_of,
    make,
    make_stale,
    quiet_store,
)

Verdict = Literal["held", "named", "broken"]
Place = Literal["cache", "data", "branch", "index"]
Content = dict[tuple[Ref, str], bytes]

ERRORS = (StoreError, GitError, VectorIndexError)
"""What the program says in one sentence with a remedy."""


class Attacked(NamedTuple):
    """What became of one attack."""

    attack: str
    verdict: Verdict
    message: str


def files_of(project: Path, profile: str, place: Place) -> list[Path]:
    """The files of a project's cache, working tree, data branch or vector index."""
    index = project / "data" / profile / "_lancedb"
    if place == "cache":
        found = list((project / ".dvc" / "cache" / "files").rglob("*"))
    elif place == "data":
        found = [path for path in (project / "data").rglob("*") if index not in path.parents]
    elif place == "index":
        found = [*index.rglob("*"), Path(f"{index}.sums.json")]
    else:
        refs = [project / ".git" / "refs" / "heads" / "am-data", project / ".git" / "packed-refs"]
        found = [*(project / ".git" / "objects").rglob("*"), *refs]
    return sorted(path for path in found if path.is_file() and path.stat().st_size)


def published(project: Path, profile: str) -> Content:
    """Every byte of every published artifact, read as a stage reads it."""
    store = Store(project, profile, notice=lambda line: None)
    snapshot = store.snapshot()
    return {
        (ref, name): store.file(manifest.dvc, name).read_bytes()
        for ref, manifest in snapshot.manifests(snapshot.refs()).items()
        for name in store.files.entries(manifest.dvc)
    }


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file, in place."""
    _overwrite(path, _flipped(path.read_bytes(), bit))


def cut(path: Path, size: int) -> None:
    """Leave the first `size` bytes of a file, in place."""
    _overwrite(path, path.read_bytes()[:size])


def bit_flips(
    project: Path,
    profile: str,
    count: int,
    seed: int = 0,
    places: tuple[Place, ...] = ("cache", "data", "branch", "index"),
) -> Iterator[Attacked]:
    """`count` single bits, in turn in each of `places`; of the cache with and without `data/`."""
    draw = random.Random(seed)
    truth = published(project, profile)
    files = {place: files_of(project, profile, place) for place in places}
    for number in range(count):
        place = places[number % len(places)]
        path = draw.choice(files[place])
        bit = draw.randrange(8 * path.stat().st_size)
        alone = place == "cache" and draw.random() < 0.5
        name = f"bit {bit} of {path.relative_to(project)}" + " without data/" * alone
        with _kept(path), _out_of_the_way(project / "data", alone):
            flip(path, bit)
            yield _outcome(project, profile, name, place, truth)


def cuts(project: Path, profile: str, count: int, seed: int = 0) -> Iterator[Attacked]:
    """Objects of the cache that are cut, down to nothing: seen by size, and never spread."""
    draw = random.Random(seed)
    truth = published(project, profile)
    files = files_of(project, profile, "cache")
    for _ in range(count):
        path = draw.choice(files)
        size = draw.randrange(path.stat().st_size)
        alone = draw.random() < 0.5
        name = f"{path.relative_to(project)} cut to {size} bytes" + " without data/" * alone
        with _kept(path), _out_of_the_way(project / "data", alone):
            cut(path, size)
            store = Store(project, profile, notice=lambda line: None)
            snapshot = store.snapshot()
            manifests = snapshot.manifests(snapshot.refs()).values()
            if all(store.holds(manifest.dvc) for manifest in manifests):
                yield Attacked(name, "broken", "is taken for whole")
            else:
                yield _outcome(project, profile, name, "cache", truth)


def cut_objects(project: Path) -> list[str]:
    """Objects of the cache cut anywhere, and everything read."""
    with copy_of(project) as folder:
        return [line_of_outcome(outcome) for outcome in cuts(folder, "tiny", 20, seed=2)]


def cut_then_restored(project: Path) -> list[str]:
    """Objects cut to half: neither `restore` nor the next run spreads them over the good copies."""
    lines: list[str] = []
    for name in ("capture.jsonl.zst", "prompts.parquet", "labels.parquet"):
        with copy_of(project) as folder:
            truth = published(folder, "tiny")
            ref = next(ref for ref, of in truth if of == name)
            good = quiet_store(folder).folder(ref) / "data" / name
            path = _object(folder, ref, name)
            cut(path, path.stat().st_size // 2)

            def again(folder: Path = folder, good: Path = good, truth: Content = truth) -> str:
                content = good.read_bytes()
                _not_restored(folder, "tiny", truth)
                made = make(folder)
                if good.read_bytes() != content:
                    return "the good copy was replaced"
                if made or published(folder, "tiny") != truth:
                    return f"other bytes are published, {made} were made again"
                return ""

            lines.append(line_of(f"{name} cut to half", again))
    return lines


def flipped_inputs(project: Path) -> list[str]:
    """A bit of a cached table turns, with and without `data/`, and all below it is made again."""
    lines: list[str] = []
    draw = random.Random(3)
    for asset in ("prompts", "labels", "existing_verdicts", "sft_dataset"):
        for alone in (False, True):
            with copy_of(project) as folder:
                truth = identities(folder), published(folder, "tiny")
                ref = next(ref for ref in truth[0] if ref.asset == asset)
                make_stale(folder, ORDER[ORDER.index(asset) + 1 :])
                path = _object(folder, ref, f"{asset}.parquet")
                if alone:
                    shutil.rmtree(folder / "data")
                flip(path, draw.randrange(8 * path.stat().st_size))
                lines.append(
                    line_of(
                        f"a bit of {asset}" + " without data/" * alone,
                        functools.partial(made_otherwise, folder, *truth),
                    )
                )
    return lines


def made_otherwise(folder: Path, truth: dict[Ref, tuple[str, str]], content: Content) -> str | None:
    """Make what is stale; what is published otherwise then, None where all is as it was."""
    make(folder)
    if (found := identities(folder)) != truth:
        changed = [str(ref) for ref in truth if found.get(ref) != truth[ref]]
        return f"{changed or 'something'} became another artifact"
    # Tables hold provenance, e.g. where an engine ran; what is released holds none.
    after = published(folder, "tiny")
    changed = [name for ref, name in content if after.get((ref, name)) != content[ref, name]]
    return f"{changed} has other bytes" if changed else None


def lost_objects(project: Path) -> list[str]:
    """Two objects are whole nowhere: `restore` brings the others back and lists these."""
    with copy_of(project) as folder:
        store = quiet_store(folder)
        snapshot = store.snapshot()
        manifests = snapshot.manifests(snapshot.refs())
        lost = ("prompts.parquet", "labels.parquet")
        for ref, manifest in manifests.items():
            for name in set(lost) & set(manifest.dvc.files):
                _object(folder, ref, name).unlink()
        shutil.rmtree(folder / "data")
        done = am_assets(folder, "restore", "--profile", "tiny.yaml")
        listed = all(f"the file {name} of" in done.stdout for name in lost)
        back = sum(store.in_place(one, thorough=True) for one in manifests.values())
        if done.returncode != 1 or not listed or back != len(manifests) - len(lost):
            return [f"broken: {back} of {len(manifests)} are back, {done.stdout} {done.stderr}"]
        return [f"named: {back} artifacts are back, and {' and '.join(lost)} are listed as lost"]


def line_of_outcome(outcome: Attacked) -> str:
    """The line that tells an outcome."""
    said = ": ".join(part for part in (outcome.attack, outcome.message) if part)
    return f"{outcome.verdict}: {said}"


ATTACKS: dict[str, Attack] = {
    "objects that are cut": cut_objects,
    "an object cut, then restore and a run": cut_then_restored,
    "a bit that turns, then all below made again": flipped_inputs,
    "objects that are lost, then restore": lost_objects,
}
"""Every attack by what it does; each takes the folder of a finished tiny project."""


def _object(project: Path, ref: Ref, name: str) -> Path:
    """The cached object of a published file."""
    manifest = quiet_store(project).snapshot().manifest(ref)
    assert manifest is not None
    return Objects(project).path(manifest.dvc.files[name][0])


def _outcome(project: Path, profile: str, name: str, place: Place, truth: Content) -> Attacked:
    try:
        if place == "index":
            store = Store(project, profile, notice=lambda line: None)
            partitions = published_partitions(store.snapshot())
            index = open_index(project, profile)
            index.check(partitions)
            wrong = index.differences(partitions)
        else:
            found = published(project, profile)
            wrong = sorted(str(key) for key in truth if found.get(key) != truth[key])
        if place == "data" and not wrong:
            wrong = _not_restored(project, profile, truth)
    except ERRORS as error:
        message = str(error)
        is_sentence = ("\n" not in message and "`" in message) or "remove" in message
        return Attacked(name, "named" if is_sentence else "broken", message)
    if wrong:
        return Attacked(name, "broken", f"{wrong[0]} is not what was published, without an error")
    return Attacked(name, "held", "")


def _not_restored(project: Path, profile: str, truth: Content) -> list[str]:
    """Files of the working tree that `restore` leaves other than published."""
    store = Store(project, profile, notice=lambda line: None)
    snapshot = store.snapshot()
    for manifest in snapshot.manifests(snapshot.refs()).values():
        store.restore(manifest, thorough=True)
    return [
        f"data of {ref} after restore"
        for (ref, name), content in truth.items()
        if (store.folder(ref) / "data" / name).read_bytes() != content
    ]


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _overwrite(path: Path, data: bytes) -> None:
    """Write into the file that is there, whoever else links it, and keep its mode."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(mode)


@contextmanager
def _kept(path: Path) -> Iterator[None]:
    data, mode = path.read_bytes(), path.stat().st_mode
    try:
        yield
    finally:
        # What mended it may have put another file in its place.
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            _overwrite(path, data)
        else:
            path.write_bytes(data)
        path.chmod(mode)


@contextmanager
def _out_of_the_way(folder: Path, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    aside = folder.with_name(f"{folder.name}.{os.getpid()}")
    folder.rename(aside)
    try:
        yield
    finally:
        aside.rename(folder)
