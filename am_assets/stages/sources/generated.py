"""Rows that a generator of the profile makes in place of an upstream."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from am_assets.core.identity import canonical
from am_assets.core.settings.sources import Benchmark, Source
from am_assets.stages.sources.rows import SourceError, UpstreamRow

Generator = Callable[[str, int], Iterator[dict[str, Any]]]
"""(location, 0-based week index) -> the rows that are upstream in that week."""


def read_generated(
    source: Source | Benchmark, name: str, week_index: int, generators: Mapping[str, Generator]
) -> Iterator[UpstreamRow]:
    """Rows of a week; raises SourceError where no generator has the name."""
    generate = generators.get(source.location)
    if generate is None:
        known = ", ".join(sorted(generators)) or "none"
        raise SourceError(
            f"source {name} names the generator {source.location}, which does not exist: "
            f"choose one of {known}"
        )
    rows = list(generate(source.location, week_index))
    sha256 = hashlib.sha256(canonical(rows).encode()).hexdigest()
    file = f"generated/{source.location}/{week_index}"
    for number, row in enumerate(rows, 1):
        yield UpstreamRow(row, file, number, sha256)
