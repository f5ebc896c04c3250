"""The `embedding_index` stage: one unit vector a kept prompt."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from am_assets.core.memory import RowMemory
from am_assets.core.requests import WindowedEngine
from am_assets.core.schema import kept
from am_assets.core.settings.prompts import Embedding
from am_assets.core.usage import Meter
from am_assets.stages.embedding.remembered import remembered_vectors, windows

COLUMNS = ("sample_id", "source", "week", "prompt_hash", "prompt", "decision")
"""What embedding reads of PROMPTS."""


def embed_prompts(
    prompts: Iterable[pa.Table],
    engine: WindowedEngine,
    memory: RowMemory,
    config: Embedding,
    write: Callable[[Mapping[str, Any]], None],
    meter: Meter,
) -> Counter[int]:
    """`write` a row of the embedding table for every kept row of `prompts` (COLUMNS, in parts).

    A vector is remembered under the text, the model and the settings that shape it. Gives how many
    prompts are embedded in so many windows. Raises ValueError where the model gives numbers that
    are not finite.
    """
    counts: Counter[int] = Counter()
    rows = (row for part in prompts for row in _kept(part))
    for window in windows(rows, lambda row: len(row["prompt"])):
        texts: list[str] = [row.pop("prompt") for row in window]
        owners: list[str] = [row["sample_id"] for row in window]
        vectors, remembered = remembered_vectors(texts, engine, memory, config, owners)
        meter.found(remembered)
        meter.computed(len(texts) - remembered)
        for row, vector, pieces in zip(window, vectors, engine.pieces(texts), strict=True):
            write({**row, "vector": vector, "pieces": pieces})
            counts[pieces] += 1
    meter.finish()
    return counts


def matrix(table: pa.Table) -> np.ndarray:
    """The `vector` column as float32, shape (rows, dimension); (0, 0) without rows."""
    if table.num_rows == 0:
        return np.zeros((0, 0), dtype=np.float32)
    flat = table["vector"].combine_chunks().flatten()
    return flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(table.num_rows, -1)


def _kept(part: pa.Table) -> Iterator[dict[str, Any]]:
    yield from kept(part, COLUMNS).drop_columns(["decision"]).to_pylist()
