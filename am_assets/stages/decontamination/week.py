"""Contamination of a week's prompts, by sample id."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from am_assets.core.config import Decontamination
from am_assets.core.schema import kept
from am_assets.stages.decontamination.decide import decontaminate
from am_assets.stages.decontamination.hits import Contamination, Item
from am_assets.stages.embedding import matrix


def contaminated(
    prompts: Mapping[str, pa.Table],
    embeddings: Mapping[str, pa.Table],
    benchmarks: Sequence[pa.Table],
    settings: Decontamination,
) -> Contamination:
    """What is contaminated of the kept rows of `prompts` (PROMPTS by source).

    `embeddings` are the tables of their vectors, by source, `benchmarks` BENCHMARKS tables. Raises
    KeyError when a kept prompt has no vector.
    """
    items, item_vectors = _items(benchmarks)
    hits = {}
    for source, table in prompts.items():
        rows = kept(table, ("sample_id", "prompt", "decision"))
        samples, texts = rows["sample_id"].to_pylist(), rows["prompt"].to_pylist()
        if not texts:
            continue
        vectors = _aligned(samples, embeddings[source])
        found = decontaminate(texts, vectors, items, item_vectors, settings)
        hits |= {sample: hit for sample, hit in zip(samples, found, strict=True) if hit}
    return Contamination(hits)


def _aligned(samples: Sequence[str], table: pa.Table) -> np.ndarray:
    """Vectors in the order of `samples`."""
    place = {sample: index for index, sample in enumerate(table["sample_id"].to_pylist())}
    return matrix(table)[[place[sample] for sample in samples]]


def _items(benchmarks: Sequence[pa.Table]) -> tuple[list[Item], np.ndarray]:
    tables = [table for table in benchmarks if table.num_rows]
    if not tables:
        return [], np.zeros((0, 0), dtype=np.float32)
    items = [
        Item(**row)
        for table in tables
        for row in table.select(["item_id", "benchmark", "prompt"]).to_pylist()
    ]
    return items, np.concatenate([matrix(table) for table in tables])
