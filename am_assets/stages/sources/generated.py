"""Rows that a generator of the profile makes in place of an upstream."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from am_assets.core.identity import canonical
from am_assets.core.settings.sources import Benchmark, Source
from am_assets.stages.sources.rows import SourceError, UpstreamRow
from am_assets.stages.sources.upstream import Generator


class Generated:
    """Sources that follow from a generator's code."""

    def rows(
        self,
        source: Source | Benchmark,
        name: str,
        week_index: int,
        folder: Path,
        generators: Mapping[str, Generator],
    ) -> Iterator[UpstreamRow]:
        """Rows of a week; raises SourceError where no generator has the name."""
        del folder
        return read_generated(source, name, week_index, generators)

    def benchmark_rows(
        self, benchmark: Benchmark, name: str, folder: Path, generators: Mapping[str, Generator]
    ) -> Iterator[UpstreamRow]:
        """The rows of the first week."""
        return self.rows(benchmark, name, 0, folder, generators)

    def content(
        self, benchmark: Benchmark, name: str, folder: Path, generator_version: Callable[[str], str]
    ) -> dict[str, object]:
        """Which generator, and the version of its code."""
        del folder
        return {"location": benchmark.location, "generator": generator_version(name)}

    def availability(self, source: Source | Benchmark, name: str, folder: Path) -> None:
        """Nothing: it is there with the package."""
        del source, name, folder


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
