import json
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.identity import table_root
from am_assets.core.schema import RAW, kept
from am_assets.core.settings.sources import Columns, Source
from am_assets.stages.sources import UpstreamRow
from am_assets.stages.sources.capture import EARLIER_COLUMNS, Capture, capture_week
from am_assets.stages.sources.content import content_hash
from am_assets.stages.sources.sealing import ErasedRow, SealedRow, Tombstone
from am_assets.stages.sources.takedowns import TakedownError, Takedowns, key_name

SOURCE = Source(
    kind="files",
    location="*.jsonl",
    domain="math",
    licence="MIT",
    columns=Columns(prompt="q", reference_answer="a", upstream_key="k"),
)
WEEKS = ["2026-01-05", "2026-01-12", "2026-01-19"]


def upstream(rows: Iterable[tuple[str, str | None]], file: str = "f.jsonl") -> list[UpstreamRow]:
    return [
        UpstreamRow({"q": text, "a": "1", "k": key}, file, number, "sha")
        for number, (text, key) in enumerate(rows, 1)
    ]


def capture(
    rows: Sequence[SealedRow],
    earlier: Sequence[pa.Table] = (),
    takedowns: Iterable[str] = (),
    week: int = 0,
    hashes: Iterable[str] = (),
) -> Capture:
    """A capture of what identity columns of the earlier ones say: their roots cover no more."""
    listed = Takedowns(frozenset(takedowns), frozenset(hashes))
    covered = [table.select(EARLIER_COLUMNS) for table in earlier]
    return capture_week(rows, SOURCE, "numbers", WEEKS[week], covered, listed)


def erased(rows: Iterable[SealedRow], found: Capture) -> list[SealedRow]:
    """The rows of a seal after the capture has erased in it."""
    return [
        ErasedRow(row.file, row.row, row.file_sha256, stone)
        if (stone := found.erased.get((row.file, row.row)))
        else row
        for row in rows
    ]


def by_prompt(found: Capture) -> dict[str | None, dict[str, Any]]:
    return {row["prompt"]: row for row in found.table.to_pylist()}


def test_repeats_inside_the_source_collapse_into_one_row_with_its_occurrences():
    found = capture(upstream([("one", "x"), ("two", "y"), ("one", "z")]))
    row = by_prompt(found)["one"]
    assert [(one["row"], one["upstream_key"]) for one in row["occurrences"]] == [(1, "x"), (3, "z")]
    assert (row["upstream_key"], row["upstream_keys"], row["rows"]) == ("x", ["x", "z"], 2)
    assert (found.rows_in, found.kept) == (3, 2)
    assert found.dropped == {"repeat_in_source": 1, "repeated": 0, "takedown": 0}


def test_a_sample_of_an_earlier_week_is_dropped_as_repeated():
    first = capture(upstream([("one", "x")]))
    second = capture(upstream([("one", "x"), ("two", "y")]), [first.table], week=1)
    rows = by_prompt(second)
    # Its content stays with the capture that saw it first.
    repeated = rows[None]
    assert repeated["sample_id"] == first.table["sample_id"][0].as_py()
    assert (repeated["change"], repeated["decision"], repeated["reason"]) == (
        "repeated",
        "dropped",
        "repeated",
    )
    assert (rows["two"]["change"], rows["two"]["decision"]) == ("new", "kept")
    assert second.dropped["repeated"] == 1


def test_a_changed_row_supersedes_its_older_version():
    first = capture(upstream([("old", "x")]))
    second = capture(upstream([("newer", "x")]), [first.table], week=1)
    third = capture(upstream([("newest", "x")]), [first.table, second.table], week=2)
    (row,) = second.table.to_pylist()
    assert row["change"] == "changed"
    assert row["supersedes"] == first.table["sample_id"][0].as_py()
    assert third.table["supersedes"][0].as_py() == row["sample_id"]
    assert second.vanished["sample_id"].to_pylist() == first.table["sample_id"].to_pylist()


def test_an_older_version_that_is_still_upstream_is_not_superseded():
    first = capture(upstream([("old", "x")]))
    second = capture(upstream([("old", "y"), ("new", "x")]), [first.table], week=1)
    assert by_prompt(second)["new"]["change"] == "new"


def test_an_older_version_is_superseded_once():
    first = capture(upstream([("old", "x")]))
    second = capture(upstream([("a", "x"), ("b", "x")]), [first.table], week=1)
    assert sorted(row["change"] for row in second.table.to_pylist()) == ["changed", "new"]


