"""deduplicated: decontamination first, then semantic dedup against all kept earlier (AM 2.1.4)."""

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

from am_assets.core.id_set import Cells, IdCounter, united
from am_assets.core.identity import table_root
from am_assets.core.ledger import ledger_of
from am_assets.core.manifest import Ref
from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import (
    DEDUPLICATED,
    RETURNED,
    SUPERSEDED,
    returned_vectors_schema,
)
from am_assets.core.stage import WEEK, Built, Key
from am_assets.core.store import write_table
from am_assets.defs.artifact import Pictures, artifact, own_earlier
from am_assets.defs.assets.benchmarks import benchmarks
from am_assets.defs.assets.embedding_index import embedding_index
from am_assets.defs.assets.prompts import prompts
from am_assets.defs.contamination import contamination_of, embed
from am_assets.stages.decontamination import Slice
from am_assets.stages.dedup.returning import EarlierWeek, Returned, kept_before, rows_that_return
from am_assets.stages.dedup.threshold_page import threshold_pictures
from am_assets.stages.dedup.week import decide_week
from am_assets.stages.dedup.week_rows import WeekPart


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


@artifact(
    WEEK,
    reads=(
        prompts.so_far(),
        prompts.same(retired=True),
        embedding_index.so_far(),
        benchmarks.same(),
        own_earlier(),
    ),
    config=_config,
    models=_models,
    pictures=Pictures(
        of_manifest=lambda manifest: threshold_pictures(manifest.counts["thresholds"])
    ),
    decides=True,
    sample_tables=(RETURNED.name, DEDUPLICATED.name),
    group_name="prompts",
    kinds={"dvc", "parquet"},
)
def deduplicated(
    run: Run, prompts: Inputs, embedding_index: Inputs, benchmarks: Inputs, earlier: Inputs
) -> Built:
    """Decontamination against every benchmark (exact, n-grams, embeddings; DD 2.2.2), then exact
    semantic dedup within the week by priority and against all kept earlier. Every dropped row
    names its twin or benchmark item.
    """
    everything = {ref.partition[0]: ref for ref in prompts.refs if run.is_own_week(ref)}
    week = {source: ref for source, ref in everything.items() if source in run.profile.sources}
    vectors = {ref.partition[0]: ref for ref in embedding_index.refs if run.is_own_week(ref)}
    files = {source: _file(run, ref) for source, ref in week.items()}
    parts = [WeekPart(source, file, _file(run, vectors[source])) for source, file in files.items()]
    decided_before = _earlier(run, earlier, (prompts, embedding_index))
    returned = rows_that_return(run.key["week"], files, decided_before, partial(embed, run))
    slices = [] if returned is None else [_slice(returned, run.folder)]
    for one in slices:
        parts += [WeekPart(source, one.prompts, one.embeddings, returned=True) for source in files]
    decided = decide_week(
        parts,
        contamination_of(
            run,
            {source: (ref, vectors[source]) for source, ref in week.items()},
            benchmarks.refs,
            slices,
        ),
        kept_before(decided_before),
        {name: source.rank for name, source in run.profile.sources.items()},
        run.profile.dedup,
        run.folder.parent,
        device=str(run.profile.models.embedding.options.get("device", "cpu")),
        retired=[_file(run, ref) for name, ref in everything.items() if name not in week],
    )
    rows_in = sum(run.manifest(ref).rows_kept or 0 for ref in everything.values())
    back = 0 if returned is None else returned.rows.num_rows
    built = Built(
        [(DEDUPLICATED, decided.table), (SUPERSEDED, decided.superseded)],
        ledger_of(decided.table, rows_in + back),
        counts=decided.stats.as_dict(),
        came=prompts.kept_ids("same"),
    )
    return built if returned is None else _with_returned(built, returned)


def _file(run: Run, ref: Ref) -> Path:
    return run.file(ref, f"{ref.asset}.parquet")


def _earlier(run: Run, earlier: Inputs, of_sources: tuple[Inputs, Inputs]) -> list[EarlierWeek]:
    """The weeks that are decided already, oldest first."""
    weeks: list[EarlierWeek] = []
    for ref in sorted(earlier.refs, key=str):
        (week,) = ref.partition
        tables = run.manifest(ref).tables
        prompts, vectors = (
            {one.partition[0]: _file(run, one) for one in inputs.refs if one.partition[-1] == week}
            for inputs in of_sources
        )
        weeks.append(
            EarlierWeek(
                week,
                prompts,
                vectors,
                _file(run, ref),
                run.file(ref, f"{SUPERSEDED.name}.parquet"),
                *(
                    run.file(ref, f"{name}.parquet") if name in tables else None
                    for name in (RETURNED.name, "returned_vectors")
                ),
            )
        )
    return weeks


def _slice(returned: Returned, folder: Path) -> Slice:
    """The returned rows as files, for those who read in parts."""
    paths: list[Path] = []
    for name, table in (("returned", returned.rows), ("returned_vectors", returned.vectors)):
        write_table(table, folder, name)
        paths.append(folder / f"{name}.parquet")
    roots = tuple(table_root(table, "sample_id") for table in returned)
    return Slice(paths[0], paths[1], (roots[0], roots[1]))


def _with_returned(built: Built, returned: Returned) -> Built:
    """The same with the tables, ids and counts of what returned; a week without has none."""
    counter = IdCounter()
    counter.add_table(returned.rows, RETURNED.name)
    ids: dict[str, Cells] = counter.cells()
    fates = returned.rows.select(["from_week", "from_stage", "from_reason"]).to_pylist()
    moved = Counter("|".join(row.values()) for row in fates)
    vectors = returned_vectors_schema(returned.vectors["vector"].type.list_size)
    return replace(
        built,
        tables=[*built.tables, (RETURNED, returned.rows), (vectors, returned.vectors)],
        counts=built.counts | {"returned": dict(sorted(moved.items()))},
        came=None if built.came is None else united(built.came, ids[RETURNED.name]),
        ids=ids,
    )
