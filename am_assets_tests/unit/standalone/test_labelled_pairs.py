import json
from pathlib import Path

from am_assets.standalone.labelled_pairs import LabelledPair, read_pairs
from am_assets.standalone.rows import LineReport


def test_pairs_are_read_from_jsonl(tmp_path: Path):
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"text1": "a", "text2": "b", "label": 1},
        {"text1": "c", "text2": "d", "label": False},
        {"text1": "e", "text2": "f", "label": "maybe"},
        {"text1": "e", "text2": "\ud800", "label": 1},
        {"text1": "e", "label": 1},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = LineReport()
    assert list(read_pairs(path, report)) == [
        LabelledPair("a", "b", True),
        LabelledPair("c", "d", False),
    ]
    assert report.rows == 2
    assert [line for line, _ in report.malformed] == [3, 4, 5]


def test_pairs_are_read_from_csv(tmp_path: Path):
    path = tmp_path / "pairs.csv"
    path.write_text('id,text1,text2,label\n1,"a\nx",b,yes\n2,c,d,0\n3,e\n')
    report = LineReport()
    assert list(read_pairs(path, report)) == [
        LabelledPair("a\nx", "b", True),
        LabelledPair("c", "d", False),
    ]
    assert report.malformed == [(5, '"text2" must be a text')]
