"""Semantic dedup: of prompts above a similarity, one representative by priority (AM 2.1.4).

Greedy in order of priority: a candidate is kept unless it is above the threshold with a row that
is already kept, from an earlier week or from this one. So every dropped row has a twin that was
kept, and the outcome is a function of the set of rows.

Candidates are compared with kept rows alone: a corpus whose rows are all alike costs as many pairs
as it has rows. Memory holds a block of vectors and its pairs, and some numbers a candidate.
"""

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.config import Dedup
from am_assets.stages.answers import compare_answers
from am_assets.stages.dedup_policy import Outcome, Policy, Seen
from am_assets.stages.similarity import Pairs, pairs_above

BLOCK = 8192
"""Candidates that are compared with all kept rows at a time."""

_CHUNK = 512
"""Candidates decided at a time; among these alone all pairs are looked at."""

_PAIRS = 1 << 20
"""Pairs that are weighed at a time."""

_NO_PAIRS = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


@dataclass(frozen=True)
class Rows:
    """Rows as dedup sees them: sample ids, hashes of the normalised prompts, unit vectors.

    `vectors` is float32 of shape (rows, dimension), in memory or mapped; `answers` gives the
    `answer_codes` of rows by their numbers, and is asked for those that have similar rows only.
    """

    ids: pa.Array
    prompt_hashes: pa.Array
    vectors: np.ndarray
    answers: Callable[[np.ndarray], np.ndarray]


def deduplicate(
    candidates: Rows,
    order: np.ndarray,
    earlier: Iterable[Rows],
    policies: Sequence[Dedup],
    block: int = BLOCK,
    scratch: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Outcome]:
    """Decide which of `candidates` repeat another, under each of `policies` at once.

    `order` holds the candidates' row numbers, most preferred first, ties broken. `earlier` are rows
    that stay whatever comes, part by part. Identical prompts are duplicates whatever their vectors
    and references. A twin is the most similar kept row that comes before, ties by sample id.
    Vectors of kept candidates are held in a file in the folder `scratch`, or in memory without one.
    `progress` is called with the number of candidates decided so far.
    """
    run = _Run(candidates, policies, block)
    for part in earlier:
        run.compare(part)
    with _matrix(candidates.vectors.shape, scratch) as kept:
        for decided in run.decide(order, kept):
            if progress is not None:
                progress(decided)
    return [policy.outcome() for policy in run.policies]


