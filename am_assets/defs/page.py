"""What an artifact's page in the Dagster UI shows: counts, schema, fates, models and plots.

Everything is computed from the published artifact, so that a reused one shows the same. No sample
text enters it.
"""

import base64
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from am_assets.core.materialize import Materialized
from am_assets.core.store import Store
from am_assets.defs.artifact import Artifact


def describe(artifact: Artifact, outcome: Materialized, store: Store) -> dict[str, Any]:
    """Metadata of one materialization."""
    manifest = outcome.manifest
    rows = manifest.tables.get(artifact.name, {}).get("rows", 0)
    metadata: dict[str, Any] = {
        "dagster/row_count": rows,
        "root": manifest.root,
        "derivation": manifest.derivation,
        "complete": manifest.complete,
        "work": "reused: nothing it follows from has changed" if outcome.reused else "done",
        "bytes": manifest.dvc.size,
        "folder": dg.MetadataValue.path(str(store.folder(manifest.ref) / "data")),
        "inputs": dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "artifact": str(item.ref),
                        "slice": item.slice or "",
                        "root": item.root[:12],
                    }
                )
                for item in manifest.inputs
            ],
            schema=_columns("artifact", "slice", "root"),
        ),
    }
    if outcome.usage:
        metadata["usage"] = _usage(outcome.usage)
        for name in ("made", "reused", "prompt_tokens", "completion_tokens", "gpu_seconds"):
            metadata[name] = sum(totals[name] for totals in outcome.usage.values())
    if manifest.models:
        metadata["models"] = dg.MetadataValue.json(manifest.models)
    if manifest.counts:
        metadata["counts"] = dg.MetadataValue.json(manifest.counts)
    if manifest.ledger is not None:
        metadata["decisions"] = _ledger(manifest.ledger)

    def table(name: str) -> pa.Table:
        return store.table(manifest.dvc, name)

    if artifact.name in manifest.tables:
        written = store.file(manifest.dvc, f"{artifact.name}.parquet")
        metadata["dagster/column_schema"] = _column_schema(pq.read_schema(written))
    pictures: dict[str, bytes] = {}
    if artifact.pictures.of_tables is not None:
        pictures |= artifact.pictures.of_tables(table)
    if artifact.pictures.of_manifest is not None:
        pictures |= artifact.pictures.of_manifest(manifest)
    if artifact.pictures.of_files is not None:
        pictures |= artifact.pictures.of_files(store.folder(manifest.ref) / "data")
    for title, png in pictures.items():
        encoded = base64.b64encode(png).decode()
        metadata[title] = dg.MetadataValue.md(f"![{title}](data:image/png;base64,{encoded})")
    return metadata


def _usage(usage: dict[str, dict[str, Any]]) -> dg.TableMetadataValue:
    names = list(next(iter(usage.values())))
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"work": work, **{name: _cell(totals[name]) for name in names}})
            for work, totals in usage.items()
        ],
        schema=_columns("work", *names),
    )


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {cause}" for cause, count in value.items())
    return f"{value:,}"


def _ledger(ledger: dict[str, Any]) -> dg.TableMetadataValue:
    rows = [("rows in", "", ledger["rows_in"]), ("kept", "", ledger["kept"])]
    rows += [("dropped", reason, count) for reason, count in ledger["dropped"].items()]
    rows += [("pending", cause, count) for cause, count in ledger["pending"].items()]
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"decision": decision, "reason": reason, "rows": count})
            for decision, reason, count in rows
        ],
        schema=_columns("decision", "reason", "rows"),
    )


def _columns(*names: str) -> dg.TableSchema:
    kinds = {"rows": "int"}
    return dg.TableSchema([dg.TableColumn(name, kinds.get(name, "string")) for name in names])


def _column_schema(schema: pa.Schema) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                field.name,
                str(field.type),
                description=(field.metadata or {}).get(b"doc", b"").decode(),
                tags={"role": (field.metadata or {}).get(b"role", b"").decode()},
            )
            for field in schema
        ]
    )
