"""benchmarks: evaluation problems, read by decontamination and by evaluation alike."""

import hashlib
from pathlib import Path

from am_assets.assets.generated import GENERATORS, generator_version
from am_assets.core.config import Profile
from am_assets.core.schema import BENCHMARKS
from am_assets.core.stage import BENCHMARK, Built, Key, Run, Stage
from am_assets.stages.benchmarks import benchmark_table
from am_assets.stages.sources import read_source
from am_assets.stages.sources.files import matching_files


def build(run: Run) -> Built:
    """Read one benchmark's items and embed their problems."""
    name = run.key["benchmark"]
    benchmark = run.profile.benchmarks[name]
    rows = read_source(benchmark, name, 0, run.profile.folder, GENERATORS)
    table = benchmark_table(benchmark, name, rows, run.engines.embedding())
    return Built([(BENCHMARKS, table)])


def _config(profile: Profile, key: Key) -> dict[str, object]:
    benchmark = profile.benchmarks[key["benchmark"]]
    config = benchmark.model_dump(mode="json", exclude={"samples"})
    config["embedding"] = profile.embedding.model_dump(mode="json")
    if benchmark.kind == "files":
        # Where the files lie is not what they say.
        del config["location"]
        config["files"] = [
            _sha256(path)
            for path in matching_files(benchmark.location, key["benchmark"], profile.folder)
        ]
    elif benchmark.kind == "generated":
        config["generator"] = generator_version(key["benchmark"])
    return config


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


STAGE = Stage(
    name="benchmarks",
    group="sources",
    dimensions=BENCHMARK,
    build=build,
    config=_config,
    models=("embedding",),
    kinds=("dvc", "parquet"),
    description="Evaluation benchmarks with the embeddings of their problems (AM 3.1); every one "
    "is decontaminated against.",
)
