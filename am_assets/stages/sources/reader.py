"""`read_source`: the rows of one source or benchmark, whatever its kind."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from am_assets.core.settings.sources import Benchmark, Source
from am_assets.stages.sources.files import read_files
from am_assets.stages.sources.generated import Generator, read_generated
from am_assets.stages.sources.hub import read_hub
from am_assets.stages.sources.rows import UpstreamRow


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
    return read_generated(source, name, week_index, generators or {})
