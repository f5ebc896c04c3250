import sqlite3
from pathlib import Path

import pytest

from am_assets.core.row_file import RowFile


def test_rows_are_found_by_id_and_missing_ones_left_out(tmp_path: Path):
    with RowFile(tmp_path / "rows") as rows:
        rows.add((str(n), {"n": n, "text": None}) for n in range(2000))
        found = rows.get([str(n) for n in range(1500, 2500)])
    assert found == {str(n): {"n": n, "text": None} for n in range(1500, 2000)}


def test_an_id_that_repeats_is_refused(tmp_path: Path):
    with RowFile(tmp_path / "rows") as rows, pytest.raises(sqlite3.IntegrityError):
        rows.add([("a", {}), ("a", {})])


def test_the_file_goes_away(tmp_path: Path):
    with RowFile(tmp_path / "rows") as rows:
        rows.add([("a", {"text": "secret"})])
    assert list(tmp_path.iterdir()) == []
