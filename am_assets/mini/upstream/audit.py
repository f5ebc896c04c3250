"""The audit of the mini profile: what was planted, and what the pipeline found of it.

The only reader of the truth, and no stage: it runs when a release's card is written, over the
artifacts that the release reads, and nothing it says enters a root.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from am_assets.core.manifest import Ref
from am_assets.core.schema import DEDUPLICATED, DROPPED, EXISTING_VERDICTS, KEPT, PROMPTS, RAW
from am_assets.core.store import Snapshot
from am_assets.mini.upstream.truth import planted_truth
from am_assets.stages.release.card import table

_DUPLICATE = frozenset({"exact_duplicate", "semantic_duplicate", "repeat_in_source"})
_CONTAMINATED = frozenset({"contaminated"})


class Row(NamedTuple):
    """An upstream row: the audit names rows as upstream does."""

    source: str
    week: str
    key: str


@dataclass(frozen=True)
class Finding:
    """Planted rows of one sort against what the pipeline reported as such.

    `moot` planted rows never reached the stage that looks for them: they were dropped before it,
    for another named reason.
    """

    sort: str
    planted: int
    moot: int
    missed: tuple[Row, ...]
    reported: int
    wrong: tuple[Row, ...]

    @property
    def recall(self) -> float:
        """Share of the planted rows that were found, of those that reached the stage."""
        reached = self.planted - self.moot
        return 1 - len(self.missed) / reached if reached else 1.0

    @property
    def precision(self) -> float:
        """Share of the reported rows that were planted."""
        return 1 - len(self.wrong) / self.reported if self.reported else 1.0


@dataclass
class _Fates:
    """Where each upstream row of the audited weeks ended, as far as the audit looks."""

    dropped: dict[Row, str]
    """Reason of the drop by raw_prompts, prompts or deduplicated."""
    cleaning: set[Row]
    """Rows that a cleaning rule dropped, exact duplicates apart."""
    judged: dict[Row, bool]
    """Whether the existing response passed."""


def audit(snapshot: Snapshot, through: str) -> list[Finding]:
    """Compare the truth with the artifacts of all weeks up to `through`."""
    refs = [ref for ref in snapshot.refs() if ref.partition[-1] <= through]
    weeks = sorted({ref.partition[-1] for ref in refs if ref.asset == RAW.name})
    fates = _fates(snapshot, refs)
    truth: dict[str, dict[Row, Row | None]] = {}
    for row in planted_truth():
        if row["week"] < len(weeks):
            planted = Row(row["source"], weeks[row["week"]], row["upstream_key"])
            of = row["of"] and Row(row["of_source"] or row["source"], "", row["of"])
            truth.setdefault(row["planted"], {})[planted] = of or None
    duplicates = truth.get("exact_duplicate", {}) | truth.get("near_duplicate", {})
    return [
        _duplicates(duplicates, fates),
        _dropped("contaminated", truth, fates, lambda row: fates.dropped.get(row) in _CONTAMINATED),
        _dropped("junk", truth, fates, lambda row: row in fates.cleaning),
        _wrong_responses(truth, fates),
    ]


def audit_section(snapshot: Snapshot, through: str) -> tuple[str, str]:
    """Heading and Markdown of the audit, for a release's card."""
    rows = [
        (
            finding.sort,
            finding.planted,
            finding.moot,
            finding.planted - finding.moot - len(finding.missed),
            _percent(finding.recall),
            finding.reported,
            _percent(finding.precision),
            ", ".join(f"{row.source}/{row.key}" for row in finding.missed) or "none",
            ", ".join(f"{row.source}/{row.key}" for row in finding.wrong) or "none",
        )
        for finding in audit(snapshot, through)
    ]
    header = (
        "planted",
        "rows",
        "dropped before",
        "found",
        "recall",
        "reported",
        "precision",
        "missed",
        "reported but not planted",
    )
    return "What was planted and what was found", table(header, rows)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _duplicates(planted: dict[Row, Row | None], fates: _Fates) -> Finding:
    """Of a duplicate and the row it repeats either one may be dropped."""
    reported = {row for row, reason in fates.dropped.items() if reason in _DUPLICATE}
    by_key = {(row.source, row.key) for row in reported}
    gone = {(r.source, r.key) for r, reason in fates.dropped.items() if reason not in _DUPLICATE}
    members: set[tuple[str, str]] = set()
    moot, missed = 0, []
    for row, of in planted.items():
        pair = {(row.source, row.key)} | ({(of.source, of.key)} if of else set())
        members |= pair
        if pair & by_key:
            continue
        if pair & gone:
            moot += 1
        else:
            missed.append(row)
    wrong = tuple(sorted(row for row in reported if (row.source, row.key) not in members))
    return Finding("duplicates", len(planted), moot, tuple(missed), len(reported), wrong)


