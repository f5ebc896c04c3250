"""A sealed capture reads back as it was captured, and forgets what is taken down."""

import datetime
from decimal import Decimal
from pathlib import Path

from am_assets.stages.sealing import erase, sealed_rows, sealing
from am_assets.stages.sources import UpstreamRow


def _rows() -> list[UpstreamRow]:
    data = [
        {"text": "é\u2028\nline", "number": 1.5, "nothing": None},
        {"text": "half a pair \ud800", "list": [{"deep": [1, 2]}]},
        {"day": datetime.date(2025, 1, 6), "price": Decimal("1.50"), "raw": b"abc"},
    ]
    return [UpstreamRow(row, "a.jsonl", number, "f" * 64) for number, row in enumerate(data, 1)]


def test_the_first_reading_and_the_sealed_one_are_the_same(tmp_path: Path) -> None:
    seal = tmp_path / "seal.zst"
    first = list(sealing(_rows(), seal))
    assert list(sealed_rows(seal)) == first
    assert first[:2] == _rows()[:2]
    assert first[2].data == {"day": "2025-01-06", "price": "1.50", "raw": "abc"}


def test_sealing_what_was_sealed_gives_the_same_bytes(tmp_path: Path) -> None:
    list(sealing(_rows(), tmp_path / "one"))
    list(sealing(sealed_rows(tmp_path / "one"), tmp_path / "two"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_erased_row_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    seal = tmp_path / "seal.zst"
    kept = list(sealing(_rows(), seal))[1:]
    erase(seal, {("a.jsonl", 1), ("b.jsonl", 2)})
    assert list(sealed_rows(seal)) == kept
    assert [path.name for path in tmp_path.iterdir()] == ["seal.zst"]
