"""A sealed capture reads back as it was captured or not at all, and forgets what is taken down."""

import datetime
from decimal import Decimal
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.sources import UpstreamRow
from am_assets.stages.sources.sealing import (
    ErasedRow,
    Seal,
    SealedRow,
    SealError,
    Tombstone,
    erase,
    seal_of,
    sealed_rows,
    sealing,
)

NAME = "raw_prompts sums|2025-01-06"
STONE = Tombstone("a" * 32, "math", "b" * 32, "c" * 12)


def _rows() -> list[SealedRow]:
    data = [
        {"text": "é\u2028\nline", "number": 1.5, "nothing": None},
        {"text": "half a pair \ud800", "list": [{"deep": [1, 2]}]},
        {"day": datetime.date(2025, 1, 6), "price": Decimal("1.50"), "raw": b"abc"},
    ]
    return [UpstreamRow(row, "a.jsonl", number, "f" * 64) for number, row in enumerate(data, 1)]


def _sealed(path: Path) -> list[SealedRow]:
    return list(sealed_rows(path, NAME, seal_of(path, NAME)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seal]:
    """A seal of some length, and its identity."""
    path = tmp_path_factory.mktemp("seal") / "capture.jsonl.zst"
    list(sealing((UpstreamRow({"n": n}, "a.jsonl", n, "f") for n in range(1, 60)), path))
    return path, seal_of(path, NAME)


def test_the_first_reading_and_the_sealed_one_are_the_same(tmp_path: Path) -> None:
    seal = tmp_path / "seal.zst"
    first = list(sealing(_rows(), seal))
    assert _sealed(seal) == first
    assert first[:2] == _rows()[:2]
    assert isinstance(first[2], UpstreamRow)
    assert first[2].data == {"day": "2025-01-06", "price": "1.50", "raw": "abc"}


def test_a_seal_without_rows_is_a_seal(tmp_path: Path) -> None:
    list(sealing([], tmp_path / "seal.zst"))
    assert seal_of(tmp_path / "seal.zst", NAME).rows == 0
    assert _sealed(tmp_path / "seal.zst") == []


def test_sealing_what_was_sealed_gives_the_same_bytes(tmp_path: Path) -> None:
    list(sealing(_rows(), tmp_path / "one"))
    list(sealing(_sealed(tmp_path / "one"), tmp_path / "two"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_seal_cut_at_any_byte_is_named_before_a_row_is_read(
    whole: tuple[Path, Seal], tmp_path: Path
) -> None:
    path, sealed = whole
    data = path.read_bytes()
    cut = tmp_path / "cut.zst"
    for size in range(len(data)):
        cut.write_bytes(data[:size])
        for known in (sealed, sealed.rows):
            with pytest.raises(
                SealError, match=r"raw_prompts sums\|2025-01-06 is not .*remove .*cut"
            ):
                next(sealed_rows(cut, NAME, known))
    cut.write_bytes(data)
    assert len(list(sealed_rows(cut, NAME, sealed))) == 59


@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_flipped_bit_is_named_or_harmless(
    whole: tuple[Path, Seal], tmp_path_factory: pytest.TempPathFactory, position: int, bit: int
) -> None:
    path, sealed = whole
    data = bytearray(path.read_bytes())
    data[position % len(data)] ^= 1 << bit
    flipped = tmp_path_factory.getbasetemp() / "flipped.zst"
    flipped.write_bytes(data)
    try:
        read = list(sealed_rows(flipped, NAME, sealed))
    except SealError:
        return
    assert read == list(sealed_rows(path, NAME, sealed))


@pytest.mark.parametrize("more", [b"x", b"\n", zstandard.compress(b"{}\n")])
def test_what_follows_the_frame_is_named(
    whole: tuple[Path, Seal], tmp_path: Path, more: bytes
) -> None:
    path, sealed = whole
    (tmp_path / "more.zst").write_bytes(path.read_bytes() + more)
    with pytest.raises(SealError, match="something follows its only frame"):
        next(sealed_rows(tmp_path / "more.zst", NAME, sealed))


@pytest.mark.parametrize("data", [b"", b"no zstd", b'{"file": "a"}\n', b"PK\x03\x04"])
def test_what_is_no_seal_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "seal.zst").write_bytes(data)
    with pytest.raises(SealError, match="is not whole"):
        next(sealed_rows(tmp_path / "seal.zst", NAME, 1))


def test_a_whole_seal_of_other_rows_is_named(whole: tuple[Path, Seal], tmp_path: Path) -> None:
    other = tmp_path / "other.zst"
    list(sealing((UpstreamRow({"n": -n}, "a.jsonl", n, "f") for n in range(1, 60)), other))
    with pytest.raises(SealError, match="has other rows than were sealed"):
        next(sealed_rows(other, NAME, whole[1]))
    list(sealing([], other))
    with pytest.raises(SealError, match="has 0 rows where 59 were sealed"):
        next(sealed_rows(other, NAME, 59))
    other.write_bytes(zstandard.compress(b'{"file": "a", "row": 1}\n'))
    with pytest.raises(SealError, match="has a row that is none"):
        next(sealed_rows(other, NAME, 1))


def test_a_seal_of_the_earlier_form_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.zst"
    with zstandard.open(path, "wt", encoding="utf-8") as out:
        out.write('{"file": "a.jsonl", "row": 1, "file_sha256": "f", "data": {"q": "old"}}\n')
    assert list(sealed_rows(path, NAME, 1)) == [UpstreamRow({"q": "old"}, "a.jsonl", 1, "f")]


def test_an_erased_row_leaves_a_tombstone_and_the_others_stay(tmp_path: Path) -> None:
    seal = tmp_path / "seal.zst"
    kept = list(sealing(_rows(), seal))[1:]
    before = seal_of(seal, NAME)
    erase(seal, NAME, {("a.jsonl", 1): STONE, ("b.jsonl", 2): STONE})
    assert _sealed(seal) == [ErasedRow("a.jsonl", 1, "f" * 64, STONE), *kept]
    assert seal_of(seal, NAME).rows == before.rows
    assert seal_of(seal, NAME).root != before.root
    assert b"line" not in zstandard.ZstdDecompressor().decompressobj().decompress(seal.read_bytes())
    assert [path.name for path in tmp_path.iterdir()] == ["seal.zst"]
