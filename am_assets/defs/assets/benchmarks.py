"""benchmarks: evaluation problems, read by decontamination and by evaluation alike."""

import glob
from collections.abc import Iterator
from pathlib import Path

from am_assets.core.profile import Profile
from am_assets.core.run import Run
from am_assets.core.schema import BENCHMARKS
from am_assets.core.settings.sources import Benchmark
from am_assets.core.stage import BENCHMARK, Built, Key
from am_assets.core.weights import file_digest
from am_assets.defs.artifact import artifact
from am_assets.defs.generators import GENERATORS, generator_version
from am_assets.stages.sources import UpstreamRow, read_source
from am_assets.stages.sources.benchmarks import benchmark_table
from am_assets.stages.sources.files import matching_files


def _config(profile: Profile, key: Key) -> dict[str, object]:
    name = key["benchmark"]
    benchmark = profile.benchmarks[name]
    config: dict[str, object] = benchmark.model_dump(mode="json", include={"domain", "columns"})
    config["embedding"] = profile.embedding.model_dump(mode="json")
    if benchmark.kind == "files":
        files = _in_order(benchmark, name, profile.folder)
        config["files"] = [[file_digest(path), _form(path)] for path in files]
    elif benchmark.kind == "generated":
        config["location"] = benchmark.location
        config["generator"] = generator_version(name)
    else:
        config |= benchmark.model_dump(mode="json", include={"location", "subset", "split"})
        local = (profile.folder / benchmark.location).resolve()
        # A folder laid out like a dataset has no revision; which file is what, their names say.
        config["revision"] = _contents(local) if local.is_dir() else benchmark.revision
    return config


@artifact(
    BENCHMARK,
    config=_config,
    models=("embedding",),
    group_name="sources",
    kinds={"dvc", "parquet"},
)
def benchmarks(run: Run) -> Built:
    """Evaluation benchmarks with the embeddings of their problems (AM 3.1); every one is
    decontaminated against.
    """
    name = run.key["benchmark"]
    benchmark = run.profile.benchmarks[name]
    rows = upstream_items(benchmark, name, run.profile.folder)
    table = benchmark_table(benchmark, name, rows, run.engines.embedding())
    return Built([(BENCHMARKS, table)])


def upstream_items(benchmark: Benchmark, name: str, folder: Path) -> Iterator[UpstreamRow]:
    """Items of a benchmark as upstream has them, whatever its files are called."""
    if benchmark.kind != "files":
        yield from read_source(benchmark, name, 0, folder, GENERATORS)
        return
    for path in _in_order(benchmark, name, folder):
        alone = benchmark.model_copy(update={"location": glob.escape(str(path))})
        yield from read_source(alone, name, 0, folder)


def _in_order(benchmark: Benchmark, name: str, folder: Path) -> list[Path]:
    """The benchmark's files, by content: items are numbered, and a name is not what a file says."""
    return sorted(matching_files(benchmark.location, name, folder), key=file_digest)


def _form(path: Path) -> str:
    """How a file is read, which is all that its name decides."""
    last = [suffix.lower() for suffix in path.suffixes[-2:]]
    return "".join(last if last and last[-1] in (".gz", ".zst") else last[-1:])


def _contents(folder: Path) -> list[list[str]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [[path.relative_to(folder).as_posix(), file_digest(path)] for path in files]
