"""Captures and takedowns over real git and DVC: sealed once, read whole, and what is down stays."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

from am_assets.core.git_command import GitError
from am_assets.core.identity import digest
from am_assets.core.materialize import Materialized
from am_assets.core.memory import Entry
from am_assets.core.stage import InputMissing
from am_assets.core.store import StoreError
from am_assets.defs.assets.raw_prompts import raw_prompts
from am_assets.defs.assets.takedowns import takedowns
from am_assets.stages.sources.sealing import SEAL, ErasedRow, SealError
from am_assets.stages.sources.takedowns import TakedownError
from am_assets_tests.conftest import TINY, WEEK, git, write_jsonl, write_tiny
from am_assets_tests.integration.attacking.captures import (
    Captures,
    go_on,
    next_line,
    start_capture,
)

SECOND = "2025-01-13"
TEXTS = ["Two pears, then three more: how many?", "What is 3 + 4?", "What is 10²?"]
VARIANT = "two pears; then three more - how many"


def _rows(*texts: str, first: int = 0) -> list[dict[str, Any]]:
    return [
        {"key": f"k{number}", "question": text, "answer": "7"}
        for number, text in enumerate(texts, first)
    ]


def _write(folder: Path) -> Captures:
    source = {
        **TINY["sources"]["sums"],
        "columns": {"prompt": "question", "reference_answer": "answer", "upstream_key": "key"},
    }
    write_tiny(
        folder,
        weeks={"start": WEEK, "last": SECOND},
        sources={"sums": source, "tasks": {**source, "location": "tasks.jsonl"}},
    )
    write_jsonl(folder / "sums.jsonl", _rows(*TEXTS))
    write_jsonl(folder / "tasks.jsonl", _rows(VARIANT, "What is 102?", "What is 3 - 4?", first=9))
    return Captures(folder)


@pytest.fixture
def captures(project: Path) -> Captures:
    """Two sources, captured in the first of two weeks."""
    made = _write(project)
    made.make_all(weeks=1)
    return made


def _id(captures: Captures, text: str, source: str = "sums", week: int = 0) -> str:
    rows = captures.raw(source, week).to_pylist()
    return next(row["sample_id"] for row in rows if row["prompt"] == text)


def _fates(captures: Captures, source: str = "sums", week: int = 0) -> dict[str, str | None]:
    rows = captures.raw(source, week).to_pylist()
    return {row["sample_id"]: row["reason"] for row in rows}


def _make(captures: Captures, source: str = "sums", week: str = WEEK) -> Materialized:
    return captures.make(raw_prompts, source=source, week=week)


def test_a_capture_again_is_nothing_to_do_and_then_reads_its_seal(captures: Captures) -> None:
    assert _make(captures).reused
    write_jsonl(captures.folder / "sums.jsonl", _rows("other"))
    before = captures.manifest(raw_prompts, {"source": "sums", "week": WEEK})
    assert before.counts["seal"]["rows"] == 3
    captures.list_down(_id(captures, TEXTS[1]))
    captures.make(takedowns, source="sums")
    made = _make(captures)
    assert not made.reused
    assert made.manifest.ledger == {
        "rows_in": 3,
        "kept": 2,
        "dropped": {"takedown": 1},
        "pending": {},
    }
    assert _make(captures).reused


def test_what_is_taken_down_is_gone_from_every_source_week_and_the_memory(
    captures: Captures,
) -> None:
    gone, twin = _id(captures, TEXTS[0]), _id(captures, VARIANT, "tasks")
    key = digest("request")
    captures.store.memory.put("generation", [Entry(key, b"answer", twin)])
    captures.list_down(gone)
    # In the second week the text comes under another key and id.
    write_jsonl(captures.folder / "sums.jsonl", _rows(TEXTS[0].upper(), TEXTS[1], first=20))
    captures.make_all()
    assert _fates(captures)[gone] == "takedown"
    assert _fates(captures, "tasks")[twin] == "takedown"
    assert sorted(captures.raw("tasks")["prompt"].to_pylist()) == [
        "",
        "What is 102?",
        "What is 3 - 4?",
    ]
    assert sorted(str(reason) for reason in _fates(captures, "sums", 1).values()) == [
        "repeated",
        "takedown",
    ]
    assert captures.store.memory.get("generation", [(key, twin)]) == {}
    for source, week in (("sums", 0), ("tasks", 0), ("sums", 1)):
        (stone,) = [row for row in captures.sealed(source, week) if isinstance(row, ErasedRow)]
        assert stone.erased.content_hash is not None
    assert all(outcome.derivation for outcome in captures.make_all())
    assert _make(captures).reused


def test_a_text_is_taken_down_by_its_hash_alone(captures: Captures) -> None:
    (hash_,) = {
        row["content_hash"] for row in captures.raw().to_pylist() if row["prompt"] == TEXTS[0]
    }
    captures.list_down(f"content:{hash_}", source="tasks")
    captures.make_all(weeks=1)
    assert list(_fates(captures).values()).count("takedown") == 1
    assert list(_fates(captures, "tasks").values()).count("takedown") == 1


def test_under_another_mapping_the_text_stays_down(captures: Captures) -> None:
    captures.list_down(_id(captures, TEXTS[0]))
    captures.make_all(weeks=1)
    source = {
        **TINY["sources"]["sums"],
        "columns": {"prompt": "question", "upstream_key": "key"},
    }
    sources = {"sums": source, "tasks": {**source, "location": "tasks.jsonl"}}
    write_tiny(captures.folder, weeks={"start": WEEK, "last": SECOND}, sources=sources)
    write_jsonl(captures.folder / "sums.jsonl", _rows(VARIANT, TEXTS[1]))
    write_jsonl(captures.folder / "tasks.jsonl", _rows(TEXTS[0]))
    mapped = Captures(captures.folder)
    mapped.make_all()
    for source_name in ("sums", "tasks"):
        for week in (0, 1):
            prompts = mapped.raw(source_name, week)["prompt"].to_pylist()
            assert not {TEXTS[0], VARIANT} & set(prompts)


def test_a_takedown_taken_back_is_another_derivation_and_says_what_is_gone(
    captures: Captures,
) -> None:
    never = captures.manifest(raw_prompts, {"source": "sums", "week": WEEK})
    gone = _id(captures, TEXTS[0])
    path = captures.list_down(gone)
    applied = captures.make_all(weeks=1)[0]
    path.unlink()
    back = captures.make_all(weeks=1)[0]
    assert len({never.derivation, applied.derivation, back.derivation}) == 3
    assert (back.root, back.ledger) == (applied.root, applied.ledger)
    assert _fates(captures)[gone] == "takedown"
    # Upstream has it still, so that the next week has it anew.
    captures.make_all()
    assert _id(captures, TEXTS[0], week=1) == gone
    assert _fates(captures, week=1)[gone] is None


def test_a_takedown_before_the_capture_ends_where_one_after_it_does(
    captures: Captures, new_project: Callable[[], Path]
) -> None:
    gone = _id(captures, TEXTS[0])
    captures.list_down(gone)
    later = captures.make_all()
    other = _write(new_project())
    other.list_down(gone)
    # Nothing is captured that could tell the id's text: it is known by the second run.
    other.make_all(weeks=1)
    first = other.make_all()
    assert [one.derivation for one in first] == [one.derivation for one in later]
    assert [one.root for one in first] == [one.root for one in later]
    assert [one.derivation for one in other.make_all()] == [one.derivation for one in first]


def test_the_list_of_a_source_that_left_holds_for_the_others(captures: Captures) -> None:
    gone = _id(captures, TEXTS[0])
    source = TINY["sources"]["sums"]
    columns = {"prompt": "question", "reference_answer": "answer", "upstream_key": "key"}
    left = {"tasks": {**source, "columns": columns, "location": "tasks.jsonl"}}
    write_tiny(captures.folder, weeks={"start": WEEK, "last": SECOND}, sources=left)
    captures.list_down(gone)
    rest = Captures(captures.folder)
    write_jsonl(captures.folder / "tasks.jsonl", _rows(VARIANT))
    rest.make_all()
    assert list(_fates(rest, "tasks").values()).count("takedown") == 1


BAD = {
    "a" * 32: r"takedowns/tiny/sums.txt, line 2: no published capture has a sample of source sums",
    f"content:{'a' * 32}": r"takedowns/tiny/sums.txt, line 2: no published capture has a text",
    "What is 3 + 4?": r"takedowns/tiny/sums.txt, line 2: a takedown is a sample id of 32 hex",
}


@pytest.mark.parametrize("line", BAD)
def test_a_line_that_means_nothing_is_an_error_before_anything_changes(
    captures: Captures, line: str
) -> None:
    head = captures.store.branch.head()
    captures.list_down(_id(captures, TEXTS[0]), line)
    for source in ("sums", "tasks"):
        with pytest.raises(TakedownError, match=BAD[line]):
            captures.make(takedowns, source=source)
    assert captures.store.branch.head() == head


def test_an_id_of_another_source_and_a_list_of_no_source_are_errors(captures: Captures) -> None:
    path = captures.list_down(_id(captures, VARIANT, "tasks"))
    with pytest.raises(TakedownError, match="has a sample of source sums"):
        captures.make(takedowns, source="sums")
    path.unlink()
    captures.list_down(_id(captures, VARIANT, "tasks"), source="task")
    with pytest.raises(TakedownError, match=r"task.txt is the list of no source .* tasks.txt"):
        captures.make(takedowns, source="sums")


def test_another_key_after_something_was_erased_is_an_error(captures: Captures) -> None:
    captures.list_down(_id(captures, TEXTS[0]))
    captures.make_all(weeks=1)
    (captures.folder / "takedowns" / "key").write_text("another\n")
    for source in ("sums", "tasks"):
        captures.make(takedowns, source=source)
    with pytest.raises(TakedownError, match="put the former takedowns/key in place"):
        _make(captures)


def test_a_cut_seal_is_named_and_publishes_nothing(captures: Captures) -> None:
    captures.list_down(_id(captures, TEXTS[0]))
    whole = captures.seal().read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        captures.replace_files(lambda folder, n=size: _cut(folder / SEAL, n))
        captures.make(takedowns, source="sums")
        captures.make(takedowns, source="tasks")
        head = captures.store.branch.head()
        with pytest.raises(SealError, match=r"raw_prompts sums\|2025-01-06 is not whole"):
            _make(captures)
        assert captures.store.branch.head() == head


def _cut(path: Path, size: int) -> None:
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:size])


def test_a_capture_of_the_earlier_form_is_read_and_its_tombstones_are_kept(
    captures: Captures,
) -> None:
    captures.list_down(_id(captures, TEXTS[0]))
    made = captures.make_all(weeks=1)[0]
    captures.list_down()

    def age(folder: Path) -> None:
        """A seal without its erased rows and without a checksum, a table without new columns."""
        lines = (
            zstandard.ZstdDecompressor().decompressobj().decompress((folder / SEAL).read_bytes())
        )
        kept = b"".join(line for line in lines.splitlines(keepends=True) if b'"erased"' not in line)
        (folder / SEAL).write_bytes(zstandard.compress(kept))
        table = pq.read_table(folder / "raw_prompts.parquet")
        old = table.drop_columns(["content_hash", "upstream_keys", "rows"])
        pq.write_table(old, folder / "raw_prompts.parquet")

    captures.replace_files(
        age,
        counts={},
        config={},
        derivation="old",
        code_version="old",
        tables={**made.tables, "raw_prompts": {"schema_version": 2, "root": "r", "rows": 3}},
    )
    for source in ("sums", "tasks"):
        captures.make(takedowns, source=source)
    with pytest.raises(InputMissing, match=r"version 2: materialize raw_prompts sums\|2025-01-06"):
        _make(captures, week=SECOND)
    again = _make(captures).manifest
    assert (again.ledger, again.counts["seal"]["rows"]) == (made.ledger, 3)
    assert sorted(captures.raw()["prompt"].to_pylist()) == sorted(["", *TEXTS[1:]])
    assert _make(captures).reused
    assert _make(captures, week=SECOND).manifest.ledger is not None


def test_a_capture_whose_branch_is_gone_is_not_begun_anew(captures: Captures) -> None:
    write_jsonl(captures.folder / "sums.jsonl", _rows("other"))
    git(captures.folder, "update-ref", "-d", "refs/heads/am-data")
    with pytest.raises(GitError, match="the branch am-data is gone, and was last seen at"):
        _make(captures)
    # Begun anew on purpose, it still does not take what lies in `data/` for nothing.
    git(captures.folder, "update-ref", "-d", "refs/am-assets/am-data")
    for source in ("sums", "tasks"):
        captures.make(takedowns, source=source)
    with pytest.raises(
        StoreError, match=r"raw_prompts sums\|2025-01-06 is sealed and lies in data"
    ):
        _make(captures)
    shutil.rmtree(captures.folder / "data" / "tiny" / "raw_prompts" / "sums")
    assert (
        captures.store.snapshot().manifest(raw_prompts.ref({"source": "sums", "week": WEEK}))
        is None
    )
    assert _make(captures).manifest.counts["seal"]["rows"] == 1


def test_of_two_captures_at_once_the_first_published_is_right(project: Path) -> None:
    captures = _write(project)
    for source in ("sums", "tasks"):
        captures.make(takedowns, source=source)
    slow = start_capture(project, "sums", WEEK)
    # It has read upstream as it was, and is overtaken by one that reads it as it is now.
    assert next_line(slow) == {"captured": True}
    write_jsonl(project / "sums.jsonl", _rows("newer one", "newer two"))
    fast = start_capture(project, "sums", WEEK)
    assert next_line(fast) == {"captured": True}
    go_on(fast)
    won = next_line(fast)
    go_on(slow)
    lost = next_line(slow)
    assert (won["reused"], lost["reused"]) == (False, True)
    assert lost["root"] == won["root"]
    assert sorted(captures.raw()["prompt"].to_pylist()) == ["newer one", "newer two"]
    assert _make(captures).manifest.root == won["root"]
    for process in (slow, fast):
        assert process.wait() == 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2))
def test_equal_derivations_mean_equal_roots_in_whatever_order_the_work_is_done(
    new_project: Callable[[], Path], seed: int
) -> None:
    """Edits, key moves, takedowns and their undoing, in two folders in orders of their own."""
    chance = random.Random(seed)
    weeks = [
        {
            source: [
                {"key": f"k{chance.randrange(4)}", "question": text, "answer": "7"}
                for text in chance.choices([*TEXTS, VARIANT, "What is 102?"], k=4)
            ]
            for source in ("sums", "tasks")
        }
        for _ in range(2)
    ]
    seen: dict[str, tuple[str, Any]] = {}
    for order in range(2):
        captures = _write(new_project())
        work = random.Random(f"{seed} {order}")
        for week, rows in zip((WEEK, SECOND), weeks, strict=True):
            for source in ("sums", "tasks"):
                write_jsonl(captures.folder / f"{source}.jsonl", rows[source])
            captures.make_all(weeks=1 if week == WEEK else None)
            for _ in range(3):
                known = captures.raw()["sample_id"].to_pylist()
                captures.list_down(*work.sample(known, work.randrange(min(3, len(known)))))
                for source in ("sums", "tasks"):
                    captures.make(takedowns, source=source)
                _make(captures, work.choice(["sums", "tasks"]), WEEK)
                for manifest in captures.make_all(weeks=1 if week == WEEK else None):
                    said = manifest.root, manifest.ledger
                    assert seen.setdefault(manifest.derivation, said) == said
            _check_ids(captures, 1 if week == WEEK else 2)
    assert len(seen) > 4


def _check_ids(captures: Captures, weeks: int) -> None:
    """Every upstream row is in one row, and no sample is kept in two weeks."""
    for source in ("sums", "tasks"):
        kept: list[str] = []
        for week in range(weeks):
            rows = captures.raw(source, week).to_pylist()
            assert sum(row["rows"] for row in rows) == len(captures.sealed(source, week)) == 4
            kept += [row["sample_id"] for row in rows if row["decision"] == "kept"]
        assert len(kept) == len(set(kept))
