"""What one policy (a threshold, and whether references count) makes of pairs of similar rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.profile import Dedup
from am_assets.stages.answers.references import DIFFERENT, UNKNOWN, compare_answers
from am_assets.stages.prompts.priority import ranks_of

_NOBODY = -1.0


@dataclass(frozen=True)
class Decisions:
    """The decisions of one policy; arrays over the candidates by row number.

    `similarity` (float64) and `answers` (how the references of row and twin compare, see
    `stages.answers`) are those of the row and its twin. The twin of a row that repeats a kept
    prompt word for word (`identical`) is the row with that prompt, their similarity 1.
    `similar_pairs` counts the pairs above the threshold of a row, not identical to a kept one,
    with rows kept before it, and `different_references` those whose reference answers differ.
    """

    twin: np.ndarray
    """The twin's sample id; None where the row is kept."""
    kept: np.ndarray
    similarity: np.ndarray
    answers: np.ndarray
    identical: np.ndarray
    similar_pairs: int
    different_references: int
    kept_for_reference: int
    """Rows kept although a kept row is similar, because all such have another reference."""

    @property
    def identical_with_different_references(self) -> np.ndarray:
        """Rows dropped as identical whose reference differs from the twin's: one may be wrong."""
        return self.identical & (self.answers == DIFFERENT)


