"""The weekly `deduplicated` stage: decontamination first, then dedup against everything kept.

Fans in over sources. Order matters here alone, so it runs week by week.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from am_assets.core.config import Dedup
from am_assets.core.schema import DEDUPLICATED, DROPPED, KEPT, PENDING, SUPERSEDED, dumps, kept
from am_assets.stages.decontamination import Contamination, Hit, Undecided
from am_assets.stages.dedup import Duplicate, Entry, deduplicate
from am_assets.stages.embedding import matrix
from am_assets.stages.priority import PRIORITY_COLUMNS, priority
from am_assets.stages.similarity import nearest

CONTAMINATED, EXACT_DUPLICATE, SEMANTIC_DUPLICATE = (
    "contaminated",
    "exact_duplicate",
    "semantic_duplicate",
)
EARLIER_SCHEMA_COLUMNS = ("sample_id", "prompt_hash", "reference_answer", "vector")
"""Columns of the `earlier` table of `decide_week`."""

HISTOGRAM_BINS = 50


@dataclass(frozen=True)
class WeekStats:
    """Counts and plot data of a week; not identity.

    `nearest` counts candidates by similarity to their nearest other row (candidates that are not
    contaminated, earlier kept rows), in `HISTOGRAM_BINS` bins over 0..1.
    """

    candidates: int
    kept: int
    contaminated: dict[str, int]
    """By benchmark and method, e.g. "gsm8k/ngram"."""
    duplicates: dict[str, int]
    """By reason."""
    different_references: int
    nearest: list[int]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class WeekDecisions:
    """The week's DEDUPLICATED and SUPERSEDED tables, with counts."""

    table: pa.Table
    superseded: pa.Table
    stats: WeekStats


def decide_week(
    prompts: Mapping[str, pa.Table],
    embeddings: Mapping[str, pa.Table],
    contamination: Contamination,
    earlier: pa.Table | None,
    ranks: Mapping[str, int],
    dedup: Dedup,
) -> WeekDecisions:
    """Decide every kept prompt of a week.

    `prompts` (PROMPTS) and `embeddings` are the week's tables by source, `ranks` the sources'
    ranks; `contamination` says which prompts are contaminated or undecided: neither is
    deduplicated. `earlier` holds what earlier weeks kept and did not supersede since, with
    `EARLIER_SCHEMA_COLUMNS`, or None. Every row of `prompts` that supersedes an older one does so
    whatever becomes of itself: upstream no longer stands by the older content. Raises KeyError
    when a kept prompt has no vector.
    """
    rows = [row for table in prompts.values() for row in kept(table).to_pylist()]
    rows.sort(key=lambda row: row["sample_id"])
    vectors = _aligned(rows, embeddings)
    hits, undecided = contamination.hits, contamination.undecided
    clean = [
        index
        for index, row in enumerate(rows)
        if row["sample_id"] not in hits and row["sample_id"] not in undecided
    ]
    older, older_vectors = _earlier(earlier)
    superseded = _superseded(prompts)
    gone = {pair["sample_id"] for pair in superseded}
    found = deduplicate(
        [_entry(rows[index], ranks) for index in clean],
        vectors[clean],
        older,
        older_vectors,
        dedup,
        superseded=gone,
    )
    standing = [i for i, entry in enumerate(older) if entry.sample_id not in gone]
    decided = [
        _decided(
            row,
            hits.get(row["sample_id"]) or undecided.get(row["sample_id"]),
            found.duplicates.get(row["sample_id"]),
        )
        for row in rows
    ]
    stats = WeekStats(
        candidates=len(rows),
        kept=sum(row["decision"] == KEPT for row in decided),
        contaminated=contamination.counts(),
        duplicates=dict(sorted(Counter(_reason(d) for d in found.duplicates.values()).items())),
        different_references=found.different_references,
        nearest=_histogram(vectors[clean], older_vectors[standing]),
    )
    return WeekDecisions(DEDUPLICATED.table(decided), SUPERSEDED.table(superseded), stats)


def _reason(duplicate: Duplicate) -> str:
    return EXACT_DUPLICATE if duplicate.identical else SEMANTIC_DUPLICATE


def _decided(
    row: Mapping[str, Any], found: Hit | Undecided | None, duplicate: Duplicate | None
) -> dict[str, Any]:
    decided = {name: row[name] for name in ("sample_id", "source", "week")}
    if isinstance(found, Hit):
        evidence = dumps(found.evidence())
        return {**decided, "decision": DROPPED, "reason": CONTAMINATED, "evidence": evidence}
    if found is not None:
        evidence = dumps(found.evidence)
        return {**decided, "decision": PENDING, "reason": found.reason, "evidence": evidence}
    if duplicate is not None:
        evidence = {"twin": duplicate.twin, "similarity": duplicate.similarity}
        reason = _reason(duplicate)
        return {**decided, "decision": DROPPED, "reason": reason, "evidence": dumps(evidence)}
    return {**decided, "decision": KEPT}


def _entry(row: Mapping[str, Any], ranks: Mapping[str, int]) -> Entry:
    return Entry(
        sample_id=row["sample_id"],
        prompt_hash=row["prompt_hash"],
        reference_answer=row["reference_answer"],
        priority=priority({name: row[name] for name in PRIORITY_COLUMNS}, ranks[row["source"]]),
    )


def _aligned(rows: Sequence[Mapping[str, Any]], embeddings: Mapping[str, pa.Table]) -> np.ndarray:
    """Vectors in the order of `rows`."""
    if not rows:
        return np.zeros((0, 0), dtype=np.float32)
    tables = [table for table in embeddings.values() if table.num_rows]
    ids = [sample for table in tables for sample in table["sample_id"].to_pylist()]
    place = {sample: index for index, sample in enumerate(ids)}
    stacked = np.concatenate([matrix(table) for table in tables])
    return stacked[[place[row["sample_id"]] for row in rows]]


def _earlier(table: pa.Table | None) -> tuple[list[Entry], np.ndarray]:
    if table is None or table.num_rows == 0:
        return [], np.zeros((0, 0), dtype=np.float32)
    columns = ["sample_id", "prompt_hash", "reference_answer"]
    return [Entry(**row) for row in table.select(columns).to_pylist()], matrix(table)


def _superseded(prompts: Mapping[str, pa.Table]) -> list[dict[str, str]]:
    return [
        {"sample_id": row["supersedes"], "superseded_by": row["sample_id"]}
        for table in prompts.values()
        for row in table.select(["sample_id", "supersedes"]).to_pylist()
        if row["supersedes"] is not None
    ]


def _histogram(vectors: np.ndarray, earlier: np.ndarray) -> list[int]:
    if not len(vectors):
        return [0] * HISTOGRAM_BINS
    best = np.maximum(nearest(vectors, vectors, True), nearest(vectors, earlier, False))
    counts, _ = np.histogram(np.clip(best, 0.0, 1.0), bins=HISTOGRAM_BINS, range=(0.0, 1.0))
    return counts.tolist()
