"""Tables that are written as they come: the same artifact as from memory."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from am_assets.core import table_writer
from am_assets.core.identity import table_root
from am_assets.core.ledger import LedgerError, ledger_of
from am_assets.core.schema import LABELS
from am_assets.core.table_writer import TableWriter, WrittenTable


def _rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "sample_id": f"{index * 7919 % 1009:04d}",
            "source": "s",
            "week": "2025-01-06",
            "prompt_tokens": index,
            "decision": "dropped" if index % 3 == 0 else "kept",
            "reason": "down_sampled" if index % 3 == 0 else None,
        }
        for index in range(count)
    ]


def _write(rows: list[dict[str, Any]], folder: Path) -> WrittenTable:
    with TableWriter(LABELS, folder, folder) as writer:
        for row in rows:
            writer.add(row)
        return writer.finish()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(order=st.permutations(range(40)), group=st.integers(1, 50))
def test_a_written_table_has_the_rows_and_root_of_one_made_in_memory(
    order: list[int], group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_writer, "_GROUP_ROWS", group)
    rows = _rows(40)
    expected = LABELS.table(rows)
    written = _write([rows[index] for index in order], tmp_path)
    assert pq.read_table(tmp_path / "labels.parquet") == expected
    assert written.root == table_root(expected, "sample_id")
    assert written.num_rows == 40
    assert written.ledger() == ledger_of(expected)


def test_a_table_without_rows_is_written_too(tmp_path: Path) -> None:
    written = _write([], tmp_path)
    assert pq.read_table(tmp_path / "labels.parquet").schema == LABELS.arrow
    assert written.root == table_root(LABELS.table([]), "sample_id")


def test_an_id_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0000 occurs twice"):
        _write([*_rows(1), *_rows(1)], tmp_path)


def test_an_unknown_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no column surprise"):
        _write([{**_rows(1)[0], "surprise": 1}], tmp_path)


def test_a_row_without_a_reason_for_its_drop_has_no_ledger(tmp_path: Path) -> None:
    written = _write([{**_rows(2)[1], "decision": "dropped"}], tmp_path)
    with pytest.raises(LedgerError):
        written.ledger()


def test_nothing_is_left_beside_the_table(tmp_path: Path) -> None:
    _write(_rows(3), tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["labels.parquet"]
