"""Ledgers of weeks and the audit of what was planted, over small stores of made-up artifacts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from am_assets.core.id_set import IdCounter, written
from am_assets.core.ledger import Ledger, LedgerError
from am_assets.core.manifest import Manifest, Ref
from am_assets.core.schema import DEDUPLICATED, EXISTING_VERDICTS, PROMPTS, RAW, TableSchema
from am_assets.core.store import Store, write_table
from am_assets.defs.project import CHAIN
from am_assets.lineage.ledger import week_ledgers
from am_assets.mini.upstream.audit import Finding, audit, audit_section
from am_assets.mini.upstream.truth import planted_truth
from am_assets.operations.report import ledger_table

ONE, TWO = "2025-01-06", "2025-01-13"


def _publish(
    store: Store,
    ref: Ref,
    ledger: Ledger | None = None,
    counts: dict[str, Any] | None = None,
    tables: Iterable[tuple[TableSchema, pa.Table]] = (),
    ids: dict[str, dict[str, str]] | None = None,
) -> None:
    with store.workspace() as scratch:
        folder = scratch / "data"
        folder.mkdir()
        (folder / "name.txt").write_text(str(ref))
        for schema, table in tables:
            write_table(table, folder, schema.name)
        manifest = Manifest(
            profile=store.profile,
            ref=ref,
            root=str(ref),
            tables={},
            derivation="d",
            inputs=[],
            code_version="1",
            config={},
            models={},
            complete=True,
            ledger=ledger.as_dict() if ledger else None,
            counts=counts or {},
            ids=ids,
            environment={},
            dvc=store.add(folder),
        )
        store.publish(manifest, {}, folder)


def _week(store: Store, week: str, ledgers: dict[str, list[Ledger]]) -> None:
    for asset, parts in ledgers.items():
        for number, ledger in enumerate(parts):
            sources = () if asset == "deduplicated" else (f"s{number}",)
            _publish(store, Ref(asset=asset, partition=(*sources, week)), ledger)


def _sft(store: Store, week: str, by_week: dict[str, Ledger]) -> None:
    counts = {"by_week": {name: ledger.as_dict() for name, ledger in by_week.items()}}
    _publish(store, Ref(asset="sft_dataset", partition=(week,)), counts=counts)


@pytest.fixture
def store(project: Path) -> Store:
    """Two weeks that add up: ten rows, then four; the later week drops a row of the earlier."""
    store = Store(project, "tiny")
    _week(
        store,
        ONE,
        {
            "raw_prompts": [Ledger(6, 5, {"repeat_in_source": 1}), Ledger(4, 4)],
            "prompts": [Ledger(5, 4, {"url": 1}), Ledger(4, 4)],
            "deduplicated": [Ledger(8, 7, {"contaminated": 1})],
            "labels": [Ledger(4, 4), Ledger(3, 2, {}, {"no_model": 1})],
            "verified": [Ledger(4, 3, {"no_response": 1}), Ledger(2, 2)],
        },
    )
    _sft(store, ONE, {ONE: Ledger(5, 5)})
    return store


def _second_week(store: Store) -> None:
    for asset in CHAIN[:-1]:
        _week(store, TWO, {asset: [Ledger(4, 4)]})
    _sft(store, TWO, {ONE: Ledger(5, 4, {"superseded": 1}), TWO: Ledger(4, 4)})


def test_every_row_of_a_week_is_in_its_ledger(store: Store) -> None:
    (week,) = week_ledgers(store.snapshot(), CHAIN)
    found = week.as_dict()
    assert found.pop("unchecked")[0] == "raw_prompts s0|2025-01-06"
    assert found == {
        "week": ONE,
        "rows_in": 10,
        "came_back": 0,
        "dropped": {
            "raw_prompts": {"repeat_in_source": 1},
            "prompts": {"url": 1},
            "deduplicated": {"contaminated": 1},
            "verified": {"no_response": 1},
        },
        "pending": {"labels": {"no_model": 1}},
        "released": 5,
    }


def test_a_later_week_can_drop_rows_of_an_earlier_one(store: Store) -> None:
    _second_week(store)
    first, second = week_ledgers(store.snapshot(), CHAIN)
    assert first.dropped["sft_dataset", "superseded"] == 1
    assert (first.released, second.released) == (4, 4)
    assert [week.released for week in week_ledgers(store.snapshot(), CHAIN, ONE)] == [5]
    table = ledger_table([first, second])
    assert table.row_count == 8


def test_rows_that_nobody_accounts_for_are_an_error(store: Store) -> None:
    _week(store, ONE, {"prompts": [Ledger(5, 5), Ledger(4, 4)]})
    with pytest.raises(LedgerError, match=f"week {ONE}: 10 rows came in, 9 have a fate"):
        week_ledgers(store.snapshot(), CHAIN)


def _with_ids(store: Store, asset: str, partition: tuple[str, ...], **fates: str) -> None:
    """Publish an artifact of one source `s0` that holds the ids in `fates`, a letter each."""
    counter = IdCounter()
    for fate, ids in fates.items():
        for sample in ids:
            counter.add(fate, "s0", ONE, sample)
    dropped = {"url": len(fates["dropped"])} if "dropped" in fates else {}
    kept = len(fates.get("kept", ""))
    ledger = Ledger(kept + sum(dropped.values()), kept, dropped)
    counts = {"by_week": {ONE: ledger.as_dict()}} if asset == "sft_dataset" else {}
    ref = Ref(asset=asset, partition=partition)
    _publish(store, ref, ledger, counts, ids=written(counter.cells()))


def test_as_many_other_rows_are_not_the_same_rows(project: Path) -> None:
    store = Store(project, "tiny")
    _with_ids(store, "raw_prompts", ("s0", ONE), kept="abc")
    _with_ids(store, "prompts", ("s0", ONE), kept="ab", dropped="c")
    _with_ids(store, "deduplicated", (ONE,), kept="a", dropped="b")
    _with_ids(store, "labels", ("s0", ONE), kept="a")
    _with_ids(store, "verified", ("s0", ONE), kept="a")
    _with_ids(store, "sft_dataset", (ONE,), kept="a")
    (week,) = week_ledgers(store.snapshot(), CHAIN)
    assert (week.released, week.unchecked) == (1, ())
    _with_ids(store, "release", (ONE,), kept="b")
    assert week_ledgers(store.snapshot(), CHAIN)  # it is of another dataset
    _with_ids(store, "labels", ("s0", ONE), kept="b")
    message = (
        rf"labels s0\|{ONE} holds 1 rows that are not the 1 that deduplicated {ONE} keeps.*"
        rf"materialize labels s0\|{ONE} and what follows it again"
    )
    with pytest.raises(LedgerError, match=message):
        week_ledgers(store.snapshot(), CHAIN)


def test_a_week_that_is_captured_and_not_in_the_dataset_is_named(store: Store) -> None:
    _second_week(store)
    _with_ids(store, "raw_prompts", ("s9", ONE), kept="a")
    with pytest.raises(LedgerError, match="rows came in"):
        week_ledgers(store.snapshot(), CHAIN)


def test_without_an_sft_dataset_there_is_no_ledger(project: Path) -> None:
    with pytest.raises(LedgerError, match="no sft_dataset is materialized yet"):
        week_ledgers(Store(project, "tiny").snapshot(), CHAIN)


_REASONS = {
    "exact_duplicate": "exact_duplicate",
    "near_duplicate": "semantic_duplicate",
    "contaminated": "contaminated",
    "junk": "url",
}


def _planted(store: Store, miss: set[str], extra: bool) -> dict[str, str]:
    """Publish a week in which all planted rows are found but `miss`; returns sample ids by key."""
    prompts: list[dict[str, Any]] = []
    decided: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    raw: list[dict[str, Any]] = []
    truth = [row for row in planted_truth() if row["week"] == 0]
    if extra:
        truth.append({"source": "mini_math", "upstream_key": "honest", "planted": "junk"})
    for row in truth:
        key, sort = row["upstream_key"], row["planted"]
        same = {"sample_id": f"id-{row['source']}-{key}", "source": row["source"], "week": ONE}
        raw.append({**same, "decision": "kept", "occurrences": [{"upstream_key": key}]})
        reason = None if key in miss else _REASONS.get(sort)
        fate = {"decision": "dropped" if reason else "kept", "reason": reason}
        early = sort in ("junk", "exact_duplicate")
        prompts.append({**same, **(fate if early else {"decision": "kept"})})
        if not early or not reason:
            decided.append({**same, **({"decision": "kept"} if early else fate)})
        if sort == "wrong_response":
            wrong = "kept" if key in miss else "dropped"
            verdicts.append({**same, "response_id": same["sample_id"], "decision": wrong})
    for name in sorted({row["source"] for row in raw}):
        for schema, rows in ((RAW, raw), (PROMPTS, prompts), (EXISTING_VERDICTS, verdicts)):
            table = schema.table(row for row in rows if row["source"] == name)
            ref = Ref(asset=schema.name, partition=(name, ONE))
            _publish(store, ref, tables=[(schema, table)])
    ref = Ref(asset=DEDUPLICATED.name, partition=(ONE,))
    _publish(store, ref, tables=[(DEDUPLICATED, DEDUPLICATED.table(decided))])
    return {row["upstream_key"]: row["planted"] for row in truth}


def _by_sort(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.sort: finding for finding in findings}


def test_the_audit_of_a_pipeline_that_finds_everything_is_clean(project: Path) -> None:
    store = Store(project, "mini")
    planted = _planted(store, set(), extra=False)
    found = _by_sort(audit(store.snapshot(), ONE))
    assert set(found) == {"duplicates", "contaminated", "junk", "wrong responses"}
    for finding in found.values():
        assert finding.planted > 0
        assert (finding.missed, finding.wrong) == ((), ()), finding.sort
        assert finding.recall == finding.precision == 1.0
    assert found["junk"].planted == list(planted.values()).count("junk")


def test_the_audit_names_what_was_missed_and_what_was_wrongly_reported(project: Path) -> None:
    store = Store(project, "mini")
    rows = [row for row in planted_truth() if row["week"] == 0]
    missed = {
        sort: next(row["upstream_key"] for row in rows if row["planted"] == sort)
        for sort in ("contaminated", "junk", "wrong_response")
    }
    _planted(store, set(missed.values()), extra=True)
    found = _by_sort(audit(store.snapshot(), ONE))
    assert [row.key for row in found["contaminated"].missed] == [missed["contaminated"]]
    assert [row.key for row in found["junk"].missed] == [missed["junk"]]
    assert [row.key for row in found["wrong responses"].missed] == [missed["wrong_response"]]
    assert [row.key for row in found["junk"].wrong] == ["honest"]
    assert found["junk"].recall < 1
    assert found["junk"].precision < 1
    heading, text = audit_section(store.snapshot(), ONE)
    assert heading
    assert f"/{missed['contaminated']}" in text
    assert "mini_math/honest" in text
