"""Exact cosine similarity of many vectors: which pairs are above a threshold, and by how much.

Blocked float32 matrix products find candidates, with a margin above their rounding error; each
candidate is then scored again in float64 by one kernel of fixed order. What comes out depends on
the vectors alone: not on block size, threads, order or the CPU's instructions.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BLOCK = 1024


@dataclass(frozen=True)
class Pairs:
    """Pairs (left[i], right[i]) of row numbers, with their cosine similarity in float64."""

    left: np.ndarray
    right: np.ndarray
    similarity: np.ndarray


def exact_similarity(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosine similarity of the rows of two equally long float32 arrays, in float64.

    Sums run over the dimensions in order, one elementwise operation at a time, so every row is
    summed alike whatever its neighbours. Symmetric; a zero vector is similar to nothing.
    """
    dot = np.zeros(len(left), dtype=np.float64)
    squares_left, squares_right = dot.copy(), dot.copy()
    for a, b in zip(left.T.astype(np.float64), right.T.astype(np.float64), strict=True):
        dot += a * b
        squares_left += a * a
        squares_right += b * b
    norms = np.sqrt(squares_left) * np.sqrt(squares_right)
    return np.divide(dot, norms, out=np.zeros_like(dot), where=norms > 0)


def margin(dimension: int) -> float:
    """Bound of what a float32 product of unit vectors can be off by, any summation order."""
    return max(1e-4, 4 * dimension * float(np.finfo(np.float32).eps))


def pairs_above(
    left: np.ndarray, right: np.ndarray, threshold: float, block: int = BLOCK
) -> Iterator[Pairs]:
    """Pairs of unit vectors whose similarity is above `threshold`, block of `left` by block."""
    if not len(left) or not len(right):
        return
    lowest = np.float32(threshold - margin(left.shape[1]))
    for start in range(0, len(left), block):
        products = left[start : start + block] @ right.T
        rows, columns = np.nonzero(products > lowest)
        rows = rows + start
        similarity = exact_similarity(left[rows], right[columns])
        above = similarity > threshold
        yield Pairs(rows[above], columns[above], similarity[above])


def nearest(left: np.ndarray, right: np.ndarray, same: bool, block: int = BLOCK) -> np.ndarray:
    """Float32 similarity of each row of `left` to its nearest row of `right`; -1 without one.

    With `same`, both are the same rows and a row is no neighbour of itself. For plots: unlike
    `pairs_above` its last digits depend on the machine.
    """
    best = np.full(len(left), -1.0, dtype=np.float32)
    if not len(right):
        return best
    for start in range(0, len(left), block):
        products = left[start : start + block] @ right.T
        if same:
            rows = np.arange(len(products))
            products[rows, rows + start] = -1.0
        best[start : start + block] = products.max(axis=1)
    return best
