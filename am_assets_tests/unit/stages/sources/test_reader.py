import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.settings.sources import Columns, Source
from am_assets.stages.sources import SourceError, UpstreamRow, read_source

ROWS = [{"q": "one", "a": "1"}, {"q": "zwei ü", "a": "2"}]


def source(location: str, **settings: Any) -> Source:
    return Source.model_validate(
        {
            "kind": "files",
            "location": location,
            "domain": "math",
            "licence": "MIT",
            "columns": Columns(prompt="q"),
            **settings,
        }
    )


def read(folder: Path, location: str, **settings: Any) -> list[UpstreamRow]:
    return list(read_source(source(location, **settings), "numbers", 0, folder))


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def test_every_format_gives_the_same_rows(tmp_path: Path):
    files = {
        "a.jsonl": lines(ROWS),
        "b.json": json.dumps(ROWS).encode(),
        "c.json": json.dumps({"data": ROWS}).encode(),
        "d.json": lines(ROWS),
        "e.csv": "q,a\none,1\nzwei ü,2\n".encode(),
        "f.jsonl.gz": gzip.compress(lines(ROWS)),
        "g.jsonl.zst": zstandard.compress(lines(ROWS)),
        "h.json": json.dumps({"keywords": "x", "example": ROWS}).encode(),
        "i.jsonl": b"\xef\xbb\xbf" + lines(ROWS),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "j.parquet")
    for name in [*files, "j.parquet"]:
        found = read(tmp_path, name)
        assert [row.data for row in found] == ROWS, name
        assert [(row.file, row.row) for row in found] == [(name, 1), (name, 2)]
        assert len(found[0].file_sha256) == 64


def test_an_object_of_rows_keeps_the_key_of_each(tmp_path: Path):
    (tmp_path / "a.json").write_text('{"x": {"q": "one"}, "y": {"q": "two"}}')
    assert [row.data for row in read(tmp_path, "*.json")] == [
        {"_key": "x", "q": "one"},
        {"_key": "y", "q": "two"},
    ]


