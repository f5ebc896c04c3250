"""The ledger of a profile: where the rows of each week ended, from the manifests alone.

Not only must the counts add up: each stage's rows must be the very rows that the stage before it
keeps, source by source and week by week (see `core.id_set`). Artifacts that are each right and not
of one generation do not pass.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from am_assets.core.id_set import Cell, Cells, IdSet, differing, united
from am_assets.core.ledger import Ledger, LedgerError
from am_assets.core.manifest import Manifest, Ref
from am_assets.core.profile import Profile
from am_assets.core.schema import KEPT
from am_assets.core.stage import SOURCE_WEEK, Stage
from am_assets.core.store import Snapshot

RETURNED = "returned"
"""What a week's ledger says of rows that a later week decides again: their fate is there."""


class Scope(NamedTuple):
    """The sources and weeks that are accounted for; None is all that are published."""

    sources: frozenset[str] | None = None
    first: str | None = None
    last: str | None = None

    @classmethod
    def of(cls, profile: Profile) -> "Scope":
        """The sources and weeks of a profile."""
        weeks = profile.weeks
        last = weeks.last.isoformat() if weeks.last else None
        return cls(frozenset(profile.sources), weeks.start.isoformat(), last)

    def has_week(self, week: str) -> bool:
        """Whether a week (its Monday) is accounted for."""
        return (self.first or week) <= week <= (self.last or week)

    def has_source(self, source: str) -> bool:
        """Whether a source is accounted for."""
        return self.sources is None or source in self.sources


EVERYTHING = Scope()


