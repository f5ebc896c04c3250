"""Hub datasets by id and pinned revision, or a local folder laid out like one."""

from collections.abc import Iterator
from pathlib import Path

from am_assets.core.settings.sources import Benchmark, Source
from am_assets.stages.sources.rows import SourceError, UpstreamRow
from am_assets.stages.sources.sizes import check_size


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