class _Run:
    """One pass over all products, whose pairs every policy weighs for itself."""

    def __init__(self, candidates: Rows, policies: Sequence[Dedup], block: int) -> None:
        self._rows = candidates
        self._block = block
        self._lowest = min(policy.threshold for policy in policies)
        self._answers = candidates.answers(np.arange(len(candidates.ids)))
        hashes = candidates.prompt_hashes.dictionary_encode()
        self._hashes = hashes.dictionary
        groups = hashes.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        seen = Seen(candidates.ids, groups, len(self._hashes), self._answers)
        self.policies = [Policy(policy, seen) for policy in policies]
        self._seen = seen

    def compare(self, part: Rows) -> None:
        """Compare all candidates with rows that were kept earlier."""
        if not len(part.ids) or not len(self._rows.ids):
            return
        groups = pc.call_function(
            "index_in", [part.prompt_hashes], pc.SetLookupOptions(self._hashes)
        )
        same = np.flatnonzero(groups.is_valid().to_numpy(zero_copy_only=False))
        if len(same):
            found = groups.take(pa.array(same)).to_numpy(zero_copy_only=False)
            self._seen.hold(found, part.ids.take(pa.array(same)).to_pylist(), part.answers(same))
        pairs = pairs_above(self._rows.vectors, part.vectors, self._lowest, self._block)
        for found in _gathered(pairs):
            self._weigh(found.left, part, found.right, found.similarity)

    def decide(self, order: np.ndarray, kept: np.ndarray) -> Iterator[int]:
        """Decide all candidates in `order`; `kept` takes the vectors of those kept.

        Gives the number of candidates decided, block by block.
        """
        kept_rows = np.empty(len(order), dtype=np.int64)
        count = 0
        for start in range(0, len(order), self._block):
            rows = order[start : start + self._block]
            # A row that repeats a kept prompt word for word has its twin without any product.
            rows = rows[np.any([policy.open(rows) for policy in self.policies], axis=0)]
            vectors = self._rows.vectors[rows]
            self._with_kept(rows, vectors, kept_rows[:count], kept[:count])
            for first in range(0, len(rows), _CHUNK):
                chunk = slice(first, first + _CHUNK)
                stay = first + self._among(rows[chunk], vectors[chunk])
                rest = slice(first + _CHUNK, None)
                self._with_kept(rows[rest], vectors[rest], rows[stay], vectors[stay])
                kept[count : count + len(stay)] = vectors[stay]
                kept_rows[count : count + len(stay)] = rows[stay]
                count += len(stay)
            yield min(start + self._block, len(order))

    def _with_kept(
        self, rows: np.ndarray, vectors: np.ndarray, kept_rows: np.ndarray, kept: np.ndarray
    ) -> None:
        """Weigh the pairs of undecided rows and rows that some policy keeps."""
        if not len(rows) or not len(kept_rows):
            return
        pairs = pairs_above(vectors, kept, self._lowest, self._block)
        for found in _gathered(pairs):
            left, right = rows[found.left], kept_rows[found.right]
            self._weigh(left, self._rows, right, found.similarity)

    def _among(self, rows: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Decide rows that were compared with all kept before them; places of those kept."""
        # Rows that every policy drops by now are nobody's twin.
        free = np.flatnonzero(np.any([policy.free(rows) for policy in self.policies], axis=0))
        left, right, similarity = _arrays(
            pairs_above(vectors, vectors[free], self._lowest, len(vectors))
        )
        right = free[right]
        ahead = np.flatnonzero(right < left)
        ahead = ahead[np.lexsort((right[ahead], left[ahead]))]
        left, right, similarity = left[ahead], right[ahead], similarity[ahead]
        answers = compare_answers(self._answers[rows[left]], self._answers[rows[right]])
        for policy in self.policies:
            policy.decide(rows, left, right, similarity, answers)
        stay = np.any([policy.kept[rows] for policy in self.policies], axis=0)
        return np.flatnonzero(stay)

    def _weigh(
        self, left: np.ndarray, part: Rows, right: np.ndarray, similarity: np.ndarray
    ) -> None:
        """Show pairs of candidates with rows of `part` to all policies."""
        own = self._answers[left]
        other = np.full_like(own, -1)
        asking = np.flatnonzero(own[:, 0] >= 0)
        if len(asking):
            needed, places = np.unique(right[asking], return_inverse=True)
            other[asking] = part.answers(needed)[places]
        answers = compare_answers(own, other)
        for policy in self.policies:
            stands = policy.kept[right] if part is self._rows else np.ones(len(right), dtype=bool)
            policy.weigh(left[stands], right[stands], similarity[stands], answers[stands], part.ids)


def _gathered(pairs: Iterable[Pairs]) -> Iterator[Pairs]:
    """The same pairs in fewer parts: each costs a look-up of reference answers."""
    waiting: list[Pairs] = []
    count = 0
    for found in pairs:
        waiting.append(found)
        count += len(found.left)
        if count >= _PAIRS:
            yield Pairs(*_arrays(waiting))
            waiting, count = [], 0
    if count:
        yield Pairs(*_arrays(waiting))


def _arrays(pairs: Iterable[Pairs]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts = [_NO_PAIRS, *pairs]
    return (
        np.concatenate([part.left for part in parts]),
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.similarity for part in parts]),
    )


@contextmanager
def _matrix(shape: tuple[int, ...], scratch: Path | None) -> Iterator[np.ndarray]:
    """Room for vectors, which takes memory (or the disk of `scratch`) only as it is filled."""
    if scratch is None or not math.prod(shape):
        yield np.empty(shape, dtype=np.float32)
        return
    with tempfile.TemporaryFile(dir=scratch) as file:
        yield np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
