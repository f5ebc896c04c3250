"""Semantic dedup: of prompts above a similarity, one representative by priority (AM 2.1.4).

Greedy in order of priority: a candidate is kept unless it is above the threshold with a row that
is already kept, from an earlier week or from this one. So every dropped row has a twin that was
kept, and the outcome is a function of the set of rows.

Candidates are compared with kept rows alone: a corpus whose rows are all alike costs as many pairs
as it has rows. Memory holds a block of vectors and its pairs, and some numbers a candidate.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from am_assets.core.profile import Dedup
from am_assets.stages.answers.references import compare_answers
from am_assets.stages.dedup.policy import Decisions, Policy, Seen
from am_assets.stages.similarity.exact import Pairs, gathered, joined

if TYPE_CHECKING:
    from am_assets.stages.similarity.sides import Side

BLOCK = 8192
"""Candidates that are compared with all kept rows at a time."""

_CHUNK = 512
"""Candidates decided at a time; among these alone all pairs are looked at."""

_PAIRS = 1 << 20
"""Pairs that are weighed at a time: each time costs a look-up of reference answers."""


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
    device: str = "cpu",
) -> list[Decisions]:
    """Decide which of `candidates` repeat another, under each of `policies` at once.

    `order` holds the candidates' row numbers, most preferred first, ties broken. `earlier` are rows
    that stay whatever comes, part by part. Identical prompts are duplicates whatever their vectors
    and references. A twin is the most similar kept row that comes before, ties by sample id.
    Codes of the vectors lie in files in the folder `scratch`, or where the system keeps such files.
    `progress` is called with the number of candidates decided so far. Products are taken on
    `device`, which changes no decision.
    """
    seen = Seen(candidates.ids, candidates.prompt_hashes, candidates.answers)
    chosen = [Policy(policy, seen) for policy in policies]
    if len(candidates.ids):
        with ExitStack() as files:
            run = _Run(
                candidates,
                chosen,
                min(policy.threshold for policy in policies),
                block,
                lambda: files.enter_context(TemporaryFile(dir=scratch)),
                device,
            )
            for part in earlier:
                run.compare(part)
            for decided in run.decide(order):
                if progress is not None:
                    progress(decided)
    return [policy.outcome() for policy in chosen]


class _Run:
    """One pass over all products, whose pairs every policy weighs for itself."""

    def __init__(
        self,
        candidates: Rows,
        policies: Sequence[Policy],
        lowest: float,
        block: int,
        file: Callable[[], IO[bytes]],
        device: str,
    ) -> None:
        self._rows = candidates
        self._policies = policies
        self._block = block
        self._file = file
        # Loads torch.
        from am_assets.stages.similarity.sides import Comparison

        self._comparison = Comparison(candidates.vectors, lowest, device)
        self._side = self._comparison.side(candidates.vectors, file())
        self._places = np.empty(len(candidates.ids), dtype=np.int64)

    def compare(self, part: Rows) -> None:
        """Compare all candidates with rows that were kept earlier."""
        if not len(part.ids):
            return
        self._policies[0].seen.hold(part.ids, part.prompt_hashes, part.answers)
        with TemporaryFile() as file:
            other = self._comparison.side(part.vectors, file)
            for found in gathered(self._comparison.pairs(self._side, other), _PAIRS):
                self._weigh(found, part)

    def decide(self, order: np.ndarray) -> Iterator[int]:
        """Decide all candidates in `order`; gives the number decided, block by block."""
        kept, count = self._comparison.room(self._side, self._file()), 0
        for start in range(0, len(order), self._block):
            rows = order[start : start + self._block]
            # A row that repeats a kept prompt word for word has its twin without any product.
            open_ = np.any([policy.open(rows) for policy in self._policies], axis=0)
            block = self._side.take(rows[open_])
            self._with_kept(block, kept.part(0, count))
            for first in range(0, len(block), _CHUNK):
                stay = self._among(block.part(first, first + _CHUNK))
                self._with_kept(block.part(first + _CHUNK, len(block)), stay)
                kept.put(count, stay)
                count += len(stay)
            yield min(start + self._block, len(order))

    def _with_kept(self, rows: "Side", kept: "Side") -> None:
        """Weigh the pairs of undecided rows and rows that some policy keeps."""
        for found in gathered(self._comparison.pairs(rows, kept), _PAIRS):
            self._weigh(found, self._rows)

    def _among(self, chunk: "Side") -> "Side":
        """Decide rows that were compared with all kept before them; gives those kept."""
        rows = chunk.numbers
        # Rows that every policy drops by now are nobody's twin.
        free = np.flatnonzero(np.any([policy.free(rows) for policy in self._policies], axis=0))
        found = joined(self._comparison.pairs(chunk, chunk.take(free)))
        self._places[rows] = np.arange(len(rows))
        left, right = self._places[found.left], self._places[found.right]
        ahead = np.flatnonzero(right < left)
        ahead = ahead[np.lexsort((right[ahead], left[ahead]))]
        left, right, similarity = left[ahead], right[ahead], found.similarity[ahead]
        codes = self._policies[0].seen.answers
        answers = compare_answers(codes[rows[left]], codes[rows[right]])
        for policy in self._policies:
            policy.decide(rows, left, right, similarity, answers)
        return chunk.take(
            np.flatnonzero(np.any([one.kept[rows] for one in self._policies], axis=0))
        )

    def _weigh(self, found: Pairs, part: Rows) -> None:
        """Show pairs of candidates with rows of `part` to all policies."""
        own = self._policies[0].seen.answers[found.left]
        other = np.full_like(own, -1)
        asking = np.flatnonzero(own[:, 0] >= 0)
        if len(asking):
            needed, places = np.unique(found.right[asking], return_inverse=True)
            other[asking] = part.answers(needed)[places]
        answers = compare_answers(own, other)
        for policy in self._policies:
            within = part is self._rows
            stands = policy.kept[found.right] if within else np.ones(len(answers), dtype=bool)
            policy.weigh(
                found.left[stands],
                found.right[stands],
                found.similarity[stands],
                answers[stands],
                part.ids,
            )
