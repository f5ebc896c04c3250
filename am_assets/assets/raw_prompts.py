"""raw_prompts: one week's sealed capture of one source (AM 2.1.1)."""

import dataclasses

import pyarrow as pa

from am_assets.assets.generated import GENERATORS
from am_assets.assets.pictures import counts_by
from am_assets.core.config import Profile
from am_assets.core.ledger import Ledger
from am_assets.core.schema import RAW, VANISHED
from am_assets.core.stage import SOURCE, SOURCE_WEEK, Built, Key, Read, Run, Stage
from am_assets.partitions import week_keys
from am_assets.stages.capture import capture_week
from am_assets.stages.sealing import SEAL, erase, sealed_rows, sealing
from am_assets.stages.sources import read_source


def build(run: Run) -> Built:
    """Capture upstream once for this source and week; later, read what was sealed."""
    name, week = run.key["source"], run.key["week"]
    source = run.profile.sources[name]
    seal = run.folder / SEAL
    if run.published is None and source.retired_in(week):
        upstream = iter(())
    elif run.published is None:
        index = week_keys(run.profile).index(week)
        upstream = read_source(source, name, index, run.profile.folder, GENERATORS)
    else:
        upstream = sealed_rows(run.published_file(SEAL))
    takedowns = frozenset(run.read("takedowns")["sample_id"].to_pylist())
    earlier = [run.read_ref(ref, RAW.name) for ref in run.refs(RAW.name)]
    capture = capture_week(sealing(upstream, seal), source, name, week, earlier, takedowns)
    if run.published is not None:
        capture = _with_taken_down(capture, run.published_table(RAW.name))
    if source.retired_in(week):
        # Nobody looked upstream: nothing is known to have vanished there.
        capture = dataclasses.replace(capture, vanished=VANISHED.table([]))
    places = _taken_down_places(capture.table)
    if places:
        erase(seal, places)
    vanished = capture.vanished.num_rows
    return Built(
        [(RAW, capture.table), (VANISHED, capture.vanished)],
        Ledger(capture.rows_in, capture.kept, _positive(capture.dropped)),
        counts={"vanished": vanished, "changes": counts_by(capture.table, "change")},
    )


def _with_taken_down(capture, published: pa.Table):
    """Carry over rows whose text an earlier takedown erased: the seal no longer has them."""
    known = set(capture.table["sample_id"].to_pylist())
    lost = [
        row
        for row in published.to_pylist()
        if row["reason"] == "takedown" and row["sample_id"] not in known
    ]
    if not lost:
        return capture
    rows = sum(len(row["occurrences"]) for row in lost)
    dropped = {**capture.dropped, "takedown": capture.dropped.get("takedown", 0) + rows}
    return dataclasses.replace(
        capture,
        table=RAW.table([*capture.table.to_pylist(), *lost]),
        rows_in=capture.rows_in + rows,
        dropped=dropped,
    )


def _taken_down_places(table: pa.Table) -> set[tuple[str, int]]:
    return {
        (one["file"], one["row"])
        for row in table.select(["reason", "occurrences"]).to_pylist()
        if row["reason"] == "takedown"
        for one in row["occurrences"]
    }


def _positive(dropped: dict[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in dropped.items() if count}


def _config(profile: Profile, key: Key) -> dict[str, object]:
    # What the seal holds does not follow from where upstream is now.
    source = profile.sources[key["source"]]
    retired: dict[str, object] = {"retired": True} if source.retired_in(key["week"]) else {}
    return {**source.model_dump(mode="json", include={"domain", "columns", "kind"}), **retired}


STAGE = Stage(
    name="raw_prompts",
    group="sources",
    dimensions=SOURCE_WEEK,
    build=build,
    modules=(
        "am_assets.stages.capture",
        "am_assets.stages.sealing",
        "am_assets.stages.sources",
    ),
    reads=(
        Read("takedowns", SOURCE),
        Read("raw_prompts", SOURCE_WEEK, weeks="earlier"),
    ),
    config=_config,
    kinds=("dvc", "parquet"),
    description="A sealed capture of one source in one week: what is new, changed, repeated or "
    "vanished, with file, row and hash of every upstream row. Materializing it again reads the "
    "seal, not upstream.",
)
