"""The life of one sample, read from what the stages published. No text, only what was decided."""

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from am_assets.core.manifest import Manifest, Ref
from am_assets.core.stage import Stage
from am_assets.core.store import Snapshot

_SHOWN = (
    "week",
    "source",
    "kind",
    "change",
    "decision",
    "reason",
    "evidence",
    "conditions",
    "upstream_key",
    "occurrences",
    "content_hash",
    "supersedes",
    "from_week",
    "from_stage",
    "from_reason",
    "from_twin",
    "category",
    "difficulty",
    "language",
    "response_id",
    "model",
    "model_digest",
    "seed",
    "finish_reason",
    "status",
    "score",
    "verifier",
    "pass_rate",
    "origin",
    "responder",
    "file",
)


class SampleUnknown(ValueError):
    """No published artifact holds the sample."""


def explain(snapshot: Snapshot, sample_id: str, stages: Iterable[Stage]) -> list[dict[str, Any]]:
    """Every row about `sample_id`, by `stages` in order, then the checkpoints that learned from it.

    Raises SampleUnknown.
    """
    manifests = snapshot.manifests(snapshot.refs())
    life: list[dict[str, Any]] = []
    for asset, table in ((stage.name, table) for stage in stages for table in stage.sample_tables):
        for ref in sorted((ref for ref in manifests if ref.asset == asset), key=str):
            if table not in manifests[ref].tables:
                continue  # a week to which nothing returned has no such table
            life.extend(
                {"artifact": str(ref), "root": manifests[ref].root[:12], **row}
                for row in _rows(snapshot, manifests[ref], table, sample_id)
            )
    if not life:
        raise SampleUnknown(
            f"no published artifact holds a sample {sample_id}: ids are the sample_id column of "
            "any artifact's Parquet files under data/"
        )
    return life + _checkpoints(manifests, life)


def _rows(
    snapshot: Snapshot, manifest: Manifest, table: str, sample_id: str
) -> list[dict[str, Any]]:
    path = snapshot.store.file(manifest.dvc, f"{table}.parquet")
    present = pq.read_schema(path).names
    rows: pa.Table = pq.read_table(
        path,
        columns=[name for name in _SHOWN if name in present],
        filters=pc.field("sample_id") == sample_id,
    )
    found = rows.to_pylist()
    for row in found:
        for name in ("evidence", "conditions"):
            if row.get(name):
                row[name] = json.loads(row[name])
    return [{name: value for name, value in row.items() if value is not None} for row in found]


def _checkpoints(
    manifests: dict[Ref, Manifest], life: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Checkpoints trained on a dataset that kept the sample, with their scores."""
    kept = {
        row["artifact"]
        for row in life
        if row["artifact"].startswith("sft_dataset") and row["decision"] == "kept"
    }
    found: list[dict[str, Any]] = []
    for ref, manifest in sorted(manifests.items(), key=lambda item: str(item[0])):
        if ref.asset != "checkpoint" or not manifest.counts.get("examples"):
            continue
        learned = [item for item in manifest.inputs if str(item.ref) in kept]
        if learned:
            scores = manifests.get(Ref(asset="scores", partition=ref.partition))
            found.append(
                {
                    "artifact": str(ref),
                    "root": manifest.root[:12],
                    "learned_from": learned[0].root[:12],
                    "scores": {
                        name: values["pass_at_1"]
                        for name, values in (scores.counts if scores else {}).items()
                    },
                }
            )
    return found
