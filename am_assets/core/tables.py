"""Selecting rows of one artifact by the ids of another."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def rows_of(table: pa.Table, sample_ids: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Rows of `table` whose sample_id is among `sample_ids`, in the table's order."""
    values = sample_ids.combine_chunks() if isinstance(sample_ids, pa.ChunkedArray) else sample_ids
    return table.filter(pc.field("sample_id").isin(values))


def stream_of(
    parts: Iterable[pa.Table], sample_ids: pa.Array, columns: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """`columns` of a table in `parts`, its rows with one of `sample_ids`, one at a time."""
    for part in parts:
        yield from rows_of(part, sample_ids).select(list(columns)).to_pylist()


def without(sample_ids: pa.ChunkedArray, others: Iterable[str]) -> pa.Array:
    """`sample_ids` less `others`, in their order."""
    known = pc.field("sample_id").isin(pa.array(list(others), pa.string()))
    left = pa.table({"sample_id": sample_ids}).filter(~known)
    return left["sample_id"].combine_chunks()
