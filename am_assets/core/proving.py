"""Proving that an artifact's tables are what its root says, from their rows."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from am_assets.core import schema
from am_assets.core.identity import leaves, merkle, table_root
from am_assets.core.manifest import Manifest
from am_assets.core.objects import StoreError
from am_assets.core.schema import TableSchema

_BATCH_ROWS = 4096
_IDS = {
    one.name: one.id_column
    for one in (
        *vars(schema).values(),
        schema.embedding_schema(1),
        schema.returned_vectors_schema(1),
    )
    if isinstance(one, TableSchema)
}


def prove(manifest: Manifest, file: Callable[[str], Path]) -> None:
    """Recompute the root of every table of an artifact, whose files `file` gives by name.

    Raises StoreError for a table that has another root or number of rows than was published.
    """
    for name, entry in manifest.tables.items():
        path = file(f"{name}.parquet")
        root, rows = _root(path, _IDS[name])
        if (root, rows) != (entry["root"], entry["rows"]):
            raise StoreError(
                f"table {name} of {manifest.ref} has {rows} rows of root {root[:12]}, published "
                f"are {entry['rows']} of {entry['root'][:12]}: remove {path}, and materialize "
                f"{manifest.ref} again"
            )


def _root(path: Path, id_column: str) -> tuple[str, int]:
    """Root and rows of a table, in bounded memory where it is sorted by id."""
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        rows = table.metadata.num_rows
        if _is_sorted(table, id_column):
            return merkle(_leaves(table, id_column)), rows
    return table_root(pq.read_table(path), id_column), rows


def _is_sorted(table: pq.ParquetFile, id_column: str) -> bool:
    last = None
    for batch in table.iter_batches(_BATCH_ROWS, columns=[id_column]):
        ids = batch.column(0).to_pylist()
        if last is not None and ids and ids[0] <= last:
            return False
        if any(after <= before for before, after in itertools.pairwise(ids)):
            return False
        last = ids[-1] if ids else last
    return True


def _leaves(table: pq.ParquetFile, id_column: str) -> Iterator[bytes]:
    for batch in table.iter_batches(_BATCH_ROWS):
        yield from leaves(pa.Table.from_batches([batch]), id_column)
