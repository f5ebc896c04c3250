"""Generators behind sources and benchmarks of kind `generated`: those of the mini profile."""

from collections.abc import Iterator
from typing import Any

from am_assets.core.code.versions import alone, code_version
from am_assets.mini.upstream.benchmarks import BENCHMARKS, benchmark_items
from am_assets.mini.upstream.sources import SOURCES, upstream_rows


def _items(name: str, week_index: int) -> Iterator[dict[str, Any]]:
    # A benchmark does not change from week to week.
    del week_index
    return iter(benchmark_items(name))


GENERATORS = {name: upstream_rows for name in SOURCES} | {name: _items for name in BENCHMARKS}


def generator_version(name: str) -> str:
    """Version of the code that makes one benchmark's items."""
    return f"{code_version(BENCHMARKS[name])} {alone(benchmark_items)}"
