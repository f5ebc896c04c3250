"""One week's capture of a source: which samples are new, changed, repeated or vanished.

A capture is sealed by whoever stores it; here it is a function of the upstream rows, of the
captures of earlier weeks, and of the takedowns.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from am_assets.core.identity import sample_id
from am_assets.core.schema import DROPPED, KEPT, RAW, VANISHED
from am_assets.core.settings.sources import Source
from am_assets.stages.sources import UpstreamRow
from am_assets.stages.sources.content import content_hash
from am_assets.stages.sources.mapping import map_row
from am_assets.stages.sources.sealing import ErasedRow, Place, SealedRow, Tombstone
from am_assets.stages.sources.takedowns import TakedownError, Takedowns, key_name

REPEAT_IN_SOURCE, REPEATED, TAKEDOWN = "repeat_in_source", "repeated", "takedown"
EARLIER_COLUMNS = ("sample_id", "reason", "upstream_keys")
"""Columns of earlier RAW tables that `capture_week` reads; all are part of their roots."""


@dataclass(frozen=True)
class Capture:
    """A week's RAW and VANISHED tables, and counts for the ledger.

    `rows_in` upstream rows are the kept rows plus `dropped`, by reason: an occurrence beyond a
    sample's first is dropped as repeat_in_source and has no row of its own. `erased` are the rows
    of taken-down samples that still had their text.
    """

    table: pa.Table
    vanished: pa.Table
    rows_in: int
    kept: int
    dropped: dict[str, int]
    erased: dict[Place, Tombstone]


@dataclass
class _Sample:
    """What the rows of one sample have in common, and each row by itself."""

    record: dict[str, Any]
    content_hash: str | None
    occurrences: list[dict[str, Any]] = field(default_factory=list)
    verdicts: set[bool | None] = field(default_factory=set)
    texts: list[Place] = field(default_factory=list)
    """Where its rows lie that have their text."""
    gone: bool = False
    """Whether it is taken down, now or when its text was erased."""

    @property
    def keys(self) -> list[str]:
        """Upstream keys of its rows, sorted, once each."""
        return sorted({one["upstream_key"] for one in self.occurrences} - {None})


@dataclass
class _Earlier:
    """What earlier weeks of the source captured."""

    ids: set[str] = field(default_factory=set)
    """Samples whose content some earlier capture has: not those it took down."""
    last_week: set[str] = field(default_factory=set)
    by_key: dict[str, set[str]] = field(default_factory=dict)
    """Upstream key -> the sample ids it named in the latest week that had it."""


def capture_week(
    rows: Iterable[SealedRow],
    source: Source,
    name: str,
    week: str,
    earlier: Sequence[pa.Table],
    takedowns: Takedowns,
    key: bytes = b"",
) -> Capture:
    """Capture the upstream `rows` of source `name` in `week` (a Monday, ISO date).

    `earlier` are the RAW tables of the source's earlier weeks, oldest first (`EARLIER_COLUMNS`
    suffice), dropped rows included: they tell what was upstream. A row whose upstream key named
    other content before is `changed` and supersedes it, unless the older content is still
    upstream too. Taken-down samples keep a row without any text, and so do those whose text was
    erased and that are taken down no more. `key` is that of content hashes. Raises SourceError, and
    TakedownError where a text was erased under another key.
    """
    before = _read_earlier(earlier)
    samples: dict[str, _Sample] = {}
    erased: dict[Place, Tombstone] = {}
    for row in rows:
        if isinstance(row, ErasedRow):
            _bury(samples, row, key)
        else:
            sample, found = _read_row(samples, row, source, name, key)
            found.gone |= takedowns.cover(sample, found.content_hash)
    for sample, found in samples.items():
        if found.gone:
            tombstone = Tombstone(sample, found.record["kind"], found.content_hash, key_name(key))
            erased |= dict.fromkeys(found.texts, tombstone)
    superseded = _supersede(samples, before)
    table = [
        {"sample_id": sample, "source": name, "week": week, **_row(sample, one, before, superseded)}
        for sample, one in samples.items()
    ]
    rows_in = sum(len(one.occurrences) for one in samples.values())
    dropped = {
        REPEAT_IN_SOURCE: rows_in - len(table),
        REPEATED: sum(row.get("reason") == REPEATED for row in table),
        TAKEDOWN: sum(row.get("reason") == TAKEDOWN for row in table),
    }
    return Capture(
        table=RAW.table(table),
        vanished=VANISHED.table({"sample_id": s} for s in before.last_week - samples.keys()),
        rows_in=rows_in,
        kept=rows_in - sum(dropped.values()),
        dropped=dropped,
        erased=erased,
    )


def _read_row(
    samples: dict[str, _Sample], row: UpstreamRow, source: Source, name: str, key: bytes
) -> tuple[str, _Sample]:
    mapped = map_row(row, source.columns, source.domain)
    upstream_key = mapped.pop("upstream_key")
    # What others say of a response does not make it another sample.
    verdict = mapped.pop("recorded_verdict")
    sample = sample_id(name, mapped)
    if sample not in samples:
        samples[sample] = _Sample(mapped, content_hash(mapped["prompt"], key))
    samples[sample].texts.append((row.file, row.row))
    samples[sample].verdicts.add(verdict)
    samples[sample].occurrences.append(_occurrence(row, upstream_key))
    return sample, samples[sample]


def _bury(samples: dict[str, _Sample], row: ErasedRow, key: bytes) -> None:
    """Count a row whose text was erased; of a sample with such rows none keeps its text."""
    stone = row.erased
    if stone.content_hash is not None and stone.content_key != key_name(key):
        raise TakedownError(
            f"{row.file}, row {row.row} was erased under another key than that of takedowns/key, "
            "so that its text could come back unknown: put the former takedowns/key in place"
        )
    found = samples.setdefault(
        stone.sample_id, _Sample({"kind": stone.kind, "prompt": ""}, stone.content_hash)
    )
    found.gone = True
    found.occurrences.append(_occurrence(row, None))


def _occurrence(row: SealedRow, key: str | None) -> dict[str, Any]:
    return {"file": row.file, "row": row.row, "file_sha256": row.file_sha256, "upstream_key": key}


def _row(
    sample: str, found: _Sample, before: _Earlier, superseded: dict[str, str]
) -> dict[str, Any]:
    occurrences = sorted(found.occurrences, key=lambda one: (one["file"], one["row"]))
    known = sample in before.ids
    always = {
        "kind": found.record["kind"],
        "content_hash": found.content_hash,
        "rows": len(occurrences),
        "change": "repeated" if known else "new",
    }
    if found.gone:
        # Also the keys go: a source may use a text as its key. File and row stay, to be found.
        return {
            **always,
            "prompt": "",
            "decision": DROPPED,
            "reason": TAKEDOWN,
            "occurrences": [{**one, "upstream_key": None} for one in occurrences],
        }
    always |= {"upstream_keys": found.keys or None, "occurrences": occurrences}
    if known:
        # The capture that saw it first holds its content; weeks of unchanged rows cost little.
        return {**always, "decision": DROPPED, "reason": REPEATED}
    older = superseded.get(sample)
    return {
        **always,
        **found.record,
        "recorded_verdict": _agreed(found.verdicts),
        "upstream_key": found.keys[0] if found.keys else None,
        "change": "new" if older is None else "changed",
        "supersedes": older,
        "decision": KEPT,
    }


def _agreed(verdicts: AbstractSet[bool | None]) -> bool | None:
    """What all of a sample's upstream rows say, None where they contradict each other."""
    said = verdicts - {None}
    return next(iter(said)) if len(said) == 1 else None


def _supersede(samples: dict[str, _Sample], before: _Earlier) -> dict[str, str]:
    """New sample id -> the older id it supersedes; each older id is superseded once.

    In order of sample id, so that the outcome does not depend on upstream's order.
    """
    taken: set[str] = set()
    superseded: dict[str, str] = {}
    for sample, found in sorted(samples.items()):
        if sample in before.ids or found.gone:
            continue
        older = {old for key in found.keys for old in before.by_key.get(key, ())}
        older -= samples.keys() | taken
        if older:
            superseded[sample] = min(older)
            taken.add(superseded[sample])
    return superseded


def _read_earlier(tables: Sequence[pa.Table]) -> _Earlier:
    before = _Earlier()
    for table in tables:
        by_key: dict[str, set[str]] = defaultdict(set)
        before.last_week = set()
        for row in table.select(list(EARLIER_COLUMNS)).to_pylist():
            before.last_week.add(row["sample_id"])
            if row["reason"] != TAKEDOWN:
                before.ids.add(row["sample_id"])
            for key in row["upstream_keys"] or ():
                by_key[key].add(row["sample_id"])
        before.by_key |= by_key
    return before
