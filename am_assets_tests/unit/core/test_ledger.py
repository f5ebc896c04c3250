"""Every row has one fate, and the counts add up or nothing is published."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.ledger import Ledger, LedgerError, ledger_of

_fates = st.lists(
    st.sampled_from([("kept", None), ("dropped", "url"), ("dropped", "table"), ("pending", "x")])
)


def _table(fates: list[tuple[Any, Any]]) -> pa.Table:
    return pa.table(
        {
            "decision": pa.array([fate for fate, _ in fates], pa.string()),
            "reason": pa.array([reason for _, reason in fates], pa.string()),
        }
    )


@given(_fates, st.integers(0, 5))
def test_counted_fates_add_up(fates: list[tuple[Any, Any]], collapsed: int) -> None:
    ledger = ledger_of(_table(fates), collapsed={"repeat": collapsed})
    ledger.check("x")
    assert ledger.rows_in == len(fates) + collapsed
    assert ledger.complete == (("pending", "x") not in fates)
    assert Ledger.from_dict(ledger.as_dict()) == ledger


@given(_fates, st.integers(1, 5))
def test_rows_lost_or_made_on_the_way_are_an_error(fates: list[Any], off: int) -> None:
    for rows_in in (len(fates) - off, len(fates) + off):
        with pytest.raises(LedgerError, match=f"prompts a: {rows_in} rows came in but"):
            ledger_of(_table(fates), rows_in).check("prompts a")


@pytest.mark.parametrize(
    "fate", [("dropped", None), ("pending", ""), (None, None), ("maybe", "unsure")]
)
def test_a_row_without_a_valid_fate_is_an_error(fate: tuple[Any, Any]) -> None:
    with pytest.raises(LedgerError, match="a row has decision"):
        ledger_of(_table([fate]))
