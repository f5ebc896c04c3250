"""The `embedding_index` stage: one unit vector a kept prompt."""

import numpy as np
import pyarrow as pa

from am_assets.core.requests import WindowedEngine
from am_assets.core.schema import embedding_schema, kept


def embed_prompts(prompts: pa.Table, engine: WindowedEngine) -> pa.Table:
    """The embedding table of the kept rows of PROMPTS, of the engine's dimension."""
    rows = kept(prompts, ["sample_id", "source", "week", "prompt_hash", "prompt"])
    texts: list[str] = rows["prompt"].to_pylist()
    table = [
        {**row, "vector": vector, "pieces": pieces}
        for row, vector, pieces in zip(
            rows.drop_columns(["prompt"]).to_pylist(),
            engine.embed(texts),
            engine.pieces(texts),
            strict=True,
        )
    ]
    return embedding_schema(engine.dimension).table(table)


def matrix(table: pa.Table) -> np.ndarray:
    """The `vector` column as float32, shape (rows, dimension); (0, 0) without rows."""
    if table.num_rows == 0:
        return np.zeros((0, 0), dtype=np.float32)
    flat = table["vector"].combine_chunks().flatten()
    return flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(table.num_rows, -1)