def test_vanished_lists_what_was_upstream_in_the_last_week_only():
    first = capture(upstream([("one", None), ("two", None)]))
    second = capture(upstream([("one", None)]), [first.table], week=1)
    third = capture([], [first.table, second.table], week=2)
    assert second.vanished.num_rows == 1
    assert third.vanished["sample_id"].to_pylist() == [by_prompt(first)["one"]["sample_id"]]
    assert third.table.num_rows == 0


def test_nothing_vanishes_after_a_week_without_rows():
    first = capture(upstream([("one", None)]))
    second = capture([], [first.table], week=1)
    third = capture([], [first.table, second.table], week=2)
    assert third.vanished.num_rows == 0


def test_a_taken_down_sample_keeps_a_row_without_any_text():
    secret = "a secret text"
    rows = [UpstreamRow({"q": secret, "a": secret, "k": secret}, "f.jsonl", 1, "sha")]
    sample = capture(rows).table["sample_id"][0].as_py()
    found = capture(rows, takedowns=[sample])
    (row,) = found.table.to_pylist()
    assert (row["decision"], row["reason"]) == ("dropped", "takedown")
    assert secret not in json.dumps(row)
    assert found.dropped == {"repeat_in_source": 0, "repeated": 0, "takedown": 1}


def test_a_takedown_goes_before_a_repeat():
    first = capture(upstream([("one", "x")]))
    sample = first.table["sample_id"][0].as_py()
    second = capture(upstream([("one", "x")]), [first.table], [sample], week=1)
    assert second.table["reason"].to_pylist() == ["takedown"]


def test_the_same_text_under_another_id_or_key_is_taken_down_with_it():
    rows = upstream([("2 + 2, then?", "x"), ("2 + 2;  THEN?", "y"), ("2 - 2, then?", "z")])
    (known,) = {content_hash(text, b"") for text in ("2 + 2, then?", "2 + 2;  THEN?")}
    found = capture(rows, hashes=[str(known)])
    assert sorted(found.table["prompt"].to_pylist()) == ["", "", "2 - 2, then?"]
    assert found.dropped["takedown"] == 2
    assert {place: stone.content_hash for place, stone in found.erased.items()} == {
        ("f.jsonl", 1): known,
        ("f.jsonl", 2): known,
    }


def test_a_tombstone_is_the_row_it_was_left_by():
    rows = upstream([("one", "x"), ("two", "y"), ("one", "z")])
    sample = by_prompt(capture(rows))["one"]["sample_id"]
    found = capture(rows, takedowns=[sample])
    again = capture(erased(rows, found), takedowns=[sample])
    assert again.table.equals(found.table)
    assert (again.rows_in, again.kept, again.dropped) == (3, 1, found.dropped)
    assert again.erased == {}
    # Its text is gone, so that taking the takedown back brings nothing back.
    assert capture(erased(rows, found)).table.equals(found.table)


def test_what_is_taken_down_no_more_is_captured_anew_where_upstream_still_has_it():
    rows = upstream([("one", "x")])
    sample = capture(rows).table["sample_id"][0].as_py()
    first = capture(rows, takedowns=[sample])
    second = capture(rows, [first.table], week=1)
    (row,) = second.table.to_pylist()
    assert (row["prompt"], row["change"], row["decision"]) == ("one", "new", "kept")


def test_a_text_erased_under_another_key_is_an_error_that_names_the_remedy():
    stone = Tombstone("a" * 32, "math", "b" * 32, key_name(b"another"))
    with pytest.raises(TakedownError, match="put the former takedowns/key in place"):
        capture([ErasedRow("f.jsonl", 1, "sha", stone)])
    unknown = Tombstone("a" * 32, "math", None, None)
    assert capture([ErasedRow("f.jsonl", 1, "sha", unknown)]).dropped["takedown"] == 1


_rows = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.none() | st.sampled_from("xyz")), max_size=12
)


@given(_rows, _rows, st.randoms(use_true_random=False))
def test_a_capture_does_not_depend_on_upstreams_order(first, second, shuffle):
    earlier = [capture(upstream(first)).table]
    rows = upstream(second)
    mixed = list(rows)
    shuffle.shuffle(mixed)
    one, other = (capture(some, earlier, week=1) for some in (rows, mixed))
    assert table_root(one.table, "sample_id") == table_root(other.table, "sample_id")
    assert one.table.equals(other.table)
    assert one.vanished.equals(other.vanished)


@given(_rows, _rows)
def test_every_upstream_row_is_accounted_for(first, second):
    found = capture(upstream(second), [capture(upstream(first)).table], week=1)
    assert found.rows_in == len(second) == found.kept + sum(found.dropped.values())
    assert found.kept == kept(found.table).num_rows
    assert sum(len(o) for o in found.table["occurrences"].to_pylist()) == len(second)
    assert sum(found.table["rows"].to_pylist()) == len(second)


