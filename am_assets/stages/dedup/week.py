"""The weekly `deduplicated` stage: decontamination first, then dedup against everything kept.

Fans in over sources. Order matters here alone, so it runs week by week.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.profile import Dedup
from am_assets.core.provenance import read_rows
from am_assets.core.schema import DEDUPLICATED, DROPPED, KEPT, PENDING, SUPERSEDED, dumps
from am_assets.stages.answers.references import DIFFERENT
from am_assets.stages.decontamination import Contamination
from am_assets.stages.dedup.greedy import BLOCK, Decisions, Rows, deduplicate
from am_assets.stages.dedup.returning import EXACT_DUPLICATE, SEMANTIC_DUPLICATE
from am_assets.stages.dedup.threshold_report import Sample, policies_around, report_of
from am_assets.stages.dedup.week_rows import (
    Candidates,
    EarlierPart,
    WeekPart,
    earlier_rows,
    read_candidates,
    stack_vectors,
)
from am_assets.stages.prompts.priority import priority_order

CONTAMINATED, SOURCE_RETIRED = "contaminated", "source_retired"


@dataclass(frozen=True)
class WeekStats:
    """Counts and plot data of a week; not identity."""

    candidates: int
    kept: int
    contaminated: dict[str, int]
    """By benchmark and method, e.g. "gsm8k/ngram"."""
    duplicates: dict[str, int]
    """By reason."""
    similar_pairs: int
    """Pairs above the threshold, of a row and one kept before it."""
    different_references: int
    """How many of them have reference answers that differ."""
    kept_for_reference: int
    """Rows kept for nothing but that."""
    identical_with_different_references: int
    """Rows dropped as repeating a prompt word for word, with another reference answer."""
    thresholds: dict[str, Any]
    """See `stages.threshold_report`."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class WeekDecisions:
    """The week's DEDUPLICATED and SUPERSEDED tables, with counts."""

    table: pa.Table
    superseded: pa.Table
    stats: WeekStats


def decide_week(
    parts: Sequence[WeekPart],
    contamination: Contamination,
    earlier: Sequence[EarlierPart],
    ranks: Mapping[str, int],
    dedup: Dedup,
    scratch: Path,
    block: int = BLOCK,
    device: str = "cpu",
    retired: Sequence[Path] = (),
) -> WeekDecisions:
    """Decide every kept prompt of a week.

    `parts` are the week's rows, with those that return to it (see `stages.returning`), `ranks` the
    sources' ranks; `contamination` says which prompts are contaminated or undecided: neither is
    deduplicated. `earlier` is what earlier weeks kept and did not supersede since. Every row of
    the week that supersedes an older one does so whatever becomes of itself: upstream no longer
    stands by the older content. The kept prompts of the files `retired`, whose sources have left
    the profile, are dropped, compared with nothing and nobody's twin. Vectors wait in the folder
    `scratch`, products are taken on `device`. Raises KeyError when a kept prompt has no vector.
    """
    candidates = read_candidates(parts, ranks)
    ids = candidates.rows["sample_id"].combine_chunks()
    settled = pa.array([*contamination.hits, *contamination.undecided], pa.string())
    in_question = pc.call_function("is_in", [ids], pc.SetLookupOptions(settled))
    clean = np.flatnonzero(~in_question.to_numpy(zero_copy_only=False))
    file = scratch / "week.vectors"
    vectors = stack_vectors(parts, candidates.rows, clean, file)
    rows = _rows(candidates, clean, vectors)
    older = sum(len(part.kept) for part in earlier)
    sample = Sample(rows, older)
    before = earlier_rows(earlier, candidates.superseded["sample_id"].combine_chunks())
    policies = policies_around(dedup, sample.floor(dedup.threshold))
    found, *others = deduplicate(
        rows,
        priority_order(candidates.keys[clean], rows.ids),
        (sample.watched(part) for part in before),
        [dedup, *policies],
        block,
        scratch,
        device=device,
    )
    del vectors
    file.unlink()
    decided = [_table(candidates, clean, found, contamination), *map(_retired, retired)]
    table = pa.concat_tables(decided).sort_by(DEDUPLICATED.id_column).combine_chunks()
    stats = WeekStats(
        candidates=len(ids),
        kept=int(found.kept.sum()),
        contaminated=contamination.counts(),
        duplicates=_by_reason(found),
        similar_pairs=found.similar_pairs,
        different_references=found.different_references,
        kept_for_reference=found.kept_for_reference,
        identical_with_different_references=int(found.identical_with_different_references.sum()),
        thresholds=report_of(rows.ids, dedup, policies, others, sample).as_dict(),
    )
    superseded = SUPERSEDED.table(candidates.superseded.to_pylist())
    return WeekDecisions(table, superseded, stats)


def _rows(candidates: Candidates, clean: np.ndarray, vectors: np.ndarray) -> Rows:
    chosen = candidates.rows.take(pa.array(clean))
    return Rows(
        ids=chosen["sample_id"].combine_chunks(),
        prompt_hashes=chosen["prompt_hash"].combine_chunks(),
        vectors=vectors,
        answers=candidates.answers[clean].__getitem__,
    )


def _by_reason(found: Decisions) -> dict[str, int]:
    counts = Counter(_reason(found, row) for row in np.flatnonzero(~found.kept).tolist())
    return dict(sorted(counts.items()))


def _reason(found: Decisions, row: int) -> str:
    return EXACT_DUPLICATE if found.identical[row] else SEMANTIC_DUPLICATE


def _table(
    candidates: Candidates, clean: np.ndarray, found: Decisions, contamination: Contamination
) -> pa.Table:
    """The DEDUPLICATED table: rows are kept unless something says otherwise."""
    count = candidates.rows.num_rows
    decision = np.full(count, KEPT, dtype=object)
    reason, evidence = np.full(count, None, dtype=object), np.full(count, None, dtype=object)
    place = {sample: row for row, sample in enumerate(candidates.rows["sample_id"].to_pylist())}
    for sample, hit in contamination.hits.items():
        row = place[sample]
        decision[row], reason[row] = DROPPED, CONTAMINATED
        evidence[row] = dumps(hit.evidence())
    for sample, undecided in contamination.undecided.items():
        row = place[sample]
        decision[row], reason[row] = PENDING, undecided.reason
        evidence[row] = dumps(undecided.evidence)
    for number in np.flatnonzero(~found.kept).tolist():
        row = clean[number]
        decision[row], reason[row] = DROPPED, _reason(found, number)
        evidence[row] = dumps(duplicate_evidence(found, number))
    columns = [candidates.rows[name] for name in ("sample_id", "source", "week")]
    fates = [pa.array(values, pa.string()) for values in (decision, reason, evidence)]
    return pa.Table.from_arrays(
        [*(column.combine_chunks() for column in columns), *fates], schema=DEDUPLICATED.arrow
    )


def _retired(prompts: Path) -> pa.Table:
    """The DEDUPLICATED rows of the kept prompts of a source that has left the profile."""
    columns = ["sample_id", "source", "week"]
    rows = read_rows(prompts, columns, pc.field("decision") == KEPT)
    fate = {"decision": DROPPED, "reason": SOURCE_RETIRED}
    return DEDUPLICATED.table({**row, **fate} for row in rows.to_pylist())


def duplicate_evidence(found: Decisions, row: int) -> dict[str, Any]:
    """Why a candidate was dropped: its twin, their similarity, and what is odd about the two."""
    evidence = {"twin": found.twin[row], "similarity": round(float(found.similarity[row]), 6)}
    if found.answers[row] == DIFFERENT:
        evidence["different_references"] = True
    return evidence
