"""Semantic dedup: of prompts above a similarity, one representative by priority (AM 2.1.4).

Greedy in order of priority: a candidate is kept unless it is above the threshold with a row that
is already kept, from an earlier week or from this one. So every dropped row has a twin that was
kept, and the outcome is a function of the set of rows.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np

from am_assets.core.config import Dedup
from am_assets.stages.similarity import BLOCK, pairs_above, pairs_within
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

    `different_references` counts pairs above the threshold that were let through because both have
    a reference answer and these differ: templated problems with other numbers.
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
    first = len(standing)
    links = _Links(entries, first, settings.keep_different_references)
    links.add_identical()
    if order:
        own = vectors[order]
        for pairs in pairs_within(own, settings.threshold, block):
            links.add(pairs.left + first, pairs.right + first, pairs.similarity)
        others = earlier_vectors[standing] if standing else np.zeros((0, own.shape[1]), own.dtype)
        for pairs in pairs_above(own, others, settings.threshold, block):
            links.add(pairs.right, pairs.left + first, pairs.similarity)
    return Deduplication(links.decide(), links.different_references)


class _Links:
    """Edges from each row to the similar rows that come before it in priority."""

    def __init__(self, entries: Sequence[Entry], first: int, keep_different: bool) -> None:
        self.entries = entries
        self.first = first
        self.different_references = 0
        self._keep_different = keep_different
        self._before: dict[int, dict[int, float]] = defaultdict(dict)
        self._answers = [
            None if entry.reference_answer is None else match_key(entry.reference_answer)
            for entry in entries
        ]

    def add_identical(self) -> None:
        """Link each row to every row before it whose normalised prompt is the same."""
        by_hash: Mapping[str, list[int]] = defaultdict(list)
        for index, entry in enumerate(self.entries):
            same = by_hash[entry.prompt_hash]
            if index >= self.first:
                self._before[index] |= dict.fromkeys(same, 1.0)
            same.append(index)

    def add(self, left: np.ndarray, right: np.ndarray, similarity: np.ndarray) -> None:
        """Link similar pairs; `left` comes before `right`."""
        for a, b, score in zip(left.tolist(), right.tolist(), similarity.tolist(), strict=True):
            if self.entries[a].prompt_hash == self.entries[b].prompt_hash:
                continue
            if self._keep_different and self._differ(a, b):
                self.different_references += 1
            else:
                self._before[b][a] = score

    def _differ(self, a: int, b: int) -> bool:
        one, other = self._answers[a], self._answers[b]
        return one is not None and other is not None and one != other

    def decide(self) -> dict[str, Duplicate]:
        duplicates: dict[str, Duplicate] = {}
        dropped: set[int] = set()
        for index in range(self.first, len(self.entries)):
            twins = [
                (-score, self.entries[other].sample_id, other)
                for other, score in self._before.get(index, {}).items()
                if other not in dropped
            ]
            if not twins:
                continue
            dropped.add(index)
            negative, twin, other = min(twins)
            entry = self.entries[index]
            identical = self.entries[other].prompt_hash == entry.prompt_hash
            duplicates[entry.sample_id] = Duplicate(twin, round(-negative, 6), identical)
        return duplicates
