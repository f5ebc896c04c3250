import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
import zstandard
from datasets import Dataset, load_dataset

from am_assets.core.schema import SCORES, SFT, VERIFIED
from am_assets.stages import plots
from am_assets.stages.release.card import Card, LedgerRow, dataset_card
from am_assets.stages.release.files import write_release

RESPONSE = "<think>because</think>\n<answer>four</answer>"


def _sft(*rows: dict[str, Any]) -> pa.Table:
    return SFT.table(
        {
            "source": "source_a",
            "week": "2025-01-06",
            "kind": "math",
            "messages": [{"role": "user", "content": f"question {row['sample_id']}"}],
            "response_id": f"r{row['sample_id']}",
            "response": RESPONSE,
            "origin": "distilled",
            "responder": "teacher",
            "language": "en",
            "prompt_tokens": 100,
            "response_tokens": 100,
            "decision": "kept",
            **row,
        }
        for row in rows
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    with zstandard.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


MIXED = _sft(
    {"sample_id": "b", "reference_answer": "4", "test_case": '{"type": "asserts"}'},
    {"sample_id": "a", "origin": "upstream", "responder": "source_a"},
    {"sample_id": "c", "decision": "dropped", "reason": "template_text"},
)


def test_a_line_has_the_keys_of_the_published_format(tmp_path: Path):
    write_release(MIXED, "mini", tmp_path)
    (line,) = _lines(tmp_path / "am_mini_distilled.jsonl.zst")
    assert line == {
        "messages": [
            {
                "role": "user",
                "content": "question b",
                "info": {
                    "source": "source_a",
                    "reference_answer": "4",
                    "test_case": '{"type": "asserts"}',
                    "think_content": None,
                    "answer_content": None,
                },
            },
            {
                "role": "assistant",
                "content": "<think>because</think><answer>four</answer>",
                "info": {
                    "source": "teacher",
                    "reference_answer": None,
                    "test_case": None,
                    "think_content": "because",
                    "answer_content": "four",
                },
            },
        ]
    }


def test_responses_are_filed_by_who_answered_and_dropped_rows_are_not_released(tmp_path: Path):
    released = write_release(MIXED, "mini", tmp_path).to_pylist()
    assert {row["sample_id"]: row["file"] for row in released} == {
        "a": "am_mini_open.jsonl.zst",
        "b": "am_mini_distilled.jsonl.zst",
    }


def test_the_same_rows_in_any_order_give_the_same_bytes(tmp_path: Path):
    folders = [tmp_path / "one", tmp_path / "two"]
    tables = []
    for folder, rows in zip(folders, (MIXED, MIXED.take([2, 1, 0])), strict=True):
        folder.mkdir()
        tables.append(write_release(rows, "mini", folder))
    assert tables[0] == tables[1]
    for path in folders[0].iterdir():
        assert path.read_bytes() == (folders[1] / path.name).read_bytes()


def test_the_files_load_with_datasets(tmp_path: Path):
    write_release(MIXED, "mini", tmp_path)
    files = sorted(str(path) for path in tmp_path.glob("*.zst"))
    cache = str(tmp_path / "cache")
    for selected in (files[:1], files[1:], files):
        loaded = load_dataset("json", data_files=selected, split="train", cache_dir=cache)
        assert isinstance(loaded, Dataset)
        assert loaded.num_rows == len(selected)
        assert loaded[0]["messages"][1]["info"]["answer_content"] == "four"


@pytest.mark.parametrize(("config", "rows"), [("all", 2), ("open", 1), ("distilled", 1)])
def test_the_card_makes_the_folder_loadable_whatever_is_null(
    tmp_path: Path, config: str, rows: int
):
    write_release(MIXED, "mini", tmp_path)
    card = dataset_card(MIXED, Card("mini", "AM mini", {"source_a": "apache-2.0"}))
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    loaded = load_dataset(str(tmp_path), config, split="train", cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded, Dataset)
    assert loaded.num_rows == rows
    info = loaded.features["messages"].feature["info"]
    assert info["test_case"].dtype == "string"


def test_a_response_out_of_format_is_never_released(tmp_path: Path):
    with pytest.raises(ValueError, match="response rx of sample x"):
        write_release(_sft({"sample_id": "x", "response": "four"}), "mini", tmp_path)


def test_an_empty_dataset_gives_two_empty_files(tmp_path: Path):
    assert write_release(_sft(), "mini", tmp_path).num_rows == 0
    assert _lines(tmp_path / "am_mini_open.jsonl.zst") == []


def _scores(pass_at_1: float | None) -> pa.Table:
    row = {"score_id": "m/strict", "benchmark": "m", "metric": "strict", "items": 2, "samples": 8}
    found = {"pass_at_1": pass_at_1, "ci_low": 0.2, "ci_high": 0.8} if pass_at_1 else {}
    return SCORES.table([row | found | {"missing": 1}])


def test_the_card_counts_kept_rows_by_every_distribution_of_the_paper():
    verified = VERIFIED.table(
        [{"sample_id": "a", "kind": "math", "responses": 4, "passed": 3, "decision": "kept"}]
    )
    ledger = [LedgerRow("2025-01-06", "labels", 10, 7, {"down_sampled": 2}, {"engine_error": 1})]
    card = dataset_card(
        MIXED,
        Card(
            "mini",
            "AM mini",
            {"source_a": "apache-2.0"},
            verified=verified,
            ledger=ledger,
            scores={"full": _scores(0.5), "lora": _scores(None)},
            sections=[("Contamination", "None was found.")],
        ),
    )
    matter = yaml.safe_load(card.split("---")[1])
    assert matter["license"] == ["apache-2.0"]
    assert [config["config_name"] for config in matter["configs"]] == ["all", "open", "distilled"]
    assert "2 verified samples" in card
    assert "| source_a | apache-2.0 | 2 | 100.0 % |" in card
    assert "| test cases | 1 | 50.0 % |" in card
    assert "| neither | 1 | 50.0 % |" in card
    assert "| < 256 | 2 | 100.0 % |" in card
    assert "| math | 4 | 3 | 75.0 % |" in card
    assert "| 2025-01-06 | labels | 10 | 7 | down_sampled 2 | engine_error 1 |" in card
    assert "| full | m | strict | 50.0 (20.0 to 80.0) | 2 | 8 | 1 |" in card
    assert "| lora | m | strict | no verdict | 2 | 8 | 1 |" in card
    assert "## Contamination\n\nNone was found." in card


def test_the_card_holds_no_sample_text():
    card = dataset_card(MIXED, Card("mini", "AM mini", {}))
    assert "question" not in card
    assert "because" not in card
    assert "four" not in card


def test_the_same_numbers_give_the_same_picture():
    def pictures() -> list[bytes]:
        return [
            plots.histogram([1, 2, 2, 3], "lengths", "tokens"),
            plots.bars({"math": 3, "code": 1}, "kinds"),
            plots.curve([3.0, 2.0, 1.5], "loss"),
            plots.score_bars({"base": (0.1, 0.0, 0.2), "full": (0.9, 0.8, 1.0)}, "scores"),
        ]

    first = pictures()
    assert pictures() == first
    assert all(picture.startswith(b"\x89PNG") for picture in first)


def test_pictures_of_nothing_can_be_drawn():
    assert plots.histogram([], "lengths", "tokens")
    assert plots.score_bars({}, "scores")
    assert plots.curve([], "loss")
    assert plots.bars({}, "kinds")
