"""The rule that provenance decides nothing: what a build reads is covered by a root.

A column marked provenance is in no root: two artifacts that differ only there are the same. What
reads it could decide by it, and then equal derivations would give other artifacts. So the readers
of tables leave such columns out, or refuse them by name, unless the stage has declared that it
copies them into provenance columns of its own, or into a report (`Read.passthrough`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from am_assets.core import schema as schemas
from am_assets.core.identity import ROLE
from am_assets.core.manifest import ACCOUNTED, Input, Manifest
from am_assets.core.schema import TableSchema


class ProvenanceError(RuntimeError):
    """A column that no root covers was asked for; the message names the column, and the remedy."""


def is_provenance(field: pa.Field) -> bool:
    """Whether a column is in no root."""
    return (field.metadata or {}).get(ROLE) == b"provenance"


def check_columns(
    path: Path, schema: pa.Schema, columns: Iterable[str], passed: Collection[str] = ()
) -> None:
    """Raise ProvenanceError when one of `columns` of the table at `path` may not be read.

    `passed` are the provenance columns that the reader has declared.
    """
    for name in columns:
        if name in schema.names and is_provenance(schema.field(name)) and name not in passed:
            raise ProvenanceError(
                f"the column {name} of {path} is provenance, which no root covers: nothing may be "
                "decided by it, and who copies it declares that in its stage's `Read.passthrough`"
            )


def read_rows(path: Path, columns: Sequence[str], filters: pc.Expression | None = None) -> pa.Table:
    """Some columns of a published table, those of its rows that `filters` selects."""
    check_columns(path, pq.read_schema(path), columns)
    return pq.read_table(path, columns=list(columns), filters=filters)


def read_covered(path: Path, table: str, passed: Collection[str], artifact: str) -> pa.Table:
    """The columns of a published table that its root covers, and the provenance in `passed`.

    Raises ProvenanceError where an artifact of an older schema version has as provenance what is
    identity by now: its root does not cover what the reader expects.
    """
    schema = pq.read_schema(path)
    hidden = [field.name for field in schema if is_provenance(field) and field.name not in passed]
    for name in hidden:
        if name in _identity_columns(table):
            raise ProvenanceError(
                f"{artifact} is of an older schema version, in which the root does not cover the "
                f"column {name} of {table}: materialize it again"
            )
    return pq.read_table(path, columns=[name for name in schema.names if name not in hidden])


def covered(manifest: Manifest, item: Input) -> Manifest:
    """Of an input's manifest what follows from its root (its slice's), or is in the derivation.

    Code, settings, models and environment of an artifact say how its rows were come by, not what
    they are. The ledger and the counts beside it are whole where the input's `accounts` are read,
    else all that is left is how many rows were kept.
    """
    ledger, counts = manifest.ledger, {}
    if item.accounts is not None:
        counts = {name: manifest.counts[name] for name in ACCOUNTED if name in manifest.counts}
    elif item.slice is not None:
        ledger = None
    elif ledger is not None:
        kept = ledger["kept"]
        ledger = {"rows_in": kept, "kept": kept, "dropped": {}, "pending": {}}
    hidden: Mapping[str, object] = {
        "derivation": "",
        "code_version": "",
        "config": {},
        "models": {},
        "environment": {},
    }
    return manifest.model_copy(
        update={"root": item.root, "ledger": ledger, "counts": counts, **hidden}
    )


@cache
def _identity_columns(table: str) -> frozenset[str]:
    """Names of the identity columns that a table has in its current schema."""
    return frozenset(
        field.name
        for contract in vars(schemas).values()
        if isinstance(contract, TableSchema) and contract.name == table
        for field in contract.arrow
        if not is_provenance(field)
    )
