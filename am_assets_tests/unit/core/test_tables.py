"""Rows are selected by id, in the table's own order."""

import pyarrow as pa

from am_assets.core.tables import rows_of


def test_rows_of_the_named_samples_stay_in_order() -> None:
    table = pa.table({"sample_id": ["c", "a", "b"], "n": [1, 2, 3]})
    ids = pa.chunked_array([["a"], ["c", "x"]])
    assert rows_of(table, ids)["n"].to_pylist() == [1, 2]


def test_no_ids_select_no_rows() -> None:
    table = pa.table({"sample_id": ["a"]})
    assert rows_of(table, pa.chunked_array([], pa.string())).num_rows == 0
