"""What a kind of source is: how its rows are read, and what is said of it.

A kind is a class in the file that reads it, and says all of it; the table of them is
`reader.UPSTREAMS`. It is a class so that a stage which reads rows follows from their reading alone.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from am_assets.core.settings.sources import Benchmark, Source
from am_assets.stages.sources.rows import UpstreamRow

Generator = Callable[[str, int], Iterator[dict[str, Any]]]
"""(location, 0-based week index) -> the rows that are upstream in that week."""


class Availability(NamedTuple):
    """Whether rows can be had: `ok`, `note` (nothing was looked at) or `missing`, and why."""

    state: Literal["ok", "note", "missing"]
    detail: str


class Upstream(Protocol):
    """One kind of source. `name` is what the profile calls it, relative paths start at `folder`."""

    def rows(
        self,
        source: Source | Benchmark,
        name: str,
        week_index: int,
        folder: Path,
        generators: Mapping[str, Generator],
    ) -> Iterator[UpstreamRow]:
        """The rows that are upstream in a week, in upstream order. Raises SourceError."""
        ...

    def benchmark_rows(
        self,
        benchmark: Benchmark,
        name: str,
        folder: Path,
        generators: Mapping[str, Generator],
    ) -> Iterator[UpstreamRow]:
        """A benchmark's rows, in an order that follows from `content`. Raises SourceError."""
        ...

    def content(
        self, benchmark: Benchmark, name: str, folder: Path, generator_version: Callable[[str], str]
    ) -> dict[str, object]:
        """Plain values that a benchmark's rows follow from; of a generator, by benchmark's name,
        the version of its code. Raises SourceError."""
        ...

    def availability(
        self, source: Source | Benchmark, name: str, folder: Path
    ) -> Availability | None:
        """What can be said before anything is read; None where there is nothing to say."""
        ...
