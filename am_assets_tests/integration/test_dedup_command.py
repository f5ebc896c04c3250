"""`am-assets dedup` with the real embedding model, outside any project."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from am_assets.cli import main

EGGS = "Janet's ducks lay 16 eggs a day. She sells each for 2 dollars. What does she earn a day?"
ROWS = [
    {"id": "eggs", "text": EGGS, "reference_answer": "32"},
    {
        "id": "again",
        "text": EGGS.replace("What does she earn a day", "How much does she make daily"),
    },
    {"id": "more", "text": EGGS.replace("16", "17"), "reference_answer": "34 dollars"},
    {"id": "loud", "text": EGGS.replace("What does", "what Does"), "reference_answer": "#### 33"},
    {"id": "other", "text": "Name three rivers of South America and the seas they flow into."},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]], *raw: str) -> None:
    path.write_text("".join(f"{line}\n" for line in [*map(json.dumps, rows), *raw]))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["dedup", *arguments])


def test_a_file_is_deduplicated_and_its_vectors_are_remembered(folder: Path) -> None:
    write(folder / "in.jsonl", ROWS)
    done = run("in.jsonl", "--threshold", "0.85", "--out", "out.jsonl", "--json")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [row["id"] for row in ROWS]
    fates = {line["id"]: (line["decision"], line["twin"]) for line in lines}
    assert fates["again"] == ("duplicate", "eggs")
    assert fates["loud"] == ("duplicate", "eggs")
    assert {name for name, fate in fates.items() if fate[0] == "keep"} == {"eggs", "more", "other"}
    counts = json.loads(done.stdout)
    assert (counts["rows"], counts["kept"], counts["identical"]) == (5, 3, 1)
    assert counts["kept_for_reference"] == 1
    assert counts["identical_with_different_references"] == 1
    assert (folder / "cache" / "am_assets" / "vectors.sqlite").is_file()
    assert sorted(os.listdir(folder)) == ["cache", "in.jsonl", "out.jsonl"]


def test_malformed_rows_are_told_and_the_rest_is_done(folder: Path) -> None:
    write(folder / "in.jsonl", ROWS[:1], "no json", '{"id": "eggs", "text": "again"}')
    done = run("in.jsonl", "--out", "out.jsonl")
    assert done.exit_code == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("am-assets: ")]
    assert told == [
        "am-assets: in.jsonl, line 2: not JSON (Expecting value: line 1 column 1 (char 0))",
        'am-assets: in.jsonl, line 3: "id" repeats that of line 1',
        "am-assets: 2 lines of in.jsonl are malformed; the rest is done",
    ]
    assert len((folder / "out.jsonl").read_text().splitlines()) == 1


def test_a_sweep_prints_thresholds_and_writes_a_page_to_look_at(folder: Path) -> None:
    write(folder / "in.jsonl", ROWS)
    pairs = [
        {"text1": EGGS, "text2": ROWS[1]["text"], "label": 1},
        {"text1": EGGS, "text2": ROWS[4]["text"], "label": 0},
    ]
    write(folder / "pairs.jsonl", pairs, '{"text1": "a"}')
    done = run("in.jsonl", "--sweep", "--labelled", "pairs.jsonl", "--report", "page.html")
    assert done.exit_code == 1
    assert "1 lines of pairs.jsonl are malformed; the rest is done" in done.stderr
    assert "Dedup by threshold" in done.stdout
    assert "Labelled pairs by threshold" in done.stdout
    assert "rivers" not in done.output
    page = (folder / "page.html").read_text()
    assert "data:image/png;base64," in page
    assert "How much does she make daily" in page
    again = run("in.jsonl", "--sweep", "--json", "--out", "out.jsonl")
    assert again.exit_code == 0, again.output
    found = json.loads(again.stdout)
    steps = {step["threshold"]: step["dropped"] for step in found["thresholds"]["sweep"]}
    assert steps[0.7] >= steps[found["threshold"]] == found["rows"] - found["kept"]
    assert (folder / "out.jsonl.thresholds.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.jsonl"], "say where the decisions go (--out), or ask for a --sweep"),
        (["in.jsonl", "--out", "o", "--labelled", "in.jsonl"], "--labelled and --report belong"),
        (["in.jsonl", "--out", "none/o"], "there is no folder none; make it first"),
        (["in.jsonl", "--out", "in.jsonl"], "--out in.jsonl is the input file"),
        (["in.jsonl", "--out", "o", "--profile", "nowhere"], "profile nowhere cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    folder: Path, arguments: list[str], message: str
) -> None:
    write(folder / "in.jsonl", ROWS)
    before = (folder / "in.jsonl").read_bytes()
    done = run(*arguments)
    assert done.exit_code != 0
    assert message in done.stderr
    assert (folder / "in.jsonl").read_bytes() == before
