"""Selecting rows of one artifact by the ids of another."""

import pyarrow as pa
import pyarrow.compute as pc


def rows_of(table: pa.Table, sample_ids: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Rows of `table` whose sample_id is among `sample_ids`, in the table's order."""
    values = sample_ids.combine_chunks() if isinstance(sample_ids, pa.ChunkedArray) else sample_ids
    return table.filter(pc.field("sample_id").isin(values))
