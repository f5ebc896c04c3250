"""deduplicated: decontamination first, then semantic dedup against all kept earlier (AM 2.1.4)."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from am_assets.assets.decontaminating import contamination_of
from am_assets.core.config import Profile
from am_assets.core.ledger import ledger_of
from am_assets.core.manifest import Ref
from am_assets.core.schema import BENCHMARKS, DEDUPLICATED, PROMPTS, SUPERSEDED, kept
from am_assets.core.stage import BENCHMARK, SOURCE_WEEK, WEEK, Built, Key, Read, Run, Stage
from am_assets.stages.decisions import decide_week
from am_assets.stages.selecting import without
from am_assets.stages.threshold_page import threshold_pictures
from am_assets.stages.week_rows import EarlierPart

VECTORS = "embedding_index"


def build(run: Run) -> Built:
    """Decide which prompts of the week stay."""
    week = {ref.partition[0]: ref for ref in run.refs(PROMPTS.name) if run.is_own_week(ref)}
    vectors = {ref.partition[0]: ref for ref in run.refs(VECTORS) if run.is_own_week(ref)}
    contamination = contamination_of(
        run,
        {source: (ref, vectors[source]) for source, ref in week.items()},
        run.refs(BENCHMARKS.name),
    )
    decided = decide_week(
        {source: _file(run, ref) for source, ref in week.items()},
        {source: _file(run, ref) for source, ref in vectors.items()},
        contamination,
        _kept_earlier(run),
        {name: source.rank for name, source in run.profile.sources.items()},
        run.profile.dedup,
        run.folder.parent,
        device=str(run.profile.models.embedding.options.get("device", "cpu")),
    )
    rows_in = sum(run.manifest(ref).rows_kept or 0 for ref in week.values())
    return Built(
        [(DEDUPLICATED, decided.table), (SUPERSEDED, decided.superseded)],
        ledger_of(decided.table, rows_in),
        counts=decided.stats.as_dict(),
    )


def _file(run: Run, ref: Ref) -> Path:
    return run.file(ref, f"{ref.asset}.parquet")


def _kept_earlier(run: Run) -> list[EarlierPart]:
    """What earlier weeks kept and no newer version has superseded since."""
    if not run.has(DEDUPLICATED.name):
        return []
    gone = run.read(DEDUPLICATED.name, SUPERSEDED.name)["sample_id"].to_pylist()
    vectors = {ref.partition: ref for ref in run.refs(VECTORS)}
    decided: dict[str, pa.Table] = {}
    for ref in run.refs(DEDUPLICATED.name):
        table = kept(run.read_ref(ref, DEDUPLICATED.name), ("sample_id", "source", "decision"))
        decided[ref.partition[0]] = table
    parts: list[EarlierPart] = []
    for ref in run.refs(PROMPTS.name):
        source, week = ref.partition
        if week in decided:
            own = decided[week].filter(pc.field("source") == source)["sample_id"]
            standing = without(own, gone)
            parts.append(EarlierPart(_file(run, ref), _file(run, vectors[ref.partition]), standing))
    return parts


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    config: dict[str, object] = {
        "dedup": profile.dedup.model_dump(mode="json"),
        "decontamination": profile.decontamination.model_dump(
            mode="json", exclude=None if profile.decontamination.judge.enabled else {"judge"}
        ),
        "ranks": {name: source.rank for name, source in profile.sources.items()},
    }
    # Parts of prompts and items are embedded here.
    config["embedding"] = profile.embedding.model_dump(mode="json")
    return config


def _models(profile: Profile, key: Key) -> list[str]:
    del key
    return ["embedding", *(["instruct"] if profile.decontamination.judge.enabled else [])]


STAGE = Stage(
    name="deduplicated",
    group="prompts",
    dimensions=WEEK,
    build=build,
    reads=(
        Read("prompts", SOURCE_WEEK, weeks="so_far"),
        Read("embedding_index", SOURCE_WEEK, weeks="so_far"),
        Read("benchmarks", BENCHMARK),
        Read("deduplicated", WEEK, weeks="earlier"),
    ),
    config=_config,
    models=_models,
    kinds=("dvc", "parquet"),
    description="Decontamination against every benchmark (exact, n-grams, embeddings; DD 2.2.2), "
    "then exact semantic dedup within the week by priority and against all kept earlier. Every "
    "dropped row names its twin or benchmark item.",
    manifest_pictures=lambda manifest: threshold_pictures(manifest.counts["thresholds"]),
)
