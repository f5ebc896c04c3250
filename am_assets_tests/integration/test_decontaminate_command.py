"""`am-assets decontaminate` and `calibrate` with the real model, on files of invented problems."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from am_assets.cli import main
from am_assets_tests.conftest import write_jsonl

PROBLEM = (
    "A baker fills 14 trays with 23 rolls each and sells 118 rolls before noon. How many rolls are "
    "left for the afternoon?"
)
REWORDED = (
    "A bakery bakes 14 trays holding 23 rolls apiece. If 118 rolls are sold in the morning, what "
    "number of rolls remains after lunch?"
)
TRANSLATED = "面包师傅烤了14盘面包，每盘23个，中午以前卖掉118个。下午还剩多少个面包？"
OTHER_NUMBERS = PROBLEM.replace("14", "31").replace("23", "9").replace("118", "57")
UNRELATED = "Explain in two sentences why the sky turns red when the sun goes down."
QUESTION = "Which craft made the town of Elmsworth rich in the fourteenth century?"
ITEMS = [
    {"question": PROBLEM, "task_id": "bakery"},
    {
        "question": "Read the chronicle.\nThe looms of Elmsworth never stood still, and its "
        f"cloth was worn at every court.\n{QUESTION}",
        "choices": ["weaving", "brewing", "glass", "printing"],
    },
]


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands outside any project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_jsonl(tmp_path / "town.jsonl", ITEMS)
    return CliRunner()


def decontaminate(runner: CliRunner, *texts: str) -> tuple[Result, list[dict[str, Any]]]:
    write_jsonl(Path("in.jsonl"), [{"id": str(i), "text": text} for i, text in enumerate(texts)])
    command = ["decontaminate", "in.jsonl", "--benchmark", "town.jsonl", "--out", "out.jsonl"]
    done = runner.invoke(main, command, catch_exceptions=False)
    lines = Path("out.jsonl").read_text().splitlines() if Path("out.jsonl").exists() else []
    return done, [json.loads(line) for line in lines]


def test_every_row_is_decided_in_order_with_benchmark_item_method_and_score(runner: CliRunner):
    done, rows = decontaminate(
        runner, UNRELATED, PROBLEM.upper(), REWORDED, TRANSLATED, OTHER_NUMBERS[::-1], QUESTION
    )
    assert done.exit_code == 0, done.output
    assert [row["id"] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    assert rows[0] == {
        "id": "0",
        "decision": "keep",
        "benchmark": None,
        "benchmark_item": None,
        "method": None,
        "score": None,
    }
    assert rows[1] == {
        "id": "1",
        "decision": "contaminated",
        "benchmark": "town",
        "benchmark_item": "bakery",
        "method": "exact",
        "score": 1.0,
    }
    assert [(row["benchmark_item"], row["method"]) for row in rows[2:]] == [
        ("bakery", "ngram"),
        ("bakery", "ngram"),
        (None, None),
        ("2", "exact"),
    ]


def test_malformed_lines_are_reported_and_the_rest_is_done(runner: CliRunner, tmp_path: Path):
    good = json.dumps({"id": "a", "text": PROBLEM})
    (tmp_path / "in.jsonl").write_text(f'{good}\nno json\n{{"id": "b"}}\n')
    with (tmp_path / "town.jsonl").open("a") as items:
        items.write("[1]\n")
    command = ["decontaminate", "in.jsonl", "-b", "town.jsonl", "--out", "out.jsonl", "--json"]
    done = runner.invoke(main, command)
    assert done.exit_code == 1
    assert json.loads((tmp_path / "out.jsonl").read_text())["decision"] == "contaminated"
    for words in ("in.jsonl, line 2: not JSON", 'in.jsonl, line 3: "text" is missing'):
        assert words in done.stderr
    assert "town.jsonl, line 3: not a JSON object" in done.stderr
    counts = json.loads(done.stdout)
    assert (counts["rows"], counts["malformed"]) == (1, 3)


def test_an_output_that_is_an_input_is_refused(runner: CliRunner, tmp_path: Path):
    write_jsonl(tmp_path / "in.jsonl", [{"id": "a", "text": PROBLEM}])
    for out in ("in.jsonl", "town.jsonl"):
        command = ["decontaminate", "in.jsonl", "-b", "town.jsonl", "--out", out]
        done = runner.invoke(main, command)
        assert done.exit_code == 1
        assert "is an input file" in done.stderr
    assert not list(tmp_path.glob("*.partial"))


def test_labelled_pairs_give_thresholds_and_what_to_put_into_the_profile(
    runner: CliRunner, tmp_path: Path
):
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text1", "text2", "label"])
        writer.writerow([PROBLEM, REWORDED, "1"])
        writer.writerow([PROBLEM, PROBLEM.lower(), "yes"])
        writer.writerow([PROBLEM, UNRELATED, "0"])
        writer.writerow([PROBLEM, QUESTION, "no"])
    done = runner.invoke(main, ["calibrate", "pairs.csv", "--plot", "pairs.png", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["pairs"] == 4
    assert "dedup_threshold" in found["yaml"]
    assert "decontamination_threshold" in found["yaml"]
    assert (tmp_path / "pairs.png").read_bytes().startswith(b"\x89PNG")
    table = runner.invoke(main, ["calibrate", "pairs.csv"])
    assert "Put under models.embedding" in table.stdout
    assert "pairs.csv" in table.stdout
