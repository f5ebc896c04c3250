"""Every row has one fate: checked by set arithmetic over ids, on the published tables.

Independent of what the package's ledger reads: ids are taken from the rows themselves.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from am_assets.core.ledger import LedgerError
from am_assets.defs.project import CHAIN
from am_assets.lineage.ledger import Scope, WeekLedger, week_ledgers
from am_assets_tests.support.histories.project import Folder

Ids = set[str]
Cells = dict[tuple[str, str], Ids]
"""Ids by source and week."""

Row = Mapping[str, Any]


class Fates:
    """The published tables of the profile's weeks up to the last that has an SFT dataset."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        manifests = folder.manifests()
        made = [week for week in folder.weeks if f"sft_dataset {week}" in manifests]
        self.weeks = [week for week in folder.weeks if made and week <= made[-1]]
        self.sources = set(folder.profile.sources)
        self.rows: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        """By table and week of the artifact, of sources that left the profile too."""
        self._wholes = {name: list(manifest.tables) for name, manifest in sorted(manifests.items())}
        for name, tables in self._wholes.items():
            asset, _, partition = name.partition(" ")
            *source, week = partition.split("|")
            if week not in self.weeks or asset in ("scores", "checkpoint", "embedding_index"):
                continue
            # Sources that left end in `deduplicated`, which reads their prompts as they are.
            if source and source[0] not in self.sources:
                whole = f"prompts {partition}" in self._wholes
                if asset not in ("raw_prompts", "prompts") or not whole:
                    continue
            for table in tables:
                if table not in ("returned_vectors", "vanished"):
                    rows = folder.table(asset, table, *partition.split("|"))
                    self.rows[table, week] += rows

    def cells(self, table: str, *decisions: str) -> Cells:
        """Ids of the rows of `table` with one of `decisions` (default: any), no id doubled."""
        found: Cells = defaultdict(set)
        for week in self.weeks:
            for row in self.rows[table, week]:
                if not decisions or row["decision"] in decisions:
                    place = (row["source"], week)
                    assert row["sample_id"] not in found[place], (table, place)
                    found[place].add(row["sample_id"])
        return {place: ids for place, ids in found.items() if ids}

    def returned(self) -> Cells:
        """Rows that weeks decide again."""
        return self.cells("returned")

    def dataset(self) -> list[Row]:
        """The latest SFT dataset."""
        return self.rows["sft_dataset", self.weeks[-1]]


def differences(fates: Fates) -> list[str]:
    """Where a stage does not hold the rows that the one before it keeps."""
    returned = fates.returned()
    kept = fates.cells("prompts", "kept")
    # Of two generations a row may return to a week that has it as its own by now.
    twice = [
        f"deduplicated {source}|{week}"
        for (source, week), ids in returned.items()
        if ids & kept.get((source, week), set())
    ]
    for place, ids in returned.items():
        kept[place] = ids | kept.get(place, set())
    dataset: Cells = defaultdict(set)
    for row in fates.dataset():
        dataset[row["source"], row["week"]].add(row["sample_id"])
    pairs = {
        "prompts": (fates.cells("raw_prompts", "kept"), fates.cells("prompts")),
        "deduplicated": (kept, fates.cells("deduplicated")),
        "labels": (fates.cells("deduplicated", "kept"), fates.cells("labels")),
        "verified": (fates.cells("labels", "kept"), fates.cells("verified")),
        "sft_dataset": (fates.cells("verified", "kept"), dict(dataset)),
    }
    return twice + [
        f"{stage} {source}|{week}"
        for stage, (keeps, holds) in pairs.items()
        for source, week in sorted(keeps.keys() | holds.keys())
        if keeps.get((source, week), set()) != holds.get((source, week), set())
    ]


def check_ids(folder: Folder) -> None:
    """Raise AssertionError where rows are lost, doubled or of two fates; all must be fresh."""
    fates = Fates(folder)
    assert fates.weeks == folder.weeks
    assert differences(fates) == []
    for rows in (fates.rows["deduplicated", week] for week in fates.weeks):
        for row in rows:
            left = row["source"] not in fates.sources
            assert left == (row["reason"] == "source_retired"), row["sample_id"]
    released = {row["sample_id"] for row in fates.rows["release", fates.weeks[-1]]}
    assert released == {r["sample_id"] for r in fates.dataset() if r["decision"] == "kept"}
    captured = [one for ids in fates.cells("raw_prompts", "kept").values() for one in ids]
    assert len(captured) == len(set(captured))
    final = {sample: stage for sample, stage in _final(fates)}
    assert final.keys() == set(captured)
    assert released == {sample for sample, stage in final.items() if stage == "released"}
    _check_twins(fates, released)
    _check_texts(folder, fates)
    _check_ledger(fates, _ledgers(folder))