@dataclass
class WeekLedger:
    """Fates of the rows one week captured."""

    week: str
    stages: dict[str, Ledger]
    """The week's rows at each stage, all sources together."""
    unchecked: tuple[str, ...] = ()
    """Artifacts from before ids were recorded: of these the counts alone are checked."""
    came_back: int = 0
    """Rows of earlier weeks that this week decides again."""
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
        came = self.rows_in + self.came_back
        if out != came:
            raise LedgerError(f"week {self.week}: {came} rows came in, {out} have a fate")

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "week": self.week,
            "rows_in": self.rows_in,
            "came_back": self.came_back,
            "dropped": self._nested(self.dropped),
            "pending": self._nested(self.pending),
            "released": self.released,
            "unchecked": list(self.unchecked),
        }

    def _nested(self, counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
        """By stage, in pipeline order."""
        order = list(self.stages)
        nested: dict[str, dict[str, int]] = {}
        for (stage, reason), rows in sorted(
            counts.items(), key=lambda item: (order.index(item[0][0]), item[0][1])
        ):
            nested.setdefault(stage, {})[reason] = rows
        return nested


def week_ledgers(
    snapshot: Snapshot,
    chain: Sequence[str],
    through: str | None = None,
    scope: Scope = EVERYTHING,
) -> list[WeekLedger]:
    """The ledger of every captured week of `scope` up to `through`.

    `chain` names the artifacts that decide a sample's fate, from the capture to the SFT dataset.

    By default up to the last week that has an SFT dataset: what is captured since has no whole
    week yet. A later week can still drop rows of an earlier one (superseded, template text), so
    that the last stage is read from the latest SFT dataset. Raises LedgerError when rows are
    unaccounted for, when artifacts are not of one generation, or when no week has an SFT dataset.
    """
    manifests = {
        ref: manifest
        for ref, manifest in snapshot.manifests(
            ref for ref in snapshot.refs() if ref.asset in (*chain, "release")
        ).items()
        if scope.has_week(ref.partition[-1]) and (through is None or ref.partition[-1] <= through)
    }
    # Sources that left the profile end in `deduplicated`, which reads their prompts as they are.
    manifests = {
        ref: manifest
        for ref, manifest in manifests.items()
        if len(ref.partition) == 1
        or scope.has_source(ref.partition[0])
        or (
            ref.asset in ("raw_prompts", "prompts")
            and Ref(asset="prompts", partition=ref.partition) in manifests
        )
    }
    final = _latest(manifests)
    if final is None:
        raise LedgerError("no sft_dataset is materialized yet: there is no whole week to account")
    links = _Chain(manifests, chain, final, scope)
    weeks = sorted(
        {
            ref.partition[-1]
            for ref in manifests
            if ref.asset in chain and ref.partition[-1] <= final.ref.partition[-1]
        }
    )
    ledgers: list[WeekLedger] = []
    for week in weeks:
        links.check(week)
        ledgers.append(
            WeekLedger(week, links.ledgers(week), links.unchecked(week), links.came_back(week))
        )
        ledgers[-1].check()
    links.check_release()
    return ledgers


def _latest(manifests: Mapping[Ref, Manifest]) -> Manifest | None:
    datasets = [ref for ref in manifests if ref.asset == "sft_dataset"]
    return manifests[max(datasets, key=lambda ref: ref.partition[-1])] if datasets else None


class _Chain:
    """The artifacts that decide rows, and the SFT dataset that decides last."""

    def __init__(
        self,
        manifests: Mapping[Ref, Manifest],
        chain: Sequence[str],
        final: Manifest,
        scope: Scope,
    ) -> None:
        self._manifests = manifests
        self._chain = chain
        self._final = final
        self._scope = scope
        self._of: defaultdict[tuple[str, str], list[Manifest]] = defaultdict(list)
        """Manifests by asset and week, the SFT dataset apart."""
        for ref, manifest in sorted(manifests.items(), key=lambda item: str(item[0])):
            if ref.asset in chain[:-1] and ref.partition[-1] <= final.ref.partition[-1]:
                self._of[ref.asset, ref.partition[-1]].append(manifest)
        self._moved: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        """Rows that a later week decides again, by the stage and week that dropped them: reasons"""
        for (asset, _), listed in list(self._of.items()):
            for manifest in listed if asset == "deduplicated" else ():
                for name, rows in manifest.counts.get("returned", {}).items():
                    week, stage, reason = name.split("|")
                    self._moved[stage, week][reason] += rows

    def ledgers(self, week: str) -> dict[str, Ledger]:
        """By stage the counts of a week's rows."""
        found: dict[str, Ledger] = {}
        for stage in self._chain[:-1]:
            parts = [Ledger.from_dict(m.ledger) for m in self._of[stage, week] if m.ledger]
            found[stage] = _without(_sum(parts), self._moved[stage, week])
        decided = self._final.counts["by_week"].get(week)
        return found | {"sft_dataset": _sum([Ledger.from_dict(decided)] if decided else [])}

    def unchecked(self, week: str) -> tuple[str, ...]:
        """Artifacts of a week that say nothing about ids."""
        return tuple(
            str(manifest.ref)
            for stage in self._chain
            for manifest in self._stage(stage, week)
            if manifest.ids is None
        )

    def came_back(self, week: str) -> int:
        """Rows of earlier weeks that this week decides again."""
        return sum(
            sum(manifest.counts.get("returned", {}).values())
            for manifest in self._of["deduplicated", week]
        )

    def check(self, week: str) -> None:
        """Raise LedgerError where a stage does not hold the rows that the stage before keeps.

        `deduplicated` holds those beside that return from earlier weeks: it must have read these
        weeks as they are now.
        """
        for before, stage in itertools.pairwise(self._chain):
            keeps = _cells(self._stage(before, week), week, KEPT)
            holds = _cells(self._stage(stage, week), week)
            if keeps is None or holds is None:
                continue
            if stage == "deduplicated":
                for manifest in self._of[stage, week]:
                    self._check_returned(manifest)
                    keeps = united(keeps, manifest.cells("returned") or {})
            for cell in differing(keeps, holds):
                raise self._mismatch(
                    self._ref(stage, cell),
                    holds.get(cell, IdSet()),
                    self._ref(before, cell),
                    keeps.get(cell, IdSet()),
                )

    def _check_returned(self, manifest: Manifest) -> None:
        for item in manifest.inputs if manifest.counts.get("returned") else ():
            decided = item.ref.asset in ("prompts", "deduplicated")
            if not decided or item.ref.partition[-1] == manifest.ref.partition[-1]:
                continue
            now = self._manifests.get(item.ref)
            if now is not None and now.root != item.root:
                raise LedgerError(
                    f"{manifest.ref} decides rows again that an older {item.ref} dropped: they are "
                    f"not of one generation, materialize {manifest.ref} and what follows it again"
                )

    def check_release(self) -> None:
        """Raise LedgerError where the dataset's release is not of the rows that it keeps."""
        week = self._final.ref.partition[-1]
        release = self._manifests.get(Ref(asset="release", partition=(week,)))
        # A release of an older dataset is stale, and says so in its inputs.
        if release is None or self._final.root not in {item.root for item in release.inputs}:
            return
        keeps, holds = self._final.cells(KEPT), release.cells(KEPT)
        if keeps is None or holds is None:
            return
        for cell in differing(keeps, holds):
            raise self._mismatch(
                release.ref,
                holds.get(cell, IdSet()),
                self._final.ref,
                keeps.get(cell, IdSet()),
            )

    def _stage(self, stage: str, week: str) -> list[Manifest]:
        return [self._final] if stage == "sft_dataset" else self._of[stage, week]

    def _ref(self, stage: str, cell: Cell) -> Ref:
        if stage == "sft_dataset":
            return self._final.ref
        return Ref(asset=stage, partition=(cell.week,) if stage == "deduplicated" else cell)

    def _mismatch(self, holder: Ref, holds: IdSet, keeper: Ref, keeps: IdSet) -> LedgerError:
        if len(holder.partition) == 2 and not self._scope.has_source(holder.partition[0]):
            source = holder.partition[0]
            if holder.asset == "labels":
                return LedgerError(
                    f"{keeper} keeps {keeps.rows} rows of source {source}, which has left the "
                    f"profile: materialize {keeper} and what follows it again"
                )
            return LedgerError(
                f"source {source} left the profile before {holder} was made of what {keeper} "
                "keeps: put it back into the profile, materialize that, and take it out again"
            )
        for ref in (keeper, holder):
            if ref not in self._manifests:
                return LedgerError(f"{ref} is not materialized: materialize it and what follows it")
        return LedgerError(
            f"{holder} holds {holds.rows} rows that are not the {keeps.rows} that {keeper} keeps: "
            f"they are not of one generation, materialize {holder} and what follows it again"
        )


def _cells(manifests: list[Manifest], week: str, *fates: str) -> Cells | None:
    """Ids of a week's rows; None where one of the manifests does not say."""
    parts: list[Cells] = []
    for manifest in manifests:
        cells = manifest.cells(*fates)
        if cells is None:
            return None
        parts.append({cell: ids for cell, ids in cells.items() if cell.week == week})
    return united(*parts)


def outside(snapshot: Snapshot, scope: Scope, stages: Iterable[Stage]) -> str | None:
    """One line about published artifacts of sources and weeks that are not in `scope`, if any.

    Of `stages` those count that are partitioned by week.
    """
    dimensions = {stage.name: stage.dimensions for stage in stages}
    sources: Counter[str] = Counter()
    weeks: Counter[str] = Counter()
    for ref in snapshot.refs():
        by = dimensions.get(ref.asset, ())
        if by == SOURCE_WEEK and not scope.has_source(ref.partition[0]):
            sources[ref.partition[0]] += 1
        elif "week" in by and not scope.has_week(ref.partition[-1]):
            weeks[ref.partition[-1]] += 1
    found = [f"source {name} ({count} artifacts)" for name, count in sorted(sources.items())]
    found += [f"week {name} ({count} artifacts)" for name, count in sorted(weeks.items())]
    return f"Published and outside the profile: {', '.join(found)}" if found else None


def _without(ledger: Ledger, moved: Counter[str]) -> Ledger:
    """The ledger of a week's stage once rows it dropped are decided again later."""
    if not moved:
        return ledger
    left = {reason: rows - moved[reason] for reason, rows in ledger.dropped.items()}
    dropped = {reason: rows for reason, rows in left.items() if rows}
    return Ledger(ledger.rows_in, ledger.kept, dropped | {RETURNED: moved.total()}, ledger.pending)


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
