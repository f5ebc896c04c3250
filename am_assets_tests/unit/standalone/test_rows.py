import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.standalone import rows as text_rows
from am_assets.standalone.rows import LineReport, read_rows


def read(path: Path, data: bytes) -> tuple[list[tuple[int, dict[str, Any]]], LineReport]:
    path.write_bytes(data)
    report = LineReport()
    return list(read_rows(path, report)), report


def line(**row: object) -> bytes:
    return json.dumps(row).encode() + b"\n"


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"id": "a", "text": "\xff"}', "not UTF-8 (byte 22 of the line)"),
        (b'{"id": "a"}', '"text" is missing'),
        (b'{"id": 1.5, "text": "t"}', '"id" must be a text'),
        (b'{"id": true, "text": "t"}', '"id" must be a text'),
        (b'{"id": "a", "text": null}', '"text" must be a text'),
        (b'{"id": "a", "text": "\\ud800"}', '"text" has half a surrogate pair (\\ud800)'),
        (b'{"id": "\\udfff", "text": "t"}', '"id" has half a surrogate pair'),
        (b'{"id": "first", "text": "t"}', '"id" repeats that of line 1'),
        (b'{"id": ' + b"1" * 5000 + b', "text": "t"}', "not JSON"),
    ],
)
def test_a_malformed_line_is_reported_and_the_rest_is_read(
    tmp_path: Path, bad: bytes, problem: str
):
    data = line(id="first", text="1") + b"  \n" + bad + b"\n" + line(id="last", text="2", more=3)
    rows, report = read(tmp_path / "in.jsonl", data)
    assert rows == [(1, {"id": "first", "text": "1"}), (4, {"id": "last", "text": "2", "more": 3})]
    assert (report.rows, report.malformed_rows) == (2, 1)
    assert report.malformed[0][0] == 3
    assert problem in report.malformed[0][1]


def test_an_id_may_be_a_whole_number(tmp_path: Path):
    rows, report = read(tmp_path / "in.jsonl", line(id=7, text="1") + line(id="7", text="2"))
    assert rows == [(1, {"id": 7, "text": "1"})]
    assert report.malformed == [(2, '"id" repeats that of line 1')]


def test_only_the_first_hundred_malformed_lines_are_kept_and_all_are_counted(tmp_path: Path):
    _, report = read(tmp_path / "in.jsonl", b"x\n" * 250)
    assert (report.rows, report.malformed_rows, len(report.malformed)) == (0, 250, 100)


def test_a_line_without_end_is_one_malformed_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(text_rows, "_MAX_LINE_BYTES", 64)
    long = line(id="b", text="x" * 1000)
    data = line(id="a", text="1") + long + line(id="c", text="3") + long.rstrip(b"\n")
    rows, report = read(tmp_path / "in.jsonl", data)
    assert [(number, row["id"]) for number, row in rows] == [(1, "a"), (3, "c")]
    assert [number for number, _ in report.malformed] == [2, 4]


def test_a_byte_order_mark_and_other_line_ends_are_no_problem(tmp_path: Path):
    data = (
        b"\xef\xbb\xbf" + line(id="a", text="1").replace(b"\n", b"\r\n") + b'{"id":"b","text":""}'
    )
    rows, report = read(tmp_path / "in.jsonl", data)
    assert [row["id"] for _, row in rows] == ["a", "b"]
    assert report == LineReport(rows=2)


def test_an_empty_file_has_no_rows(tmp_path: Path):
    assert read(tmp_path / "in.jsonl", b"") == ([], LineReport())


def test_other_keys_can_be_required(tmp_path: Path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(line(item="a", prompt="p") + line(item="b"))
    report = LineReport()
    assert [row["item"] for _, row in read_rows(path, report, ("item", "prompt"))] == ["a"]
    assert report.malformed == [(2, '"prompt" is missing')]


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_every_line_is_a_row_or_reported_or_blank(tmp_path_factory, lines: list[bytes]):
    data = b"\n".join(lines)
    rows, report = read(tmp_path_factory.mktemp("rows") / "in.jsonl", data)
    filled = [part for part in data.split(b"\n") if part.strip()]
    assert len(rows) + report.malformed_rows == len(filled)
