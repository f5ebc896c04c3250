"""What a dedup threshold would do: similarities, pairs around it, and volume and errors against it.

Three things are looked at, all of them functions of the set of rows:

- a sample of rows, chosen by the hash of their ids: the similarity of each to its nearest other;
- the loosest pass, which is greedy at the lowest threshold and lets no reference answer object:
  each row it drops, its twin and their similarity. These are the pairs to look at, and where both
  carry reference answers, the share of equal ones stands in for precision;
- greedy under the settings at every threshold of a grid: how many rows would go.

Only ids and numbers, never a text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from heapq import nsmallest
from typing import Any

import numpy as np
import pyarrow as pa

from am_assets.core.profile import Dedup
from am_assets.stages.answers.references import DIFFERENT, SAME
from am_assets.stages.dedup.greedy import Decisions, Rows
from am_assets.stages.similarity import exact_similarity, pairs_above

GRID = tuple(hundredth / 100 for hundredth in range(70, 100, 2))
"""Thresholds that are tried, besides the one that is set."""

NEAREST_BINS, PAIR_BINS = 50, 100
"""Equal bins over 0..1."""

_SAMPLED, _SHARE, _FEWEST = 1000, 50, 200
_BUDGET = 5_000_000
"""Pairs that the report may add to what the decisions need."""

_SHOWN = 20
_BLOCK = 8192
_NAMES = {SAME: "same", DIFFERENT: "different"}


@dataclass(frozen=True)
class ThresholdReport:
    """The report; see the module."""

    threshold: float
    floor: float
    """The lowest threshold tried."""
    rows: int
    sampled: int
    nearest: list[int]
    """Sampled rows by similarity to their nearest other row, in NEAREST_BINS bins."""
    pairs: dict[str, list[int]]
    """Pairs of the loosest pass by how their references compare, in PAIR_BINS bins."""
    sweep: list[dict[str, Any]]
    """By threshold: rows dropped, pairs with different references, …"""
    above: list[dict[str, Any]]
    """Pairs of the loosest pass just above the threshold, nearest to it first."""
    below: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Sample:
    """Rows chosen by the hash of their ids, and how similar their nearest other row is.

    `older` is the number of rows of earlier weeks that will be compared with as well.
    """

    def __init__(self, rows: Rows, older: int = 0, most: int = _SAMPLED) -> None:
        self._count, self._older = len(rows.ids), older
        size = min(most, max(_FEWEST, self._count // _SHARE))
        ids = enumerate(rows.ids.to_pylist())
        chosen = sorted(row for row, _ in nsmallest(size, ids, key=lambda item: _draw(item[1])))
        self.rows = np.array(chosen, dtype=np.int64)
        self._vectors = np.asarray(rows.vectors[self.rows])
        self.nearest = np.full(len(self.rows), -1.0)
        self._see(rows.vectors, self.rows)

    def watched(self, part: Rows) -> Rows:
        """`part`, after its rows were compared with the sample."""
        self._see(part.vectors, None)
        return part

    def floor(self, threshold: float) -> float:
        """The lowest threshold of the grid that does not add too many pairs, or `threshold`."""
        size = len(self.rows)
        if size < 2:
            return threshold
        counts = dict.fromkeys(GRID, -size)  # each row is above with itself
        for pairs in pairs_above(self._vectors, self._vectors, GRID[0]):
            for one in GRID:
                counts[one] += int((pairs.similarity > one).sum())
        share = self._count * (self._count / 2 + self._older) / (size * (size - 1))
        return min([threshold, *(one for one in GRID if counts[one] * share <= _BUDGET)])

    def _see(self, vectors: np.ndarray, own: np.ndarray | None) -> None:
        for start in range(0, len(vectors) if len(self.rows) else 0, _BLOCK):
            block = np.asarray(vectors[start : start + _BLOCK])
            products = self._vectors @ block.T
            if own is not None:
                inside = np.flatnonzero((own >= start) & (own < start + len(block)))
                products[inside, own[inside] - start] = -2.0
            best = products.argmax(axis=1)
            exact = exact_similarity(self._vectors, block[best])
            exact[products[np.arange(len(best)), best] == -2.0] = -1.0
            np.maximum(self.nearest, exact, out=self.nearest)


def policies_around(settings: Dedup, floor: float) -> list[Dedup]:
    """The loosest pass, then `settings` at each threshold of the grid from `floor` up."""
    grid = sorted({*(one for one in GRID if one >= floor), floor, settings.threshold})
    loosest = Dedup(threshold=floor, keep_different_references=False)
    return [loosest, *(settings.model_copy(update={"threshold": one}) for one in grid)]


def report_of(
    ids: pa.Array,
    settings: Dedup,
    policies: Sequence[Dedup],
    outcomes: Sequence[Decisions],
    sample: Sample,
) -> ThresholdReport:
    """The report on candidates `ids` from the `outcomes` of `policies_around`."""
    loosest, *swept = outcomes
    pairs = np.flatnonzero(~loosest.kept & ~loosest.identical)
    scores, answers = loosest.similarity[pairs], loosest.answers[pairs]
    by_answers = {
        "same": scores[answers == SAME],
        "different": scores[answers == DIFFERENT],
        "unknown": scores[(answers != SAME) & (answers != DIFFERENT)],
    }
    sweep = [
        _step(policy.threshold, outcome, by_answers)
        for policy, outcome in zip(policies[1:], swept, strict=True)
    ]
    return ThresholdReport(
        threshold=settings.threshold,
        floor=policies[0].threshold,
        rows=len(ids),
        sampled=len(sample.rows),
        nearest=_counted(sample.nearest, NEAREST_BINS),
        pairs={name: _counted(values, PAIR_BINS) for name, values in by_answers.items()},
        sweep=sweep,
        above=list(_shown(ids, loosest, pairs[scores > settings.threshold], 1)),
        below=list(_shown(ids, loosest, pairs[scores <= settings.threshold], -1)),
    )


def precision_recall(
    similarity: np.ndarray, repeats: np.ndarray, thresholds: Sequence[float]
) -> list[dict[str, Any]]:
    """Precision, recall and F1 of "above the threshold" against labels, by threshold.

    `repeats` says of each labelled pair whether its texts are one problem. Precision is None where
    no pair is above, recall where no pair repeats.
    """
    steps: list[dict[str, Any]] = []
    for threshold in thresholds:
        above = similarity > threshold
        hits = int((above & repeats).sum())
        found, wanted = int(above.sum()), int(repeats.sum())
        steps.append(
            {
                "threshold": threshold,
                "pairs": found,
                "precision": hits / found if found else None,
                "recall": hits / wanted if wanted else None,
                "f1": 2 * hits / (found + wanted) if found + wanted else None,
            }
        )
    return steps


def _step(
    threshold: float, outcome: Decisions, by_answers: dict[str, np.ndarray]
) -> dict[str, Any]:
    same, different = (int((by_answers[name] > threshold).sum()) for name in ("same", "different"))
    equal = len(by_answers["same"])
    return {
        "threshold": threshold,
        "dropped": int((~outcome.kept).sum()),
        "identical": int(outcome.identical.sum()),
        "similar_pairs": outcome.similar_pairs,
        "different_references": outcome.different_references,
        "kept_for_reference": outcome.kept_for_reference,
        "same_reference_share": same / (same + different) if same + different else None,
        "same_reference_found": same / equal if equal else None,
    }


def _shown(
    ids: pa.Array, loosest: Decisions, rows: np.ndarray, direction: int
) -> Iterator[dict[str, Any]]:
    """The pairs nearest to the threshold, which lies below (1) or above (-1) all of them."""
    distance = direction * loosest.similarity[rows]
    near = np.partition(distance, _SHOWN - 1)[_SHOWN - 1] if len(rows) > _SHOWN else np.inf
    keyed = sorted(
        (float(far), ids[row].as_py(), row)
        for far, row in zip(distance.tolist(), rows.tolist(), strict=True)
        if far <= near
    )
    for _, sample, row in keyed[:_SHOWN]:
        yield {
            "sample_id": sample,
            "twin": loosest.twin[row],
            "similarity": round(float(loosest.similarity[row]), 6),
            "references": _NAMES.get(int(loosest.answers[row]), "unknown"),
        }


def _counted(values: np.ndarray, bins: int) -> list[int]:
    counts, _ = np.histogram(np.clip(values, 0.0, 1.0), bins=bins, range=(0.0, 1.0))
    return counts.tolist()


def _draw(sample: str) -> bytes:
    return blake2b(sample.encode("utf-8", "surrogatepass"), digest_size=8).digest()
