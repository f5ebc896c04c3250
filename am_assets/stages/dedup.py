"""Semantic dedup: of prompts above a similarity, one representative by priority (AM 2.1.4).

Greedy in order of priority: a candidate is kept unless it is above the threshold with a row that
is already kept, from an earlier week or from this one. So every dropped row has a twin that was
kept, and the outcome is a function of the set of rows.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np

from am_assets.core.config import Dedup
from am_assets.stages.similarity import BLOCK, pairs_above
from am_assets.stages.text import match_key


@dataclass(frozen=True)
class Entry:
    """What dedup knows of a row besides its vector."""

    sample_id: str
    prompt_hash: str
    reference_answer: str | None = None
    priority: tuple[Any, ...] = ()
    """Sort key among candidates; the smallest is kept. Ties go by sample id."""


@dataclass(frozen=True)
class Duplicate:
    """Why a row was dropped: the kept row it repeats, and their cosine similarity."""

    twin: str
    similarity: float
    identical: bool
    """The normalised prompts are equal (then the similarity is 1)."""


@dataclass(frozen=True)
class Deduplication:
    """The dropped rows by sample id, and how many similar pairs differ in their references.

    `different_references` counts pairs of a row and a kept one that are above the threshold and
    were let through because both have a reference answer and these differ: templated problems
    with other numbers.
    """

    duplicates: dict[str, Duplicate]
    different_references: int


def deduplicate(
    candidates: Sequence[Entry],
    vectors: np.ndarray,
    earlier: Sequence[Entry],
    earlier_vectors: np.ndarray,
    settings: Dedup,
    superseded: AbstractSet[str] = frozenset(),
    block: int = BLOCK,
) -> Deduplication:
    """Decide which of `candidates` repeat another; the rest is kept.

    `vectors` and `earlier_vectors` are unit float32, one row an entry. `earlier` are kept rows of
    earlier weeks: they stay, except those in `superseded`, which are compared with nothing.
    Identical prompts are duplicates whatever their references.
    """
    order = sorted(
        range(len(candidates)),
        key=lambda i: (candidates[i].priority, candidates[i].sample_id),
    )
    standing = [i for i, entry in enumerate(earlier) if entry.sample_id not in superseded]
    entries = [earlier[i] for i in standing] + [candidates[i] for i in order]
    own = vectors[order]
    stacked = np.concatenate([earlier_vectors[standing], own]) if standing else own
    run = _Run(entries, stacked, len(standing), settings)
    for start in range(len(standing), len(entries), block):
        run.decide(start, min(start + block, len(entries)))
    return Deduplication(run.duplicates, run.different_references)


class _Run:
    """Greedy decisions over `entries`, of which the first `first` are kept already.

    Only kept rows are compared with what follows, so memory holds one block's pairs.
    """

    def __init__(
        self, entries: Sequence[Entry], vectors: np.ndarray, first: int, settings: Dedup
    ) -> None:
        self.duplicates: dict[str, Duplicate] = {}
        self.different_references = 0
        self._entries = entries
        self._vectors = vectors
        self._settings = settings
        self._kept = np.zeros(len(entries), dtype=bool)
        self._kept[:first] = True
        self._by_hash: dict[str, int] = {}
        for index in sorted(range(first), key=lambda i: entries[i].sample_id, reverse=True):
            self._by_hash[entries[index].prompt_hash] = index
        self._answers = _codes(
            None if entry.reference_answer is None else match_key(entry.reference_answer)
            for entry in entries
        )

    def decide(self, start: int, end: int) -> None:
        """Decide rows `start` to `end` (excluded); all rows before `start` are decided."""
        others = np.concatenate([np.flatnonzero(self._kept[:start]), np.arange(start, end)])
        similar = self._similar(start, end, others)
        for index in range(start, end):
            twins = self._twins(index, *similar.get(index, _NONE))
            entry = self._entries[index]
            if twins:
                negative, twin, identical = min(twins)
                self.duplicates[entry.sample_id] = Duplicate(twin, round(-negative, 6), identical)
            else:
                self._kept[index] = True
                self._by_hash[entry.prompt_hash] = index

    def _similar(
        self, start: int, end: int, others: np.ndarray
    ) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """For each row of the block: the rows before it that are similar, and how much."""
        similar: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        block, pool = self._vectors[start:end], self._vectors[others]
        for pairs in pairs_above(block, pool, self._settings.threshold, len(block)):
            left, right = pairs.left + start, others[pairs.right]
            before = right < left
            left, right, scores = left[before], right[before], pairs.similarity[before]
            rows, firsts = np.unique(left, return_index=True)
            ends = np.append(firsts, len(left))[1:].tolist()
            for row, a, b in zip(rows.tolist(), firsts.tolist(), ends, strict=True):
                similar[row] = (right[a:b], scores[a:b])
        return similar

    def _twins(
        self, index: int, similar: np.ndarray, scores: np.ndarray
    ) -> list[tuple[float, str, bool]]:
        """(-similarity, sample id, identical) of the kept rows that row `index` repeats."""
        twins: list[tuple[float, str, bool]] = []
        same = self._by_hash.get(self._entries[index].prompt_hash)
        if same is not None:
            twins.append((-1.0, self._entries[same].sample_id, True))
        standing = self._kept[similar] & (similar != (-1 if same is None else same))
        similar, scores = similar[standing], scores[standing]
        if self._settings.keep_different_references:
            answers, own = self._answers[similar], self._answers[index]
            differ = (answers >= 0) & (own >= 0) & (answers != own)
            self.different_references += int(differ.sum())
            similar, scores = similar[~differ], scores[~differ]
        for other, score in zip(similar.tolist(), scores.tolist(), strict=True):
            twins.append((-score, self._entries[other].sample_id, False))
        return twins


_NONE = (np.zeros(0, dtype=np.int64), np.zeros(0))


def _codes(values: Iterable[str | None]) -> np.ndarray:
    """Equal numbers for equal values, -1 for None."""
    seen: dict[str, int] = {}
    codes = [-1 if value is None else seen.setdefault(value, len(seen)) for value in values]
    return np.array(codes, dtype=np.int64)
