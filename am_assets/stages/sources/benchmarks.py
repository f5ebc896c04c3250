"""Benchmark tables: the items of one benchmark, mapped like a source and embedded."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from am_assets.core.requests import EmbeddingEngine
from am_assets.core.schema import BENCHMARKS
from am_assets.core.settings.sources import Benchmark
from am_assets.stages.sources import SourceError, UpstreamRow
from am_assets.stages.sources.mapping import map_row

_CARRIED = ("kind", "prompt", "reference_answer", "test_case", "constraints")


def benchmark_table(
    benchmark: Benchmark, name: str, rows: Iterable[UpstreamRow], engine: EmbeddingEngine
) -> pa.Table:
    """BENCHMARKS of benchmark `name`, one row an upstream row.

    Items are named by upstream key, else by row number; a name that repeats gets `#2`, `#3`, … in
    upstream order. Raises SourceError for an item without a prompt.
    """
    items: list[dict[str, Any]] = []
    seen: Counter[str] = Counter()
    for number, row in enumerate(rows, 1):
        mapped = map_row(row, benchmark.columns, benchmark.domain)
        if not mapped["prompt"].strip():
            raise SourceError(f"{row.where} of benchmark {name} has no prompt: correct `columns`")
        item_id = f"{name}/{mapped['upstream_key'] or number}"
        seen[item_id] += 1
        if seen[item_id] > 1:
            item_id = f"{item_id}#{seen[item_id]}"
        carried = {key: mapped[key] for key in _CARRIED}
        items.append({"item_id": item_id, "benchmark": name, **carried})
    vectors = engine.embed([item["prompt"] for item in items])
    return BENCHMARKS.table(
        {**item, "vector": vector} for item, vector in zip(items, vectors, strict=True)
    )
