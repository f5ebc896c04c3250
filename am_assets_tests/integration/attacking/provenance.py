"""Attacks on derivations through what no root covers: provenance columns, and where files lie.

Each function changes a copy of the project.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from am_assets.core.manifest import Manifest, Ref
from am_assets.core.materialize import Materializer
from am_assets.core.provenance import is_provenance
from am_assets.core.stage import Key, Stage
from am_assets.core.store import Store, write_table
from am_assets.defs.project import ARTIFACTS, Project
from am_assets.defs.weeks import week_keys
from am_assets_tests.integration.attacking.copies import (
    ORDER,
    STALE,
    Attack,
    copy_of,
    make_stale,
)


def altered_provenance(project: Path) -> list[str]:
    """Every provenance column of every artifact altered, and all made again out of that.

    Stages are made again in the reverse of their order, so that each meets inputs whose roots are
    the same and whose provenance is not.
    """
    with copy_of(project) as folder:
        opened = Project.open(str(folder / "tiny.yaml"))
        before = _manifests(opened.store)
        files = {ref: dict(_files(opened.store, manifest)) for ref, manifest in before.items()}
        altered = sum(_alter(opened.store, manifest) for manifest in before.values())
        if not altered:
            return ["broken: no artifact has a provenance column to alter"]
        _make_again(opened, reversed(list(_partitions(before))))
        after = _manifests(opened.store)
        for ref, manifest in before.items():
            if (after[ref].derivation, after[ref].root) != (manifest.derivation, manifest.root):
                return [f"broken: {ref} follows from provenance, its root is another"]
            for name, said in _files(opened.store, after[ref]):
                if files[ref].get(name) != said:
                    return [f"broken: {name} of {ref} follows from provenance"]
    return [f"held: {altered} altered provenance columns changed no root and no file"]


def moved_folder(project: Path) -> list[str]:
    """All made again with upstream's files in another folder: derivations and roots the same."""
    with copy_of(project) as folder:
        elsewhere = folder.parent / "another [1]" / "place"
        elsewhere.mkdir(parents=True)
        for name in ("sums.jsonl", "bench.jsonl"):
            shutil.move(folder / name, elsewhere / name)
        opened = Project.open(str(folder / "tiny.yaml"), elsewhere)
        before = _manifests(opened.store)
        materializer = _materializer(opened)
        for stage, key in _partitions(before):
            plan = materializer.plan(stage, key)
            if plan.derivation != before[plan.ref].derivation:
                return [f"broken: the derivation of {plan.ref} tells where the files lie"]
        make_stale(folder, ORDER)
        _make_again(opened, _partitions(before))
        after = _manifests(opened.store)
        for ref, manifest in before.items():
            if (after[ref].derivation, after[ref].root) != (manifest.derivation, manifest.root):
                return [f"broken: the root of {ref} tells where the files lie"]
    return [f"held: {len(before)} artifacts are the same out of another folder"]


ATTACKS: dict[str, Attack] = {
    "provenance that is altered": altered_provenance,
    "upstream's files in another folder": moved_folder,
}
"""Every attack by what it does; each takes the folder of a finished tiny project."""


def _make_again(opened: Project, partitions: Iterable[tuple[Stage, Key]]) -> None:
    try:
        for stage, key in partitions:
            _materializer(opened).materialize(stage, key, {})
    finally:
        opened.engines.close()


def _materializer(opened: Project) -> Materializer:
    return Materializer(opened.profile, opened.store, opened.engines, week_keys(opened.profile))


def _manifests(store: Store) -> dict[Ref, Manifest]:
    snapshot = store.snapshot()
    return snapshot.manifests(snapshot.refs())


def _partitions(published: Mapping[Ref, Manifest]) -> Iterator[tuple[Stage, Key]]:
    """What is published, week by week in the order of the stages."""
    weekly = {ref.partition[-1] for ref in published if "week" in _stage(ref).dimensions}
    for week in ["", *sorted(weekly)]:
        for stage in ARTIFACTS:
            for ref in sorted(published, key=str):
                own = ref.partition[-1] if "week" in stage.dimensions else ""
                if ref.asset == stage.name and own == week:
                    yield stage, dict(zip(stage.dimensions, ref.partition, strict=True))


def _stage(ref: Ref) -> Stage:
    return next(stage for stage in ARTIFACTS if stage.name == ref.asset)


def _alter(store: Store, manifest: Manifest) -> int:
    """Publish the artifact again as stale, with other provenance under the same root."""
    altered = 0
    with store.workspace() as scratch:
        folder = scratch / "data"
        folder.mkdir()
        store.copy_files(manifest.dvc, folder)
        for name in manifest.tables:
            table = pq.read_table(folder / f"{name}.parquet")
            for place, field in enumerate(table.schema):
                if is_provenance(field):
                    values = [_other(value) for value in table[field.name].to_pylist()]
                    table = table.set_column(place, field, pa.array(values, type=field.type))
                    altered += 1
            write_table(table, folder, name)
        stale = manifest.model_copy(update={"dvc": store.add(folder), "derivation": STALE})
        store.publish(stale, {}, folder)
    return altered


def _other(value: Any) -> Any:
    if isinstance(value, str):
        return f"altered {value}"
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [_other(item) for item in value]
    if isinstance(value, dict):
        return {name: _other(item) for name, item in value.items()}
    return value


def _files(store: Store, manifest: Manifest) -> Iterator[tuple[str, object]]:
    """What the files of an artifact say, apart from provenance."""
    with store.workspace() as scratch:
        folder = scratch / "data"
        folder.mkdir()
        store.copy_files(manifest.dvc, folder)
        for path in sorted(folder.rglob("*")):
            if path.suffix == ".parquet":
                table = pq.read_table(path)
                covered = [field.name for field in table.schema if not is_provenance(field)]
                yield path.name, table.select(covered).to_pylist()
            elif path.is_file():
                yield path.relative_to(folder).as_posix(), path.read_bytes()