class Seen:
    """What all policies share: the candidates, and earlier rows with the same prompts."""

    def __init__(
        self, ids: pa.Array, prompt_hashes: pa.Array, answers: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        hashes = prompt_hashes.dictionary_encode()
        count = len(hashes.dictionary)
        self.ids = ids
        self.answers = answers(np.arange(len(ids)))
        self.groups = hashes.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        """A number for each prompt hash, from 0."""
        self.held = np.zeros(count, dtype=bool)
        self.holders = np.full(count, None, dtype=object)
        """Sample id of the earlier row with the prompt of a group, the smallest of several."""
        self.holder_answers = np.full((count, 2), -1, dtype=np.int64)
        self._hashes = hashes.dictionary

    def hold(
        self, ids: pa.Array, prompt_hashes: pa.Array, answers: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        """Take earlier rows, of which some may have the prompts of candidates."""
        groups = pc.call_function("index_in", [prompt_hashes], pc.SetLookupOptions(self._hashes))
        rows = np.flatnonzero(groups.is_valid().to_numpy(zero_copy_only=False))
        if not len(rows):
            return
        found = groups.take(pa.array(rows)).to_pylist()
        names, codes = ids.take(pa.array(rows)).to_pylist(), answers(rows)
        for place, (group, sample) in enumerate(zip(found, names, strict=True)):
            if not self.held[group] or sample < self.holders[group]:
                self.held[group] = True
                self.holders[group] = sample
                self.holder_answers[group] = codes[place]


class Policy:
    """Decides candidates from the pairs it is shown, in order of priority."""

    def __init__(self, settings: Dedup, seen: Seen) -> None:
        count = len(seen.groups)
        self.kept = np.zeros(count, dtype=bool)
        self._threshold = settings.threshold
        self._keep_different = settings.keep_different_references
        self.seen = seen
        self._best = np.full(count, _NOBODY)
        self._twin = np.full(count, None, dtype=object)
        self._answers = np.full(count, UNKNOWN, dtype=np.int8)
        self._identical = np.zeros(count, dtype=bool)
        self._similar = np.zeros(count, dtype=np.int64)
        self._different = np.zeros(count, dtype=np.int64)
        self._holders = np.full(len(seen.holders), -1, dtype=np.int64)
        """Row number of the candidate that was kept with the prompt of a group."""

    def open(self, rows: np.ndarray) -> np.ndarray:
        """Which of `rows` repeat no kept prompt so far; the others are settled by that."""
        groups = self.seen.groups[rows]
        held = (self._holders[groups] >= 0) | self.seen.held[groups]
        self._identical[rows[held]] = True
        return ~held

    def free(self, rows: np.ndarray) -> np.ndarray:
        """Which of `rows` have no twin so far."""
        return self._best[rows] == _NOBODY

    def weigh(
        self,
        left: np.ndarray,
        right: np.ndarray,
        similarity: np.ndarray,
        answers: np.ndarray,
        ids: pa.Array,
    ) -> None:
        """Take pairs of candidates `left` with kept rows `right`, whose sample ids are in `ids`."""
        above = similarity > self._threshold
        np.add.at(self._similar, left[above], 1)
        differ = answers == DIFFERENT
        np.add.at(self._different, left[above & differ], 1)
        if self._keep_different:
            above &= ~differ
        # Most pairs lose against a twin that is known: the rest alone needs names.
        left, right = left[above], right[above]
        similarity, answers = similarity[above], answers[above]
        before = self._best[left]
        np.maximum.at(self._best, left, similarity)
        wins = np.flatnonzero(similarity == self._best[left])
        wins = wins[_first_by_name(left[wins], right[wins], ids)]
        left, tied = left[wins], before[wins] == similarity[wins]
        names = ids.take(pa.array(right[wins])).to_pylist()
        relations = answers[wins].tolist()
        for row, name, tie, relation in zip(
            left.tolist(), names, tied.tolist(), relations, strict=True
        ):
            if not tie or name < self._twin[row]:
                self._twin[row] = name
                self._answers[row] = relation

    def decide(
        self,
        rows: np.ndarray,
        later: np.ndarray,
        before: np.ndarray,
        similarity: np.ndarray,
        answers: np.ndarray,
    ) -> None:
        """Decide `rows`, in order; they were weighed against everything kept before them.

        `later` and `before` are places in `rows` of the pairs among them, sorted by `later`.
        """
        above = similarity > self._threshold
        later, before = later[above], before[above]
        similarity, answers = similarity[above], answers[above]
        groups = self.seen.groups[rows]
        undecided = self.open(rows)
        _, firsts = np.unique(groups, return_index=True)
        waits = np.ones(len(rows), dtype=bool)
        waits[firsts] = False
        waits[later] = True
        self._keep(rows[undecided & ~waits & self.free(rows)])
        bounds = np.searchsorted(later, np.arange(len(rows) + 1)).tolist()
        for place in np.flatnonzero(undecided & waits).tolist():
            row = rows[place : place + 1]
            if not self.open(row)[0]:
                continue
            own = slice(bounds[place], bounds[place + 1])
            others = rows[before[own]]
            stands = self.kept[others]
            if stands.any():
                others, scores, relations = others[stands], similarity[own][stands], answers[own]
                self.weigh(
                    np.repeat(row, len(others)), others, scores, relations[stands], self.seen.ids
                )
            if self._best[row[0]] == _NOBODY:
                self._keep(row)

    def _keep(self, rows: np.ndarray) -> None:
        self.kept[rows] = True
        self._holders[self.seen.groups[rows]] = rows

    def outcome(self) -> Decisions:
        """What was decided, once all candidates are."""
        seen, identical = self.seen, np.flatnonzero(self._identical)
        groups = seen.groups[identical]
        own = self._holders[groups]
        # What an earlier week kept stands before what this one did.
        early = seen.held[groups]
        names = seen.ids.take(pa.array(np.maximum(own, 0))).to_numpy(zero_copy_only=False)
        twin, similarity = self._twin.copy(), np.where(self._best > _NOBODY, self._best, np.nan)
        twin[identical] = np.where(early, seen.holders[groups], names)
        similarity[identical] = 1.0
        codes = np.where(early[:, None], seen.holder_answers[groups], seen.answers[own])
        answers = self._answers.copy()
        answers[identical] = compare_answers(seen.answers[identical], codes)
        counted = ~self._identical
        return Decisions(
            twin=twin,
            kept=self.kept,
            similarity=similarity,
            answers=answers,
            identical=self._identical,
            similar_pairs=int(self._similar[counted].sum()),
            different_references=int(self._different[counted].sum()),
            kept_for_reference=int((self.kept & (self._different > 0)).sum()),
        )


def _first_by_name(left: np.ndarray, right: np.ndarray, ids: pa.Array) -> np.ndarray:
    """Of the pairs of each `left` the place of the one whose `right` has the smallest id."""
    order = np.argsort(left, kind="stable")
    rows, firsts = np.unique(left[order], return_index=True)
    if len(rows) < len(left):
        others, places = np.unique(right, return_inverse=True)
        ranks = ranks_of(ids.take(pa.array(others)))[places]
        order = np.lexsort((ranks, left))
    return order[firsts]
