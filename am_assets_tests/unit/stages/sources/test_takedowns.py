"""Takedown lists hold opaque ids and hashes, and say where they do not."""

from pathlib import Path

import pytest

from am_assets.core.schema import TAKEDOWNS
from am_assets.stages.sources.takedowns import (
    TakedownError,
    Takedowns,
    content_key,
    key_name,
    read_takedowns,
)

ONE, TWO = "a" * 32, "b" * 32
TEXT = f"content:{'c' * 32}"


def _write(root: Path, data: bytes, name: str = "tiny/sums.txt") -> None:
    path = root / "takedowns" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_no_list_means_no_takedowns(tmp_path: Path) -> None:
    assert read_takedowns(tmp_path, "tiny", ["sums"]) == {}
    _write(tmp_path, b"whatever", "tiny/README.md")
    _write(tmp_path, b"secret", "key")
    assert read_takedowns(tmp_path, "tiny", ["sums"]) == {}


def test_entries_are_found_with_their_lines_once_each_without_comments(tmp_path: Path) -> None:
    _write(tmp_path, f"# asked for on Monday\n{TWO}\n\n  {ONE}\r\n{TWO}\n{TEXT}\n".encode())
    where = "takedowns/tiny/sums.txt, line"
    assert read_takedowns(tmp_path, "tiny", ["sums"]) == {
        "sums": {TWO: f"{where} 2", ONE: f"{where} 4", TEXT: f"{where} 6"}
    }


@pytest.mark.parametrize(
    "bad",
    [
        b"some text of a sample",
        b"A" * 32,
        b"\xff\xfe",
        b"a" * 31,
        b"content:",
        b"content: " + b"a" * 32,
    ],
)
def test_an_entry_that_is_none_is_named_with_file_and_line(tmp_path: Path, bad: bytes) -> None:
    _write(tmp_path, ONE.encode() + b"\n" + bad + b"\n")
    with pytest.raises(TakedownError, match=r"takedowns/tiny/sums.txt, line 2: .*32 hex digits"):
        read_takedowns(tmp_path, "tiny", ["sums"])


@pytest.mark.parametrize(
    "name", ["tiny/summs.txt", "tiny/sums", "tiny/sums.txt.txt", "tiny/a/b.txt"]
)
def test_a_list_of_no_source_is_named(tmp_path: Path, name: str) -> None:
    _write(tmp_path, ONE.encode(), name)
    with pytest.raises(
        TakedownError, match=r"takedowns/tiny/.* is the list of no source of .*sums"
    ):
        read_takedowns(tmp_path, "tiny", ["sums"])


def test_a_list_of_no_profile_is_named(tmp_path: Path) -> None:
    _write(tmp_path, ONE.encode(), "sums.txt")
    with pytest.raises(TakedownError, match=r"move it to takedowns/<profile>/<source>.txt"):
        read_takedowns(tmp_path, "tiny", ["sums"])


def test_another_profiles_lists_are_its_own(tmp_path: Path) -> None:
    _write(tmp_path, b"not looked at", "other/any.txt")
    assert read_takedowns(tmp_path, "tiny", ["sums"]) == {}


def test_a_takedown_covers_by_id_and_by_content() -> None:
    rows = [{"sample_id": ONE, "content_hash": "d" * 32}, {"sample_id": TWO}, {"sample_id": TEXT}]
    listed = Takedowns.of(TAKEDOWNS.table(rows))
    assert listed.cover(ONE, None)
    assert listed.cover(TWO, "e" * 32)
    assert listed.cover("f" * 32, "d" * 32)
    assert listed.cover("f" * 32, "c" * 32)
    assert not listed.cover("f" * 32, None)


def test_the_key_of_content_hashes_is_a_file_that_every_clone_has(tmp_path: Path) -> None:
    assert content_key(tmp_path) == b""
    _write(tmp_path, b"  some secret\r\n", "key")
    assert content_key(tmp_path) == b"some secret"
    assert key_name(b"some secret") != key_name(b"")
    _write(tmp_path, b"\n", "key")
    with pytest.raises(TakedownError, match="takedowns/key is empty"):
        content_key(tmp_path)
