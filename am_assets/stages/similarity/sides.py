"""Pairs above a similarity between sets of rows that are encoded once and compared many times.

Integer products of short codes bound every similarity from above (`sketch`); the few pairs whose
bound is above the threshold are scored by `exact`, and that alone decides. So the pairs and their
similarities are a function of the vectors and the threshold: no block, thread, order or kind of
processor changes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO

import numpy as np
import torch

from am_assets.stages.similarity.exact import Pairs, gathered, score
from am_assets.stages.similarity.products import Products
from am_assets.stages.similarity.sketch import fit
from am_assets.stages.similarity.workers import in_order, workers

_TILES = {"cpu": (512, 2048), "cuda": (8192, 8192)}
"""Rows and columns of products taken at once: on a CPU they stay in its cache."""

_GROUP = 128
"""Products of a row whose largest is taken first."""

_TILES_A_TASK = 8
"""Tiles that a thread takes at a time."""

_REPORTED = 1 << 16
"""Pairs collected before they are reported."""


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
    """Finds pairs above `threshold` between sides, by as many threads as torch is set to use.

    `vectors` and `others` are typical rows of the left and right sides, anything that slices to
    float32 rows. They only choose how, never what is found.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        threshold: float,
        device: str = "cpu",
        others: np.ndarray | None = None,
    ) -> None:
        self._threshold = threshold
        where = torch.device(device)
        count = torch.get_num_threads() if where.type == "cpu" else 1
        self._pool = workers(count)
        self._ahead = 2 * count
        others = vectors if others is None else others
        self._sketch = self._pool.submit(fit, vectors, others, threshold, where).result()
        self._rows, self._columns = _TILES.get(where.type, _TILES["cpu"])
        self._products = Products(where, self._rows, self._columns)

    def side(self, vectors: np.ndarray, scratch: IO[bytes]) -> Side:
        """All rows of `vectors`, their codes in the file `scratch` (on a GPU, in its memory).

        Raises ValueError for numbers that are not finite.
        """
        places = self._room(len(vectors), scratch)
        errors = torch.empty(len(vectors), dtype=torch.float64, device=places.device)
        lengths = np.empty(len(vectors))

        def encode(start: int) -> None:
            part = slice(start, start + self._rows)
            codes = self._sketch.codes(vectors[part], start)
            places[part], errors[part], lengths[part] = codes.places, codes.errors, codes.lengths

        for _ in in_order(self._pool, encode, range(0, len(vectors), self._rows), self._ahead):
            pass
        return Side(vectors, lengths, np.arange(len(vectors)), places, errors)

    def room(self, side: Side, scratch: IO[bytes]) -> Side:
        """Room for as many rows as `side` has, to be filled by `put`."""
        return replace(
            side,
            numbers=np.empty_like(side.numbers),
            places=self._room(len(side), scratch),
            errors=torch.empty_like(side.errors),
        )

    def _room(self, rows: int, scratch: IO[bytes]) -> torch.Tensor:
        shape = (rows, self._sketch.width)
        if self._sketch.device.type == "cpu":
            scratch.truncate(max(1, rows * self._sketch.width))
            return torch.from_numpy(np.memmap(scratch, np.int8, "r+", shape=shape))
        return torch.empty(shape, dtype=torch.int8, device=self._sketch.device)

    def pairs(self, left: Side, right: Side, start: int | None = None) -> Iterator[Pairs]:
        """Every pair of the two above the threshold, by the rows' numbers, in parts.

        With `start`, `left` is the part of `right` from there on, and of pairs of their places
        those with the first before the second are given. There is at least one part, each sorted
        by left and right place; memory is bounded by some parts, however many pairs there are.
        """
        errors = [part.max() for part in right.errors.split(self._columns) if len(part)]
        tasks = [
            (first, group)
            for first in range(0, len(left), self._rows)
            for group in range(
                0 if start is None else (start + first) // self._columns,
                len(errors),
                _TILES_A_TASK,
            )
        ]

        def search(task: tuple[int, int]) -> Pairs:
            first, group = task
            tile = left.part(first, first + self._rows)
            bounds = torch.stack(errors[group : group + _TILES_A_TASK])
            after = None if start is None else start + first
            a, b = self._candidates(tile, right, bounds, group, after)
            norms = left.lengths[tile.numbers[a]], right.lengths[right.numbers[b]]
            similarity = score(
                left.vectors, right.vectors, *norms, tile.numbers[a], right.numbers[b]
            )
            above = similarity > self._threshold
            return Pairs(a[above] + first, b[above], similarity[above])

        for found in gathered(in_order(self._pool, search, tasks, self._ahead), _REPORTED):
            order = np.lexsort((found.right, found.left))
            a, b = left.numbers[found.left[order]], right.numbers[found.right[order]]
            yield Pairs(a, b, found.similarity[order])

    def _candidates(
        self, tile: Side, right: Side, bounds: torch.Tensor, group: int, after: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Places of pairs of `tile` and some groups of columns that may be above the threshold."""
        limits = self._sketch.limits(self._threshold, tile.errors, bounds)
        found: list[tuple[np.ndarray, np.ndarray]] = []
        with self._products.buffer() as multiply:
            for place in range(len(bounds)):
                begin, end = (group + place) * self._columns, (group + place + 1) * self._columns
                begin = begin if after is None else max(begin, after)
                rows, columns = _above(
                    multiply(tile.places, right.places[begin:end]), limits[:, place]
                )
                found.append((rows, columns + begin))
        a, b = (np.concatenate(side) for side in zip(*found, strict=True))
        if after is None:
            return a, b
        ahead = a + after < b
        return a[ahead], b[ahead]


_NO_ROWS = np.zeros(0, dtype=np.int64)


def _above(products: torch.Tensor, limits: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the products above the limit of their row."""
    count = products.shape[1]
    width = _GROUP if count % _GROUP == 0 else count
    groups = products.view(-1, width)
    # One pass takes the largest of each group; few groups are then looked at again.
    largest = groups.amax(dim=1).view(len(products), -1)
    hit = torch.nonzero((largest > limits[:, None]).view(-1))[:, 0]
    if not len(hit):
        return _NO_ROWS, _NO_ROWS
    rows = hit // (count // width)
    found = torch.nonzero(groups[hit] > limits[rows, None])
    columns = hit[found[:, 0]] % (count // width) * width + found[:, 1]
    return rows[found[:, 0]].cpu().numpy(), columns.cpu().numpy()