def check_named(folder: Folder) -> None:
    """Raise AssertionError where the ledger is content with rows that do not add up."""
    fates = Fates(folder)
    if not fates.weeks:
        return
    found = differences(fates)
    try:
        _ledgers(folder)
    except LedgerError as error:
        # What it names must be so: something has to be made again.
        if not found and not folder.stale():
            raise AssertionError(f"named, and all is well: {error}") from error
        return
    assert found == [], found


def _ledgers(folder: Folder) -> list[WeekLedger]:
    return week_ledgers(folder.store.snapshot(), CHAIN, scope=Scope.of(folder.profile))


def _final(fates: Fates) -> Iterator[tuple[str, str]]:
    """Every sample with the stage that decided it last; a sample has one."""
    moved = {
        (row["sample_id"], row["from_stage"], row["from_week"])
        for week in fates.weeks
        for row in fates.rows["returned", week]
    }
    seen: Ids = set()
    for table in ("prompts", "deduplicated", "labels", "verified", "sft_dataset"):
        for week in fates.weeks if table != "sft_dataset" else fates.weeks[-1:]:
            for row in fates.rows[table, week]:
                sample = row["sample_id"]
                decided = table == "sft_dataset" or row["decision"] != "kept"
                if decided and (sample, table, week) not in moved:
                    assert sample not in seen, (sample, table)
                    seen.add(sample)
                    yield sample, "released" if row["decision"] == "kept" else table


def _check_twins(fates: Fates, released: Ids) -> None:
    """No row is dropped for a twin that is gone, unless the twin's own fate came after dedup."""
    latest: dict[str, tuple[str, str, str | None]] = {}
    superseded: Ids = set()
    for week in fates.weeks:
        superseded |= {row["sample_id"] for row in fates.rows["superseded", week]}
        for table in ("prompts", "deduplicated"):
            for row in fates.rows[table, week]:
                found = (table, row["decision"], _twin(row["evidence"]))
                latest[row["sample_id"]] = found
    for sample, (table, _, twin) in latest.items():
        if twin is not None and sample not in superseded:
            assert twin not in superseded, (sample, twin)
            assert table == "prompts" or latest[twin][1] == "kept", (sample, twin)
            assert latest[twin][0] == "deduplicated", (sample, twin)
    assert not released & superseded


def _check_texts(folder: Folder, fates: Fates) -> None:
    """No row of the profile has a text that is taken down."""
    ids, hashes = folder.taken_down()
    for week in fates.weeks:
        for row in fates.rows["raw_prompts", week]:
            if row["source"] in fates.sources and (
                row["sample_id"] in ids or row["content_hash"] in hashes
            ):
                assert (row["prompt"], row["reason"]) == ("", "takedown"), row["sample_id"]


def _twin(evidence: str | None) -> str | None:
    return json.loads(evidence).get("twin") if evidence else None


def _check_ledger(fates: Fates, ledgers: list[WeekLedger]) -> None:
    """Raise AssertionError where the ledger counts other rows than the tables have."""
    moved = Counter(
        (row["from_week"], row["from_stage"], row["from_reason"])
        for week in fates.weeks
        for row in fates.rows["returned", week]
    )
    assert [one.week for one in ledgers] == fates.weeks
    for one in ledgers:
        week = one.week
        raw = fates.rows["raw_prompts", week]
        dropped = Counter({("raw_prompts", "repeat_in_source"): sum(r["rows"] - 1 for r in raw)})
        stages = {table: fates.rows[table, week] for table in CHAIN[:-1]}
        stages["sft_dataset"] = [row for row in fates.dataset() if row["week"] == week]
        for stage, rows in stages.items():
            dropped.update((stage, r["reason"]) for r in rows if r["decision"] == "dropped")
        for (from_week, stage, reason), rows in moved.items():
            if from_week == week:
                dropped[stage, reason] -= rows
                dropped[stage, "returned"] += rows
        assert {**+one.dropped} == {**+dropped}, week
        assert one.rows_in == sum(row["rows"] for row in raw), week
        assert one.came_back == len(fates.rows["returned", week]), week
        kept = [row for row in stages["sft_dataset"] if row["decision"] == "kept"]
        assert (one.released, one.pending.total()) == (len(kept), 0), week