@given(_rows)
def test_the_same_upstream_again_brings_nothing_new(rows):
    first = capture(upstream(rows))
    again = capture(upstream(rows), [first.table], week=1)
    assert again.kept == 0
    assert again.vanished.num_rows == 0
    assert set(again.table["change"].to_pylist()) <= {"repeated"}


def test_a_recorded_verdict_is_kept_beside_the_sample_and_is_no_part_of_its_identity():
    columns = Columns(prompt="q", response="r", recorded_verdict="ok")
    source = SOURCE.model_copy(update={"columns": columns})

    def row(text: str, verdict: bool | None) -> UpstreamRow:
        return UpstreamRow({"q": text, "r": "4", "ok": verdict}, "f.jsonl", 1, "sha")

    said = [row("a", True), row("b", False), row("c", None), row("d", True), row("d", False)]
    found = by_prompt(capture_week(said, source, "numbers", WEEKS[0], (), Takedowns()))
    verdicts = {prompt: one["recorded_verdict"] for prompt, one in found.items()}
    assert verdicts == {"a": True, "b": False, "c": None, "d": None}
    other = capture_week([row("a", False)], source, "numbers", WEEKS[0], (), Takedowns())
    assert by_prompt(other)["a"]["sample_id"] == found["a"]["sample_id"]


_texts = st.sampled_from(["a, b", "a; b", "c", "d", "e"])
_history = st.lists(
    st.tuples(
        st.lists(st.tuples(_texts, st.none() | st.sampled_from("xyz")), max_size=6),
        st.sets(_texts),
        st.sets(_texts),
    ),
    min_size=1,
    max_size=3,
)


def _listed(texts: Iterable[str]) -> list[str]:
    return [str(content_hash(text, b"")) for text in texts]


def _facts(seal: Iterable[SealedRow], hashes: Iterable[str], roots: Iterable[str]) -> object:
    """What the derivation of a capture covers."""
    said = [(r.file, r.row, r.erased if isinstance(r, ErasedRow) else str(r.data)) for r in seal]
    return str(said), tuple(sorted(hashes)), tuple(roots)


_SEEN: dict[object, str] = {}
"""Root by derivation, over all the histories that are tried."""


@given(_history, st.permutations(range(6)))
def test_equal_derivations_mean_equal_roots_whatever_the_history(history, order):
    """Weeks of upstream edits, key moves, takedowns and their undoing; re-made in any order."""
    seals: list[list[SealedRow]] = []
    tables: list[pa.Table] = []

    def remake(week: int, hashes: list[str], rows: list[SealedRow]) -> None:
        earlier = tables[:week]
        found = capture(rows, earlier, week=week, hashes=hashes)
        after = erased(rows, found)
        root = table_root(found.table, RAW.id_column)
        before = [table_root(table, RAW.id_column) for table in earlier]
        assert _SEEN.setdefault((week, _facts(after, hashes, before)), root) == root
        assert found.rows_in == len(rows) == found.kept + sum(found.dropped.values())
        assert sum(found.table["rows"].to_pylist()) == found.rows_in
        texts = set(_listed(str(text) for text in kept(found.table)["prompt"].to_pylist()))
        assert not texts & set(hashes)
        # What a seal holds after the work gives the same again: nothing is left to do.
        assert capture(after, earlier, week=week, hashes=hashes).table.equals(found.table)
        seals[week:], tables[week:] = (
            [after, *seals[week + 1 :]],
            [found.table, *tables[week + 1 :]],
        )

    for week, (rows, first, _) in enumerate(history):
        remake(week, _listed(first), list(upstream(rows)))
    for number in order:
        week = number % len(history)
        remake(week, _listed(history[week][2 if number < 3 else 1]), seals[week])


@given(_history)
def test_a_takedown_before_the_capture_and_one_after_it_end_at_the_same(history):
    first: list[pa.Table] = []
    later: list[pa.Table] = []
    hashes = _listed(history[-1][1])
    for week, (rows, _, _) in enumerate(history):
        listed = list(upstream(rows))
        found = capture(listed, first, week=week, hashes=hashes)
        first.append(found.table)
        untouched = capture(listed, later, week=week)
        applied = capture(erased(listed, untouched), later, week=week, hashes=hashes)
        later.append(applied.table)
        assert erased(listed, applied) == erased(listed, found)
    assert all(one.equals(other) for one, other in zip(first, later, strict=True))
