"""benchmarks: evaluation problems, read by decontamination and by evaluation alike."""

from am_assets.core.profile import Profile
from am_assets.core.run import Run
from am_assets.core.schema import BENCHMARKS
from am_assets.core.stage import BENCHMARK, Built, Key
from am_assets.defs.artifact import artifact
from am_assets.defs.generators import GENERATORS, generator_version
from am_assets.stages.sources import UPSTREAMS
from am_assets.stages.sources.benchmarks import benchmark_table


def _config(profile: Profile, key: Key) -> dict[str, object]:
    name = key["benchmark"]
    benchmark = profile.benchmarks[name]
    upstream = UPSTREAMS[benchmark.kind]
    return {
        **benchmark.model_dump(mode="json", include={"domain", "columns"}),
        "embedding": profile.embedding.model_dump(mode="json"),
        **upstream.content(benchmark, name, profile.folder, generator_version),
    }


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
    upstream = UPSTREAMS[benchmark.kind]
    rows = upstream.benchmark_rows(benchmark, name, run.profile.folder, GENERATORS)
    table = benchmark_table(benchmark, name, rows, run.engines.embedding())
    return Built([(BENCHMARKS, table)])
