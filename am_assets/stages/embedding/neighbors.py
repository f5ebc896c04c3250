"""The vector index beside the store: what it should hold, and what its neighbors are."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from am_assets.core.manifest import Manifest, Ref
from am_assets.core.schema import DEDUPLICATED, PROMPTS, SUPERSEDED
from am_assets.core.store import Snapshot
from am_assets.stages.embedding.index import Neighbor, Partition, VectorIndex

_EMBEDDINGS = "embedding_index"
_PROMPT_CHARACTERS = 160


def open_index(root: Path, profile: str) -> VectorIndex:
    """The index of a profile in the project folder `root`."""
    return VectorIndex(str(root / "data" / profile / "_lancedb"))


def published_partitions(snapshot: Snapshot) -> list[Partition]:
    """What the index should hold: every published embedding artifact.

    Raises StoreError where one is not in the DVC cache.
    """
    refs = [ref for ref in snapshot.refs() if ref.asset == _EMBEDDINGS]
    found: list[Partition] = []
    for ref, manifest in snapshot.manifests(refs).items():
        source, week = ref.partition
        found.append(Partition(source, week, manifest.root, _file(snapshot, manifest, _EMBEDDINGS)))
    return sorted(found)


def described(snapshot: Snapshot, found: Sequence[Neighbor]) -> list[dict[str, Any]]:
    """Each neighbor as plain values, with its decision and the beginning of its prompt.

    `decision` is that of dedup and decontamination, None where its week has none yet; `reason` is
    that of a drop.
    """
    samples: dict[tuple[str, str], list[str]] = defaultdict(list)
    for item in found:
        samples[item.source, item.week].append(item.sample_id)
    prompts: dict[str, str] = {}
    for place, names in samples.items():
        for row in _rows(snapshot, (PROMPTS.name, place), PROMPTS.name, names, "prompt"):
            prompts[row["sample_id"]] = row["prompt"]
    decided = _decisions(snapshot, [item.sample_id for item in found], {i.week for i in found})
    return [
        {
            **item._asdict(),
            "similarity": round(item.similarity, 6),
            **decided.get(item.sample_id, {"decision": None, "reason": None}),
            "prompt": " ".join(prompts.get(item.sample_id, "").split())[:_PROMPT_CHARACTERS],
        }
        for item in found
    ]


def _decisions(
    snapshot: Snapshot, names: Sequence[str], weeks: Iterable[str]
) -> dict[str, dict[str, Any]]:
    decided: dict[str, dict[str, Any]] = {}
    for week in weeks:
        where = (DEDUPLICATED.name, (week,))
        for row in _rows(snapshot, where, DEDUPLICATED.name, names, "decision", "reason"):
            decided[row.pop("sample_id")] = row
    # A later week may bring a newer version of a row that was kept.
    for ref in snapshot.refs():
        if ref.asset == DEDUPLICATED.name:
            for row in _rows(snapshot, (ref.asset, ref.partition), SUPERSEDED.name, names):
                decided[row["sample_id"]] = {"decision": "dropped", "reason": "superseded"}
    return decided


def _rows(
    snapshot: Snapshot,
    where: tuple[str, tuple[str, ...]],
    table: str,
    names: Sequence[str],
    *columns: str,
) -> list[dict[str, Any]]:
    """`columns` of the rows about samples `names`; none where the artifact is not published."""
    manifest = snapshot.manifest(Ref(asset=where[0], partition=where[1]))
    if manifest is None:
        return []
    return pq.read_table(
        _file(snapshot, manifest, table),
        columns=["sample_id", *columns],
        filters=pc.field("sample_id").isin(list(names)),
    ).to_pylist()


def _file(snapshot: Snapshot, manifest: Manifest, table: str) -> Path:
    return snapshot.store.file(manifest.dvc, f"{table}.parquet")