def _dropped(
    sort: str,
    truth: dict[str, dict[Row, Row | None]],
    fates: _Fates,
    reported_as: Callable[[Row], bool],
) -> Finding:
    planted = truth.get(sort, {})
    reported = {row for row in fates.dropped if reported_as(row)}
    lost = {row for row in planted if row in fates.dropped and row not in reported}
    missed = tuple(sorted(row for row in planted if row not in reported | lost))
    return Finding(
        sort, len(planted), len(lost), missed, len(reported), tuple(sorted(reported - set(planted)))
    )


def _wrong_responses(truth: dict[str, dict[Row, Row | None]], fates: _Fates) -> Finding:
    planted = truth.get("wrong_response", {})
    rejected = {row for row, passed in fates.judged.items() if not passed}
    moot = sum(row not in fates.judged for row in planted)
    missed = tuple(sorted(row for row in planted if fates.judged.get(row, False)))
    return Finding(
        "wrong responses",
        len(planted),
        moot,
        missed,
        len(rejected),
        tuple(sorted(rejected - set(planted))),
    )


def _fates(snapshot: Snapshot, refs: list[Ref]) -> _Fates:
    rows_of: dict[str, list[Row]] = {}
    """By sample its upstream rows of the week that captured it."""
    fates = _Fates({}, set(), {})
    columns = ["sample_id", "source", "week", "decision", "occurrences"]
    for row in _rows(snapshot, refs, RAW.name, columns):
        keys = sorted({one["upstream_key"] for one in row["occurrences"] if one["upstream_key"]})
        if row["decision"] == KEPT:
            rows_of[row["sample_id"]] = [Row(row["source"], row["week"], key) for key in keys]
        for key in keys[1:]:
            fates.dropped[Row(row["source"], row["week"], key)] = "repeat_in_source"
    fate = ["sample_id", "week", "decision", "reason"]
    repeats = set(fates.dropped)
    for stage in (PROMPTS.name, DEDUPLICATED.name):
        # A row that returned is decided again in a later week, and that is what counts.
        for row in sorted(_rows(snapshot, refs, stage, fate), key=lambda row: row["week"]):
            for named in rows_of.get(row["sample_id"], ()):
                if named in repeats:
                    continue
                if row["decision"] != DROPPED:
                    fates.dropped.pop(named, None)
                    continue
                fates.dropped[named] = row["reason"]
                if stage == PROMPTS.name and row["reason"] not in _DUPLICATE:
                    fates.cleaning.add(named)
    for row in _rows(snapshot, refs, EXISTING_VERDICTS.name, fate):
        for named in rows_of.get(row["sample_id"], ()):
            fates.judged[named] = row["decision"] != DROPPED
    return fates


def _rows(
    snapshot: Snapshot, refs: list[Ref], asset: str, columns: list[str]
) -> list[dict[str, Any]]:
    tables = [snapshot.table(ref, asset, columns) for ref in refs if ref.asset == asset]
    return pa.concat_tables(tables).to_pylist() if tables else []
