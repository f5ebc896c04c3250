"""The ledger: every row of a partition has one fate, and the counts add up before publication."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa

from am_assets.core.schema import DROPPED, KEPT, PENDING

T = TypeVar("T")


class LedgerError(ValueError):
    """Counts that do not add up, or a row without exactly one fate. Nothing is published."""


@dataclass(frozen=True)
class Ledger:
    """Counts of one artifact: rows in = kept + dropped by reason + pending by cause."""

    rows_in: int
    kept: int
    dropped: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether no row waits for us."""
        return not self.pending

    def check(self, artifact: str) -> None:
        """Raise LedgerError unless the counts add up."""
        out = self.kept + sum(self.dropped.values()) + sum(self.pending.values())
        if out != self.rows_in:
            raise LedgerError(
                f"{artifact}: {self.rows_in} rows came in but {out} have a fate "
                f"(kept {self.kept}, dropped {self.dropped}, pending {self.pending})"
            )

    def as_dict(self) -> dict[str, Any]:
        """JSON form, as manifests hold it."""
        return {
            "rows_in": self.rows_in,
            "kept": self.kept,
            "dropped": dict(sorted(self.dropped.items())),
            "pending": dict(sorted(self.pending.items())),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Ledger":
        """Read the JSON form."""
        return cls(data["rows_in"], data["kept"], data["dropped"], data["pending"])


def ledger_of(
    table: pa.Table, rows_in: int | None = None, collapsed: dict[str, int] | None = None
) -> Ledger:
    """Count the fates of `table`.

    `rows_in` is what upstream handed over, counted there and not here (default: the table's own
    rows, for stages whose input is itself); `collapsed` counts input rows that were folded into
    another row, by reason. Raises LedgerError for a row without a valid decision or reason.
    """
    counts = table.group_by(["decision", "reason"]).aggregate([([], "count_all")]).to_pylist()
    fates = {(row["decision"], row["reason"]): row["count_all"] for row in counts}
    return tally(fates, rows_in, collapsed)


def tally(
    fates: Mapping[tuple[str, str | None], int],
    rows_in: int | None = None,
    collapsed: Mapping[str, int] | None = None,
) -> Ledger:
    """The ledger of rows counted by (decision, reason); see `ledger_of`."""
    dropped: Counter[str] = Counter(collapsed or {})
    pending: Counter[str] = Counter()
    kept = 0
    for (decision, reason), count in fates.items():
        if decision == KEPT:
            kept += count
        elif decision in (DROPPED, PENDING) and reason:
            (dropped if decision == DROPPED else pending)[reason] += count
        else:
            raise LedgerError(f"a row has decision {decision!r} with reason {reason!r}")
    total = sum(fates.values()) + sum((collapsed or {}).values())
    return Ledger(
        total if rows_in is None else rows_in,
        kept,
        {reason: count for reason, count in dropped.items() if count},
        dict(pending),
    )


def held(rows: Mapping[str, T], sample_id: str, asset: str, keeper: str) -> T:
    """What `asset` has, among `rows`, of a sample that `keeper` keeps.

    Raises LedgerError where it has nothing: one of the two was made again without the other.
    """
    if sample_id not in rows:
        raise LedgerError(
            f"{asset} has nothing of the sample {sample_id}, which {keeper} keeps: they are not of "
            f"one generation, materialize {asset} and {keeper} again, in order"
        )
    return rows[sample_id]
