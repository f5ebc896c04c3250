"""`read_source`: the rows of one source or benchmark, and the table of kinds of sources."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import assert_never, get_args

from am_assets.core.settings.sources import Benchmark, Source, SourceKind
from am_assets.stages.sources.files import Files
from am_assets.stages.sources.generated import Generated
from am_assets.stages.sources.hub import Hub
from am_assets.stages.sources.rows import UpstreamRow
from am_assets.stages.sources.upstream import Generator, Upstream


def _upstream(kind: SourceKind) -> Upstream:
    match kind:
        case "hub":
            return Hub()
        case "files":
            return Files()
        case "generated":
            return Generated()
    # A kind that is forgotten here is an error of types, and ends this module's import.
    assert_never(kind)


UPSTREAMS: Mapping[SourceKind, Upstream] = {kind: _upstream(kind) for kind in get_args(SourceKind)}
"""Every kind of source."""


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
    return UPSTREAMS[source.kind].rows(source, name, week_index, folder, generators or {})
