"""raw_prompts: one week's sealed capture of one source (AM 2.1.1)."""

import dataclasses
from collections.abc import Iterator

from am_assets.core.ledger import Ledger
from am_assets.core.manifest import Manifest
from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import RAW, TAKEDOWNS, VANISHED, TableSchema
from am_assets.core.stage import (
    SOURCE,
    SOURCE_WEEK,
    Built,
    InputMissing,
    Key,
)
from am_assets.core.store import Snapshot
from am_assets.core.table_writer import WrittenTable
from am_assets.defs.artifact import artifact, own_earlier
from am_assets.defs.assets.takedowns import takedowns
from am_assets.defs.generators import GENERATORS
from am_assets.defs.pictures import counts_by
from am_assets.defs.weeks import week_keys
from am_assets.stages.sources import read_source
from am_assets.stages.sources.capture import EARLIER_COLUMNS, TAKEDOWN, capture_week
from am_assets.stages.sources.sealing import (
    SEAL,
    ErasedRow,
    Seal,
    SealedRow,
    Tombstone,
    erase,
    seal_of,
    sealed_rows,
    sealing,
)
from am_assets.stages.sources.takedowns import Takedowns, content_key, key_name


def forget(run: Run, built: Built, root: str) -> None:
    """Erase from the row memory what engines said about the samples that are taken down.

    More than are listed: also those that say the same under another id.
    """
    del root
    takedowns = Takedowns.of(Inputs(run, TAKEDOWNS.name).read())
    tables = (given for given in built.tables if not isinstance(given, WrittenTable))
    (table,) = (table for schema, table in tables if schema is RAW)
    gone = [
        row["sample_id"]
        for row in table.select(["sample_id", "content_hash"]).to_pylist()
        if takedowns.cover(row["sample_id"], row["content_hash"])
    ]
    erased = run.memory.erase(gone) if gone else 0
    if erased:
        run.log(f"Forgot {erased} remembered results of samples taken down")


def _config(profile: Profile, key: Key) -> dict[str, object]:
    # What the seal holds does not follow from where upstream is now.
    source = profile.sources[key["source"]]
    retired: dict[str, object] = {"retired": True} if source.retired_in(key["week"]) else {}
    return {**source.model_dump(mode="json", include={"domain", "columns", "kind"}), **retired}


def _facts(snapshot: Snapshot, profile: Profile, key: Key) -> dict[str, object]:
    """The seal that there is, which a capture is a function of, and the key of content hashes."""
    del profile
    published = snapshot.manifest(raw_prompts.ref(key))
    seal = published.counts.get("seal") if published else None
    return {
        "content_key": key_name(content_key(snapshot.store.root)),
        **({"seal": seal["root"]} if seal else {}),
    }


@artifact(
    SOURCE_WEEK,
    reads=(
        # The text of a sample may be upstream of any source.
        takedowns.same(every=SOURCE),
        own_earlier(passthrough=("occurrences",)),
    ),
    config=_config,
    facts=_facts,
    sealed=True,
    keeps=(SEAL,),
    derive=forget,
    decides=True,
    sample_tables=(RAW.name,),
    group_name="sources",
    kinds={"dvc", "parquet"},
)
def raw_prompts(run: Run, takedowns: Inputs, earlier: Inputs) -> Built:
    """A sealed capture of one source in one week: what is new, changed, repeated or vanished, with
    file, row and hash of every upstream row. Materializing it again reads the seal, not
    upstream.
    """
    name, week = run.key["source"], run.key["week"]
    source = run.profile.sources[name]
    ref, seal = str(run.stage.ref(run.key)), run.folder / SEAL
    _check_version(run, takedowns, TAKEDOWNS)
    _check_version(run, earlier, RAW)
    rows = _upstream(run) if run.published is None else _sealed(run, ref, run.published)
    capture = capture_week(
        sealing(rows, seal),
        source,
        name,
        week,
        [rows.select(EARLIER_COLUMNS) for rows in earlier.each(RAW.name)],
        Takedowns.of(takedowns.read()),
        content_key(run.root),
    )
    if source.retired_in(week):
        # Nobody looked upstream: nothing is known to have vanished there.
        capture = dataclasses.replace(capture, vanished=VANISHED.table([]))
    if capture.erased:
        erase(seal, ref, capture.erased)
    written = seal_of(seal, ref)
    return Built(
        [(RAW, capture.table), (VANISHED, capture.vanished)],
        Ledger(capture.rows_in, capture.kept, _positive(capture.dropped)),
        counts={
            "vanished": capture.vanished.num_rows,
            "changes": counts_by(capture.table, "change"),
            "seal": written._asdict(),
        },
        config={"seal": written.root},
    )


def _upstream(run: Run) -> Iterator[SealedRow]:
    name, week = run.key["source"], run.key["week"]
    if run.profile.sources[name].retired_in(week):
        return
    index = week_keys(run.profile).index(week)
    yield from read_source(run.profile.sources[name], name, index, run.profile.folder, GENERATORS)


def _sealed(run: Run, ref: str, published: Manifest) -> Iterator[SealedRow]:
    """The rows of the published seal, which must be what its manifest says."""
    seal = published.counts.get("seal")
    if seal is not None:
        yield from sealed_rows(run.published_file(SEAL), ref, Seal(**seal))
        return
    # A seal of an earlier version: its erased rows are in the table alone.
    erased = list(_erased_rows(run))
    rows_in = (published.ledger or {})["rows_in"]
    yield from sealed_rows(run.published_file(SEAL), ref, rows_in - len(erased))
    yield from erased


def _erased_rows(run: Run) -> Iterator[ErasedRow]:
    for row in run.published_table(RAW.name).to_pylist():
        if row["reason"] == TAKEDOWN:
            tombstone = Tombstone(row["sample_id"], row["kind"], None, None)
            for one in row["occurrences"]:
                yield ErasedRow(one["file"], one["row"], one["file_sha256"], tombstone)


def _check_version(run: Run, inputs: Inputs, schema: TableSchema) -> None:
    """Raise InputMissing for an input that lacks what this version decides by."""
    for ref in inputs.refs:
        version = run.manifest(ref).tables[schema.name]["schema_version"]
        if version != schema.version:
            raise InputMissing(
                f"{run.stage.ref(run.key)} needs {ref} in schema version {schema.version}, which "
                f"is published in version {version}: materialize {ref} first"
            )


def _positive(dropped: dict[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in dropped.items() if count}
