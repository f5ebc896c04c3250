import json
import random
from pathlib import Path
from typing import Any

import pytest

from am_assets.core.memory import RowMemory
from am_assets.core.profile import Dedup
from am_assets.core.settings.prompts import Embedding
from am_assets.standalone.dedup import DedupedFile, dedup_jsonl, texts_of
from am_assets_tests.support.rows import WordCountEngine

EGGS = "Janet sells eggs at the market every day for two dollars each"
PEARS = "a gardener picks ripe yellow pears and stores them inside wooden boxes"


def written(path: Path, *rows: dict[str, Any] | str) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def deduped(
    path: Path, sweep: bool = False, **settings: Any
) -> tuple[DedupedFile, list[dict[str, Any]]]:
    out = path.with_name("out.jsonl")
    found = dedup_jsonl(
        path,
        out,
        WordCountEngine(),
        RowMemory(),
        Embedding(),
        Dedup(**settings),
        path.parent,
        sweep=sweep,
    )
    assert {one.name for one in path.parent.iterdir()} == {path.name, out.name}
    return found, [json.loads(line) for line in out.read_text().splitlines()]


def kept(lines: list[dict[str, Any]]) -> set[str]:
    return {line["id"] for line in lines if line["decision"] == "keep"}


def test_every_row_has_a_decision_in_the_order_of_the_rows(tmp_path: Path):
    path = written(
        tmp_path / "in.jsonl",
        {"id": "b", "text": EGGS},
        {"id": "a", "text": PEARS},
        {"id": "c", "text": f"{EGGS} today"},
        {"id": "d", "text": PEARS.replace("yellow", "Yellow")},
    )
    found, lines = deduped(path)
    assert lines == [
        {"id": "b", "decision": "duplicate", "twin": "c", "similarity": 0.970143},
        {"id": "a", "decision": "keep", "twin": None, "similarity": None},
        {"id": "c", "decision": "keep", "twin": None, "similarity": None},
        {"id": "d", "decision": "duplicate", "twin": "a", "similarity": 1.0},
    ]
    counts = found.counts()
    assert [counts[name] for name in ("rows", "kept", "identical", "similar")] == [4, 2, 1, 1]


def test_ids_that_are_numbers_stay_numbers(tmp_path: Path):
    path = written(tmp_path / "in.jsonl", {"id": 2, "text": EGGS}, {"id": 1, "text": EGGS})
    assert [(line["id"], line["twin"]) for line in deduped(path)[1]] == [(2, 1), (1, None)]
    path = written(path, {"id": 2, "text": EGGS}, {"id": "1", "text": EGGS})
    assert [(line["id"], line["twin"]) for line in deduped(path)[1]] == [(2, "1"), ("1", None)]


def test_priority_goes_before_a_reference_answer_before_length_before_the_id(tmp_path: Path):
    longer = f"{EGGS} today"
    path = written(
        tmp_path / "in.jsonl",
        {"id": "a", "text": longer},
        {"id": "b", "text": EGGS, "reference_answer": 3},
    )
    assert kept(deduped(path)[1]) == {"b"}
    path = written(path, {"id": "a", "text": EGGS}, {"id": "b", "text": longer})
    assert kept(deduped(path)[1]) == {"b"}
    path = written(path, {"id": "b", "text": EGGS, "priority": -1}, {"id": "a", "text": longer})
    assert kept(deduped(path)[1]) == {"b"}


def test_reference_answers_that_differ_keep_both_unless_told_otherwise(tmp_path: Path):
    path = written(
        tmp_path / "in.jsonl",
        {"id": "a", "text": f"{EGGS} today", "reference_answer": "3"},
        {"id": "b", "text": EGGS, "reference_answer": "so it is 4\n#### 4"},
        {"id": "c", "text": f"{EGGS} daily", "reference_answer": 4.0},
    )
    found, lines = deduped(path)
    assert kept(lines) == {"a", "c"}
    assert found.counts()["different_references"] == 2
    assert kept(deduped(path, keep_different_references=False)[1]) == {"a"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ('{"id": "a", "text": "again"}', '"id" repeats that of line 1'),
        ('{"id": "b"}', '"text" is missing'),
        ('{"id": "b", "text": "x", "reference_answer": true}', '"reference_answer" must be'),
        ('{"id": "b", "text": "x", "reference_answer": ["1"]}', '"reference_answer" must be'),
        ('{"id": "b", "text": "x", "priority": "high"}', '"priority" must be a number'),
        ('{"id": "b", "text": "x", "priority": NaN}', '"priority" must lie within'),
        ('{"id": "b", "text": "x", "priority": 1e400}', '"priority" must lie within'),
    ],
)
def test_a_malformed_row_is_reported_with_its_line_and_the_rest_is_done(
    tmp_path: Path, line: str, problem: str
):
    path = written(tmp_path / "in.jsonl", {"id": "a", "text": EGGS}, line, {"id": "z", "text": "t"})
    found, lines = deduped(path)
    assert [one["id"] for one in lines] == ["a", "z"]
    assert found.lines.rows == 2
    ((number, told),) = found.lines.malformed
    assert number == 2
    assert problem in told


def test_a_file_without_rows_has_no_decisions(tmp_path: Path):
    assert deduped(written(tmp_path / "in.jsonl"), sweep=True)[1] == []


def test_a_reference_answer_that_is_no_text_at_all_is_only_another_answer(tmp_path: Path):
    path = written(
        tmp_path / "in.jsonl",
        {"id": "a", "text": EGGS, "reference_answer": "\ud800"},
        {"id": "b", "text": f"{EGGS} today", "reference_answer": "1"},
    )
    assert kept(deduped(path)[1]) == {"a", "b"}


def test_the_order_of_the_rows_changes_no_decision(tmp_path: Path):
    draw = random.Random(2)
    words = [f"w{i}" for i in range(12)]
    rows: list[dict[str, Any] | str] = [
        {"id": f"{i:03d}", "text": " ".join(draw.choices(words, k=6))} for i in range(300)
    ]
    _, one = deduped(written(tmp_path / "in.jsonl", *rows), threshold=0.8)
    draw.shuffle(rows)
    _, other = deduped(written(tmp_path / "in.jsonl", *rows), threshold=0.8)
    assert 20 < len(kept(one)) < 280
    assert sorted(one, key=lambda line: line["id"]) == sorted(other, key=lambda line: line["id"])


def test_the_input_is_never_written_over(tmp_path: Path):
    path = written(tmp_path / "in.jsonl", {"id": "a", "text": EGGS})
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="is the input file; name another file"):
        dedup_jsonl(path, link, WordCountEngine(), RowMemory(), Embedding(), Dedup(), tmp_path)
    assert path.read_bytes() == before


def test_an_output_that_fails_leaves_what_was_there(tmp_path: Path):
    class Broken(WordCountEngine):
        def embed(self, texts: Any) -> Any:
            raise RuntimeError("out of order")

    path, out = written(tmp_path / "in.jsonl", {"id": "a", "text": EGGS}), tmp_path / "out.jsonl"
    out.write_text("older")
    with pytest.raises(RuntimeError, match="out of order"):
        dedup_jsonl(path, out, Broken(), RowMemory(), Embedding(), Dedup(), tmp_path)
    assert out.read_text() == "older"
    assert len(list(tmp_path.iterdir())) == 2


def test_texts_are_found_again_by_id(tmp_path: Path):
    path = written(tmp_path / "in.jsonl", {"id": "a", "text": EGGS}, {"id": "b", "text": PEARS})
    assert texts_of(path, ["b", "b"]) == {"b": PEARS}