def test_a_glob_reads_files_in_order_of_name(tmp_path: Path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part.jsonl").write_text(json.dumps({"q": name}) + "\n")
    assert [row.file for row in read(tmp_path, "**/*.jsonl")] == ["a/part.jsonl", "b/part.jsonl"]


def test_a_blank_line_is_no_row_and_keeps_line_numbers(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text('{"q": "one"}\n\n{"q": "two"}\n')
    assert [row.row for row in read(tmp_path, "a.jsonl")] == [1, 3]


def test_an_empty_file_has_no_rows(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text("")
    assert read(tmp_path, "a.jsonl") == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"q": 1}\n{"q": \n', r"a\.jsonl, line 2 is not valid JSON"),
        ("a.jsonl", b'{"q": "ok"}\n{"q": "\xe9"}\n', r"a\.jsonl, line 2 is not UTF-8 at byte 8"),
        ("a.jsonl", '{"q": "x"}\n'.encode("utf-16"), r"line 1 starts like UTF-16"),
        ("a.jsonl", b"[1, 2]\n", r"row 1 is list, not an object"),
        ("a.jsonl", b"[" * 100_000, r"line 1 is not valid JSON"),
        ("a.jsonl", b'{"q": ' + b"9" * 5000 + b"}", r"line 1 is not valid JSON"),
        ("a.json", b'[{"q": 1},]', r"a\.json, line 1 is not valid JSON"),
        ("a.json", b'"text"', r"holds no rows"),
        ("a.csv", b"q,a\none\n", r"row 1 has not as many fields as the header"),
        ("a.csv", b'q,a\n"one,1\n', r"row 1 is not valid CSV"),
        ("a.parquet", b"PAR1 no", r"a\.parquet is not a readable Parquet file"),
        ("a.jsonl.gz", b"not gzip", r"a\.jsonl\.gz cannot be read"),
        ("a.jsonl.gz", gzip.compress(lines(ROWS) * 99, mtime=0)[:-20], r"cannot be unpacked"),
        ("a.jsonl.gz", b"", r"a\.jsonl\.gz is empty, and no packed file is"),
        ("a.jsonl.zst", b"not zstd", r"cannot be unpacked"),
        ("a.jsonl.zst", b"", r"a\.jsonl\.zst is empty, and no packed file is"),
        ("a.txt", b"text", r"a\.txt is of no known format"),
    ],
)
def test_a_bad_file_is_named_with_its_row(tmp_path: Path, name: str, content: bytes, message: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        read(tmp_path, name)


@pytest.mark.parametrize("packed", [gzip.compress, zstandard.compress])
def test_a_packed_file_cut_at_any_byte_is_an_error(
    tmp_path: Path, packed: Callable[[bytes], bytes]
):
    name = "a.jsonl.gz" if packed is gzip.compress else "a.jsonl.zst"
    whole = packed(lines(ROWS))
    for size in range(len(whole)):
        (tmp_path / name).write_bytes(whole[:size])
        with pytest.raises(SourceError, match=r"again|whole"):
            read(tmp_path, name)


def test_packed_files_of_several_frames_are_one_file(tmp_path: Path):
    for name, packed in (("a.jsonl.gz", gzip.compress), ("b.jsonl.zst", zstandard.compress)):
        (tmp_path / name).write_bytes(packed(lines(ROWS)) + packed(lines(ROWS)))
        assert len(read(tmp_path, name)) == 2 * len(ROWS)


@given(position=st.integers(0, 400), bit=st.integers(0, 7))
def test_a_flipped_bit_of_a_packed_file_is_an_error_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int
):
    folder = tmp_path_factory.mktemp("flipped")
    data = bytearray(gzip.compress(lines(ROWS)))
    data[position % len(data)] ^= 1 << bit
    (folder / "a.jsonl.gz").write_bytes(data)
    try:
        found = read(folder, "a.jsonl.gz")
    except SourceError:
        return
    assert len(found) == len(ROWS)


def test_no_matching_file_is_an_error(tmp_path: Path):
    with pytest.raises(SourceError, match=r"no file of source numbers matches \*\.jsonl"):
        read(tmp_path, "*.jsonl")


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet"])
def test_a_row_over_the_limit_is_an_error(tmp_path: Path, name: str):
    long = [{"q": "x" * 500}]
    if name == "a.parquet":
        pq.write_table(pa.Table.from_pylist(long), tmp_path / name)
    else:
        text = {
            "a.jsonl": lines(long).decode(),
            "a.json": json.dumps(long),
            "a.csv": "q\n" + "x" * 500,
        }
        (tmp_path / name).write_text(text[name])
    with pytest.raises(SourceError, match="larger than 100 bytes: raise `max_row_bytes`"):
        read(tmp_path, name, max_row_bytes=100)


def test_a_generated_source_gets_location_and_week():
    def generate(location: str, week: int):
        yield {"q": f"{location} {week}"}

    settings = source("sums").model_copy(update={"kind": "generated"})
    (row,) = read_source(settings, "numbers", 3, Path(), {"sums": generate})
    assert row.data == {"q": "sums 3"}
    assert row.file == "generated/sums/3"


def test_an_unknown_generator_is_an_error():
    settings = source("sums").model_copy(update={"kind": "generated"})
    with pytest.raises(SourceError, match="names the generator sums, which does not exist"):
        list(read_source(settings, "numbers", 0, Path(), {}))


def hub_folder(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "data" / "train-00000-of-00001.parquet")
    pq.write_table(pa.Table.from_pylist(ROWS[:1]), folder / "extra.parquet")
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: train\n"
        "    path: data/train-*\n- config_name: extra\n  data_files:\n  - split: test\n"
        "    path: extra.parquet\n---\n# Card\n"
    )


def test_a_folder_laid_out_like_a_hub_dataset_is_read(tmp_path: Path):
    hub_folder(tmp_path / "set")
    settings = {"kind": "hub", "revision": "abc"}
    rows = read(tmp_path, "set", **settings, subset="main")
    assert [row.data for row in rows] == ROWS
    assert [row.where for row in rows] == ["set@abc/main/train, row 1", "set@abc/main/train, row 2"]
    extra = read(tmp_path, "set", **settings, subset="extra", split="test")
    assert [row.data for row in extra] == ROWS[:1]


def test_a_hub_dataset_of_json_lines_is_read(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.jsonl").write_bytes(lines(ROWS))
    assert [row.data for row in read(tmp_path, "set", kind="hub", revision="abc")] == ROWS


def test_an_unknown_split_of_a_hub_dataset_is_an_error(tmp_path: Path):
    hub_folder(tmp_path / "set")
    with pytest.raises(
        SourceError, match="source numbers cannot read hub dataset set@abc/main/dev"
    ):
        read(tmp_path, "set", kind="hub", revision="abc", subset="main", split="dev")
