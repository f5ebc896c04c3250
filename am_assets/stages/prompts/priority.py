"""Which of several duplicates is kept (AM 2.1.4)."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PRIORITY_COLUMNS = (
    "prompt",
    "reference_answer",
    "test_case",
    "constraints",
    "existing_response",
)
"""Columns of PROMPTS that decide a priority."""


def priority_keys(rows: pa.Table, rank: int) -> np.ndarray:
    """Sort keys of rows of one source (PRIORITY_COLUMNS), int64 of shape (rows, 4).

    The row with the smallest is kept: checkable (a reference answer, test case or constraints)
    before carrying a response, before the source's `rank`, before the longer prompt.
    """
    checkable = np.zeros(rows.num_rows, dtype=bool)
    for name in ("reference_answer", "test_case", "constraints"):
        checkable |= _numbers(rows[name].is_valid())
    answered = _numbers(rows["existing_response"].is_valid())
    length = _numbers(pc.call_function("utf8_length", [rows["prompt"]]))
    columns = [~checkable, ~answered, np.full(rows.num_rows, rank), -length.astype(np.int64)]
    return np.stack([column.astype(np.int64) for column in columns], axis=1)


def priority_order(keys: np.ndarray, sample_ids: pa.Array) -> np.ndarray:
    """Row numbers by `keys` (rows, columns), most preferred first; ties go by sample id."""
    return np.lexsort((ranks_of(sample_ids), *keys.T[::-1]))


def ranks_of(ids: pa.Array) -> np.ndarray:
    """The place of each id when they are sorted."""
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[_numbers(pc.call_function("array_sort_indices", [ids]))] = np.arange(len(ids))
    return ranks


def _numbers(array: pa.Array | pa.ChunkedArray) -> np.ndarray:
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return whole.to_numpy(zero_copy_only=False)
