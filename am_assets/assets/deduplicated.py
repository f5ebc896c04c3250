"""deduplicated: decontamination first, then semantic dedup against all kept earlier (AM 2.1.4)."""

import pyarrow as pa

from am_assets.core.config import Profile
from am_assets.core.ledger import ledger_of
from am_assets.core.pipeline import BENCHMARK, SOURCE_WEEK, WEEK, Built, Key, Read, Run, Stage
from am_assets.core.schema import BENCHMARKS, DEDUPLICATED, PROMPTS, SUPERSEDED, kept
from am_assets.stages import plots
from am_assets.stages.decisions import decide_week
from am_assets.stages.decontamination import contaminated
from am_assets.stages.selecting import rows_of

VECTORS = "embedding_index"


def build(run: Run) -> Built:
    """Decide which prompts of the week stay."""
    week = {ref.partition[0]: ref for ref in run.refs(PROMPTS.name) if run.is_own_week(ref)}
    vectors = {ref.partition[0]: ref for ref in run.refs(VECTORS) if run.is_own_week(ref)}
    prompts = {source: run.read_ref(ref, PROMPTS.name) for source, ref in week.items()}
    embeddings = {source: run.read_ref(ref, VECTORS) for source, ref in vectors.items()}
    decided = decide_week(
        prompts,
        embeddings,
        contaminated(
            prompts,
            embeddings,
            [run.read_ref(ref, BENCHMARKS.name) for ref in run.refs(BENCHMARKS.name)],
            run.profile.decontamination,
        ),
        _kept_earlier(run),
        {name: source.rank for name, source in run.profile.sources.items()},
        run.profile.dedup,
    )
    rows_in = sum(run.manifest(ref).rows_kept or 0 for ref in week.values())
    return Built(
        [(DEDUPLICATED, decided.table), (SUPERSEDED, decided.superseded)],
        ledger_of(decided.table, rows_in),
        counts=decided.stats.as_dict(),
    )


def _kept_earlier(run: Run) -> pa.Table | None:
    """What earlier weeks kept and no newer version has superseded since, with vectors."""
    if not run.has(DEDUPLICATED.name):
        return None
    stood = kept(run.read(DEDUPLICATED.name))["sample_id"]
    gone = run.read(DEDUPLICATED.name, SUPERSEDED.name)["sample_id"]
    standing = pa.array(sorted(set(stood.to_pylist()) - set(gone.to_pylist())), pa.string())
    # Joins in Arrow take no list columns; both sides are brought into the order of ids instead.
    prompts = rows_of(run.read(PROMPTS.name, weeks="earlier"), standing).sort_by("sample_id")
    vectors = rows_of(run.read(VECTORS, weeks="earlier"), standing).sort_by("sample_id")
    return prompts.select(["sample_id", "prompt_hash", "reference_answer"]).append_column(
        "vector", vectors["vector"]
    )


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {
        "dedup": profile.dedup.model_dump(mode="json"),
        "decontamination": profile.decontamination.model_dump(mode="json"),
        "ranks": {name: source.rank for name, source in profile.sources.items()},
    }


STAGE = Stage(
    name="deduplicated",
    group="prompts",
    dimensions=WEEK,
    build=build,
    modules=("am_assets.stages.decisions", "am_assets.stages.decontamination"),
    reads=(
        Read("prompts", SOURCE_WEEK, weeks="so_far"),
        Read("embedding_index", SOURCE_WEEK, weeks="so_far"),
        Read("benchmarks", BENCHMARK),
        Read("deduplicated", WEEK, weeks="earlier"),
    ),
    config=_config,
    kinds=("dvc", "parquet"),
    description="Decontamination against every benchmark (exact, n-grams, embeddings; DD 2.2.2), "
    "then exact semantic dedup within the week by priority and against all kept earlier. Every "
    "dropped row names its twin or benchmark item.",
    manifest_pictures=lambda manifest: {
        "similarity to the nearest prompt": plots.counted_histogram(
            manifest.counts["nearest"], "similarity to the nearest prompt", "cosine similarity"
        )
    },
)
