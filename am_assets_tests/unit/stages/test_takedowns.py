"""Takedown lists hold opaque ids, and say where they do not."""

from pathlib import Path

import pytest

from am_assets.stages.takedowns import TakedownError, read_takedowns

ONE, TWO = "a" * 32, "b" * 32


def _write(root: Path, data: bytes) -> None:
    path = root / "takedowns" / "tiny" / "sums.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)


def test_no_list_means_no_takedowns(tmp_path: Path) -> None:
    assert read_takedowns(tmp_path, "tiny", "sums") == []


def test_ids_are_sorted_once_each_without_comments(tmp_path: Path) -> None:
    _write(tmp_path, f"# asked for on Monday\n{TWO}\n\n  {ONE}\r\n{TWO}\n".encode())
    assert read_takedowns(tmp_path, "tiny", "sums") == [ONE, TWO]


@pytest.mark.parametrize("bad", [b"some text of a sample", b"A" * 32, b"\xff\xfe", b"a" * 31])
def test_an_entry_that_is_no_id_is_named_with_file_and_line(tmp_path: Path, bad: bytes) -> None:
    _write(tmp_path, ONE.encode() + b"\n" + bad + b"\n")
    with pytest.raises(TakedownError, match=r"takedowns/tiny/sums.txt, line 2: .*32 hex digits"):
        read_takedowns(tmp_path, "tiny", "sums")
