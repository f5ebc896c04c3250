"""The ledger of a profile: where the rows of each week ended, from the manifests alone."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from am_assets.core.ledger import Ledger, LedgerError
from am_assets.core.manifest import Ref
from am_assets.core.store import Snapshot

STAGES = ("raw_prompts", "prompts", "deduplicated", "labels", "verified", "sft_dataset")
"""Stages that decide a sample's fate, in pipeline order."""


@dataclass
class WeekLedger:
    """Fates of the rows one week captured."""

    week: str
    stages: dict[str, Ledger]
    """The week's rows at each stage, all sources together."""
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(stage, reason) -> rows."""
    pending: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(stage, cause) -> rows."""

    def __post_init__(self) -> None:
        for stage, ledger in self.stages.items():
            for reason, rows in ledger.dropped.items():
                self.dropped[stage, reason] += rows
            for cause, rows in ledger.pending.items():
                self.pending[stage, cause] += rows

    @property
    def rows_in(self) -> int:
        """Upstream rows of the week."""
        return self.stages["raw_prompts"].rows_in

    @property
    def released(self) -> int:
        """Rows that the latest SFT dataset, and so the release, holds."""
        return self.stages["sft_dataset"].kept

    def check(self) -> None:
        """Raise LedgerError unless every row has exactly one fate."""
        out = self.released + self.dropped.total() + self.pending.total()
        if out != self.rows_in:
            raise LedgerError(f"week {self.week}: {self.rows_in} rows came in, {out} have a fate")

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "week": self.week,
            "rows_in": self.rows_in,
            "dropped": _nested(self.dropped),
            "pending": _nested(self.pending),
            "released": self.released,
        }


def week_ledgers(snapshot: Snapshot, through: str | None = None) -> list[WeekLedger]:
    """The ledger of every week up to `through` (default: the last with an SFT dataset).

    A later week can still drop rows of an earlier one (superseded, template text), so that the
    last stage is read from the latest SFT dataset. Raises LedgerError when rows are unaccounted
    for, or when no week has an SFT dataset.
    """
    manifests = snapshot.manifests(snapshot.refs())
    weeks = sorted(
        ref.partition[-1]
        for ref in manifests
        if ref.asset == "sft_dataset" and (through is None or ref.partition[-1] <= through)
    )
    if not weeks:
        raise LedgerError("no sft_dataset is materialized yet: there is no whole week to account")
    final = manifests[Ref(asset="sft_dataset", partition=(weeks[-1],))].counts["by_week"]
    ledgers: list[WeekLedger] = []
    for week in weeks:
        stages: dict[str, list[Ledger]] = {stage: [] for stage in STAGES}
        for ref, manifest in manifests.items():
            if ref.asset in STAGES[:-1] and ref.partition[-1] == week and manifest.ledger:
                stages[ref.asset].append(Ledger.from_dict(manifest.ledger))
        if week in final:
            stages["sft_dataset"].append(Ledger.from_dict(final[week]))
        ledgers.append(WeekLedger(week, {stage: _sum(parts) for stage, parts in stages.items()}))
        ledgers[-1].check()
    return ledgers


def _sum(ledgers: list[Ledger]) -> Ledger:
    dropped: Counter[str] = Counter()
    pending: Counter[str] = Counter()
    for ledger in ledgers:
        dropped.update(ledger.dropped)
        pending.update(ledger.pending)
    return Ledger(
        sum(ledger.rows_in for ledger in ledgers),
        sum(ledger.kept for ledger in ledgers),
        dict(dropped),
        dict(pending),
    )


def _nested(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (stage, reason), rows in sorted(
        counts.items(), key=lambda item: (STAGES.index(item[0][0]), item[0][1])
    ):
        nested.setdefault(stage, {})[reason] = rows
    return nested
