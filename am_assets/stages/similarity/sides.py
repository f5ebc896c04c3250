"""Pairs between sets of rows that are encoded once and compared many times.

For work that decides row after row, and so cannot ask for all pairs at once. What is found is the
same as by `joins`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO

import numpy as np
import torch

from am_assets.stages.similarity.exact import Pairs, score
from am_assets.stages.similarity.joins import above, encode, tile
from am_assets.stages.similarity.products import Products
from am_assets.stages.similarity.sketch import fit

_WAITING = 1 << 18
"""Pairs collected before they are scored and reported."""


@dataclass(frozen=True)
class Side:
    """Some rows of `vectors`, by their `numbers`, with their codes (see `sketch`).

    `lengths` are those of all rows of `vectors`, `places` and `errors` those of the rows meant.
    """

    vectors: np.ndarray
    lengths: np.ndarray
    numbers: np.ndarray
    places: torch.Tensor
    errors: torch.Tensor

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, at: np.ndarray) -> "Side":
        """The rows at some places."""
        chosen = torch.from_numpy(at).to(self.places.device)
        return replace(
            self,
            numbers=self.numbers[at],
            places=self.places[chosen],
            errors=self.errors[chosen],
        )

    def part(self, start: int, stop: int) -> "Side":
        """The rows from `start` to `stop`, as a view."""
        rows = slice(start, stop)
        return replace(
            self, numbers=self.numbers[rows], places=self.places[rows], errors=self.errors[rows]
        )

    def put(self, at: int, rows: "Side") -> None:
        """Let `rows`, of the same vectors, follow the first `at` ones."""
        part = slice(at, at + len(rows))
        self.numbers[part] = rows.numbers
        self.places[part] = rows.places
        self.errors[part] = rows.errors


class Comparison:
    """Finds pairs above `threshold` between sides; `vectors` are typical rows.

    `vectors` is anything that slices to float32 rows. They only choose how, never what is found.
    """

    def __init__(self, vectors: np.ndarray, threshold: float, device: str = "cpu") -> None:
        self._threshold = threshold
        where = torch.device(device)
        self._sketch = fit(vectors, vectors, threshold, where)
        self._rows, self._columns = tile(where)
        self._products = Products(where, self._rows, self._columns)

    def side(self, vectors: np.ndarray, scratch: IO[bytes]) -> Side:
        """All rows of `vectors`, their codes in the file `scratch`.

        Raises ValueError for numbers that are not finite.
        """
        codes = encode(self._sketch, vectors, self._rows, scratch)
        numbers = np.arange(len(vectors))
        return Side(vectors, codes.lengths, numbers, codes.places, codes.errors)

    def room(self, side: Side, scratch: IO[bytes]) -> Side:
        """Room for as many rows as `side` has, to be filled by `put`."""
        if side.places.device.type == "cpu":
            shape = tuple(side.places.shape)
            places = torch.from_numpy(np.memmap(scratch, np.int8, "w+", shape=shape))
        else:
            places = torch.empty_like(side.places)
        return replace(
            side,
            numbers=np.empty_like(side.numbers),
            places=places,
            errors=torch.empty_like(side.errors),
        )

    def pairs(self, left: Side, right: Side) -> Iterator[Pairs]:
        """Every pair of the two above the threshold, by the rows' numbers, in parts.

        Memory is bounded by a part, however many pairs there are.
        """
        if not len(left) or not len(right):
            return
        others = torch.stack([part.max() for part in right.errors.split(self._columns)])
        waiting: list[tuple[np.ndarray, np.ndarray]] = []
        count = 0
        for start in range(0, len(left), self._rows):
            part = slice(start, start + self._rows)
            limits = self._sketch.limits(self._threshold, left.errors[part], others)
            for group in range(limits.shape[1]):
                column = group * self._columns
                places = right.places[column : column + self._columns]
                rows, columns = above(self._products(left.places[part], places), limits[:, group])
                waiting.append((rows + start, columns + column))
                count += len(rows)
                if count >= _WAITING:
                    yield self._scored(left, right, waiting)
                    waiting, count = [], 0
        if count:
            yield self._scored(left, right, waiting)

    def _scored(
        self, left: Side, right: Side, waiting: list[tuple[np.ndarray, np.ndarray]]
    ) -> Pairs:
        rows = np.concatenate([rows for rows, _ in waiting])
        columns = np.concatenate([columns for _, columns in waiting])
        rows, columns = left.numbers[rows], right.numbers[columns]
        similarity = score(left.vectors, right.vectors, left.lengths, right.lengths, rows, columns)
        found = similarity > self._threshold
        return Pairs(rows[found], columns[found], similarity[found])
