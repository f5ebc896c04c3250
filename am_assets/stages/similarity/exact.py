"""The similarity that decides: float64 sums of one fixed order, the same bits on every machine.

All steps are elementwise (products, then sums by halves), so a pair's similarity depends on its two
vectors alone: not on its neighbors, the threads, or the instructions a CPU has.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

_PART = 256
"""Pairs scored at a time: their float64 products fit a core's cache."""


@dataclass(frozen=True)
class Pairs:
    """Pairs (left[i], right[i]) of row numbers, with their cosine similarity in float64."""

    left: np.ndarray
    right: np.ndarray
    similarity: np.ndarray


def joined(parts: Iterable[Pairs]) -> Pairs:
    """All pairs of some parts, in their order."""
    parts = [_NO_PAIRS, *parts]
    return Pairs(
        np.concatenate([part.left for part in parts]),
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.similarity for part in parts]),
    )


def gathered(parts: Iterable[Pairs], least: int) -> Iterator[Pairs]:
    """The same pairs in parts of `least` pairs or more, the last one of any number."""
    waiting: list[Pairs] = []
    count = 0
    for part in parts:
        waiting.append(part)
        count += len(part.left)
        if count >= least:
            yield joined(waiting)
            waiting, count = [], 0
    yield joined(waiting)


_NO_PAIRS = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def exact_similarity(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosine similarity of the rows of two equally long float32 arrays, in float64.

    Symmetric to the bit; a zero vector is similar to nothing (0).
    """
    every = np.arange(len(left))
    return score(left, right, lengths(left), lengths(right), every, every)


def lengths(vectors: np.ndarray) -> np.ndarray:
    """Euclidean length of the rows of a float32 array, in float64."""
    found = np.empty(len(vectors))
    for start in range(0, len(vectors), _PART):
        part = vectors[start : start + _PART].astype(np.float64)
        found[start : start + _PART] = np.sqrt(_sums(part * part))
    return found


def score(
    left: np.ndarray,
    right: np.ndarray,
    left_lengths: np.ndarray,
    right_lengths: np.ndarray,
    rows: np.ndarray,
    others: np.ndarray,
) -> np.ndarray:
    """Cosine similarity of left[rows[i]] and right[others[i]], of the lengths given for each."""
    dots = np.empty(len(rows))
    for start in range(0, len(rows), _PART):
        part = slice(start, start + _PART)
        products = left.take(rows[part], axis=0).astype(np.float64)
        products *= right.take(others[part], axis=0)
        dots[part] = _sums(products)
    scale = left_lengths * right_lengths
    return np.divide(dots, scale, out=np.zeros_like(dots), where=scale > 0)


def _sums(terms: np.ndarray) -> np.ndarray:
    """Row sums, adding the second half of the columns to the first until one is left; in place."""
    width = terms.shape[1]
    if width == 0:
        return np.zeros(len(terms))
    while width > 1:
        half = (width + 1) // 2
        terms[:, : width - half] += terms[:, half:width]
        width = half
    return terms[:, 0]
