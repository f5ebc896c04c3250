"""All pairs of vectors above a cosine similarity, exactly.

Integer products of short codes bound every similarity from above (`sketch`); the few pairs whose
bound is above the threshold are scored by `exact`, and that alone decides. So the pairs and their
similarities are a function of the vectors and the threshold: no block, thread, order or kind of
processor changes them.
"""

import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np
import torch

from am_assets.stages.similarity.exact import Pairs, score
from am_assets.stages.similarity.products import Products
from am_assets.stages.similarity.sketch import Codes, Sketch, fit

BLOCK = 8192
"""Rows of the left side that pairs are reported by."""

_TILES = {"cpu": (512, 2048), "cuda": (8192, 8192)}
"""Rows and columns of products taken at once: on a CPU they stay in its cache."""

_WAITING = 1 << 16
"""Pairs collected before they are scored and reported."""


def pairs_above(
    left: np.ndarray,
    right: np.ndarray,
    threshold: float,
    block: int = BLOCK,
    device: str = "cpu",
) -> Iterator[Pairs]:
    """Every pair of a row of `left` and a row of `right` whose similarity is above `threshold`.

    Both are anything two-dimensional that slices to float32 rows, such as a memory map: they are
    read piece by piece, and codes of `right` (at most a byte a coordinate) lie in a scratch file.
    Pairs come block of `left` by block, at least one part each; a block of many pairs comes in
    several parts, each sorted by left and right. Raises ValueError for numbers that are not finite.
    """
    return _pairs(left, right, threshold, block, torch.device(device), within=False)


def pairs_within(
    vectors: np.ndarray, threshold: float, block: int = BLOCK, device: str = "cpu"
) -> Iterator[Pairs]:
    """Every pair of two rows above `threshold` once, left < right; else as `pairs_above`."""
    return _pairs(vectors, vectors, threshold, block, torch.device(device), within=True)


def _pairs(
    left: np.ndarray,
    right: np.ndarray,
    threshold: float,
    block: int,
    device: torch.device,
    within: bool,
) -> Iterator[Pairs]:
    if not len(left) or not len(right):
        return
    if left.shape[1] != right.shape[1]:
        raise ValueError(
            f"vectors of {left.shape[1]} and of {right.shape[1]} numbers cannot be compared: "
            "embed both with one model"
        )
    with tempfile.TemporaryFile() as scratch:
        search = _Search(left, right, threshold, device, within, scratch)
        for start in range(0, len(left), block):
            waiting, count = [], 0
            for found in search.candidates(start, min(start + block, len(left))):
                waiting.append(found)
                count += len(found[0])
                if count >= _WAITING:
                    yield search.scored(waiting)
                    waiting, count = [], 0
            yield search.scored(waiting)


class _Search:
    """The codes of the right side, and tiles of products of the left side with them."""

    def __init__(
        self,
        left: np.ndarray,
        right: np.ndarray,
        threshold: float,
        device: torch.device,
        within: bool,
        scratch: IO[bytes],
    ) -> None:
        self._left, self._right = left, right
        self._threshold = threshold
        self._within = within
        self._rows, self._columns = tile(device)
        self._sketch = fit(left, right, threshold, device)
        self._codes = encode(self._sketch, right, self._rows, scratch)
        self._errors = torch.stack([part.max() for part in self._codes.errors.split(self._columns)])
        self._lengths = self._codes.lengths if within else np.empty(len(left))
        self._products = Products(device, self._rows, self._columns)

    def candidates(self, start: int, stop: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers of the pairs that may be above the threshold, for some rows of the left."""
        for first in range(start, stop, self._rows):
            tile = slice(first, min(first + self._rows, stop))
            if self._within:
                own = self._codes.rows(tile)
            else:
                own = self._sketch.codes(self._left[tile], first)
                self._lengths[tile] = own.lengths
            limits = self._sketch.limits(self._threshold, own.errors, self._errors)
            for group in range(first // self._columns if self._within else 0, limits.shape[1]):
                column = group * self._columns
                others = slice(
                    max(first, column) if self._within else column, column + self._columns
                )
                products = self._products(own.places, self._codes.places[others])
                rows, columns = above(products, limits[:, group])
                rows, columns = rows + first, columns + others.start
                ahead = rows < columns if self._within else slice(None)
                yield rows[ahead], columns[ahead]

    def scored(self, waiting: list[tuple[np.ndarray, np.ndarray]]) -> Pairs:
        """The pairs above the threshold, by left and right."""
        left = np.concatenate([_NONE, *(rows for rows, _ in waiting)])
        right = np.concatenate([_NONE, *(columns for _, columns in waiting)])
        order = np.lexsort((right, left))
        left, right = left[order], right[order]
        similarity = score(self._left, self._right, self._lengths, self._codes.lengths, left, right)
        above = similarity > self._threshold
        return Pairs(left[above], right[above], similarity[above])


_NONE = np.zeros(0, dtype=np.int64)


def tile(device: torch.device) -> tuple[int, int]:
    """Rows and columns of products to take at once."""
    return _TILES.get(device.type, _TILES["cpu"])


def encode(sketch: Sketch, vectors: np.ndarray, step: int, scratch: IO[bytes]) -> Codes:
    """Codes of all rows; on a CPU the places lie in the file `scratch`."""
    shape = (len(vectors), sketch.width)
    if sketch.device.type == "cpu":
        places = torch.from_numpy(np.memmap(scratch, np.int8, "w+", shape=shape))
    else:
        places = torch.empty(shape, dtype=torch.int8, device=sketch.device)
    errors = torch.empty(len(vectors), dtype=torch.float64, device=sketch.device)
    norms = np.empty(len(vectors))
    for start in range(0, len(vectors), step):
        part = slice(start, start + step)
        codes = sketch.codes(vectors[part], start)
        places[part], errors[part], norms[part] = codes.places, codes.errors, codes.lengths
    return Codes(places, errors, norms)


def above(products: torch.Tensor, limits: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the products above the limit of their row."""
    rows = torch.nonzero(products.amax(dim=1) > limits)[:, 0]
    if not len(rows):
        return _NONE, _NONE
    found = torch.nonzero(products[rows] > limits[rows, None])
    return rows[found[:, 0]].cpu().numpy(), found[:, 1].cpu().numpy()
