"""`read_source`: the rows of one source or benchmark, whatever its kind."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from am_assets.core.config import Benchmark, Source
from am_assets.core.identity import canonical
from am_assets.stages.sources.files import read_files
from am_assets.stages.sources.hub import read_hub
from am_assets.stages.sources.rows import SourceError, UpstreamRow

Generator = Callable[[str, int], Iterator[dict[str, Any]]]
"""(location, 0-based week index) -> the rows that are upstream in that week."""


def read_source(
    source: Source | Benchmark,
    name: str,
    week_index: int,
    folder: Path,
    generators: Mapping[str, Generator] | None = None,
) -> Iterator[UpstreamRow]:
    """Rows of `source` (called `name` in the profile), in upstream order.

    `week_index` matters to generated sources only; `folder` is where relative globs start;
    `generators` maps a generated source's location to what makes its rows. Raises SourceError.
    """
    if source.kind == "files":
        return read_files(source.location, name, folder, source.max_row_bytes)
    if source.kind == "hub":
        return read_hub(source, name, folder)
    return _read_generated(source, name, week_index, generators or {})


def _read_generated(
    source: Source | Benchmark, name: str, week_index: int, generators: Mapping[str, Generator]
) -> Iterator[UpstreamRow]:
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
