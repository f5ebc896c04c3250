"""Hub datasets by id and pinned revision, or a local folder laid out like one."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from am_assets.core.settings.sources import Benchmark, Source
from am_assets.core.weights import file_digest
from am_assets.stages.sources.rows import SourceError, UpstreamRow
from am_assets.stages.sources.sizes import check_size
from am_assets.stages.sources.upstream import Availability, Generator


class Hub:
    """Datasets of the hub."""

    def rows(
        self,
        source: Source | Benchmark,
        name: str,
        week_index: int,
        folder: Path,
        generators: Mapping[str, Generator],
    ) -> Iterator[UpstreamRow]:
        """Rows of the pinned revision, whatever the week. Raises SourceError."""
        del week_index, generators
        return read_hub(source, name, folder)

    def benchmark_rows(
        self, benchmark: Benchmark, name: str, folder: Path, generators: Mapping[str, Generator]
    ) -> Iterator[UpstreamRow]:
        """Rows in upstream order. Raises SourceError."""
        return self.rows(benchmark, name, 0, folder, generators)

    def content(
        self, benchmark: Benchmark, name: str, folder: Path, generator_version: Callable[[str], str]
    ) -> dict[str, object]:
        """Which split of which revision."""
        del name, generator_version
        named = benchmark.model_dump(mode="json", include={"location", "subset", "split"})
        local = (folder / benchmark.location).resolve()
        # A folder laid out like a dataset has no revision; which file is what, their names say.
        return {**named, "revision": _contents(local) if local.is_dir() else benchmark.revision}

    def availability(self, source: Source | Benchmark, name: str, folder: Path) -> Availability:
        """A note: the hub is not asked before its rows are."""
        del name, folder
        detail = f"{source.location} at {source.revision}, read from the hub when captured"
        return Availability("note", detail)


def read_hub(source: Source | Benchmark, name: str, folder: Path) -> Iterator[UpstreamRow]:
    """Stream the split of a hub dataset with `datasets.load_dataset(..., streaming=True)`.

    A location that is a folder (from `folder`) is read in place: data files and the YAML of its
    README, without a network. Raises SourceError.
    """
    # Importing datasets takes seconds, and only hub sources need it.
    import datasets
    from datasets.exceptions import DatasetsError

    local = (folder / source.location).resolve()
    path = str(local) if local.is_dir() else source.location
    file = "/".join(
        part
        for part in (f"{source.location}@{source.revision}", source.subset, source.split)
        if part
    )
    try:
        rows = datasets.load_dataset(
            path,
            name=source.subset,
            split=source.split,
            revision=None if local.is_dir() else source.revision,
            streaming=True,
        )
        # Rows are read inside the same guard: a stream fails where its bytes are fetched.
        for number, row in enumerate(rows, 1):
            found = UpstreamRow(dict(row), file, number, "")
            check_size(found, source.max_row_bytes)
            yield found
    except SourceError:
        raise
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        detail = " ".join(str(error).split())[:300]
        raise SourceError(
            f"source {name} cannot read hub dataset {file} ({type(error).__name__}: {detail}): "
            "check location, subset, split, revision and the connection"
        ) from error


def _contents(folder: Path) -> list[list[str]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [[path.relative_to(folder).as_posix(), file_digest(path)] for path in files]
