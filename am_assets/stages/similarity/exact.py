"""The similarity that decides: float64 sums of one fixed order, the same bits on every machine.

All steps are elementwise (products, then sums by halves), so a pair's similarity depends on its two
vectors alone: not on its neighbours, the threads, or the instructions a CPU has.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

_PART = 256
"""Pairs scored at a time: their float64 products fit a core's cache."""


@dataclass(frozen=True)
class Pairs:
    """Pairs (left[i], right[i]) of row numbers, with their cosine similarity in float64."""

    left: np.ndarray
    right: np.ndarray
    similarity: np.ndarray


def exact_similarity(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosine similarity of the rows of two equally long float32 arrays, in float64.

    Symmetric to the bit; a zero vector is similar to nothing (0).
    """
    every = np.arange(len(left))
    return score(left, right, lengths(left), lengths(right), every, every)


def lengths(vectors: np.ndarray) -> np.ndarray:
    """Euclidean length of the rows of a float32 array, in float64."""

    def squares(part: slice) -> np.ndarray:
        rows = vectors[part].astype(np.float64)
        return _sums(rows * rows)

    return np.sqrt(_by_parts(squares, len(vectors)))


def score(
    left: np.ndarray,
    right: np.ndarray,
    left_lengths: np.ndarray,
    right_lengths: np.ndarray,
    rows: np.ndarray,
    others: np.ndarray,
) -> np.ndarray:
    """Cosine similarity of left[rows[i]] and right[others[i]], whose `lengths` are known."""

    def products(part: slice) -> np.ndarray:
        own = left.take(rows[part], axis=0).astype(np.float64)
        own *= right.take(others[part], axis=0)
        return _sums(own)

    dots = _by_parts(products, len(rows))
    scale = left_lengths[rows] * right_lengths[others]
    return np.divide(dots, scale, out=np.zeros_like(dots), where=scale > 0)


def _by_parts(work: Callable[[slice], np.ndarray], count: int) -> np.ndarray:
    """The results for `count` rows, worked out in parts by as many threads as torch uses."""
    parts = [slice(start, start + _PART) for start in range(0, count, _PART)]
    if len(parts) < 4:
        return np.concatenate([np.zeros(0), *map(work, parts)])
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        return np.concatenate(list(threads.map(work, parts)))


def _sums(terms: np.ndarray) -> np.ndarray:
    """Row sums, adding the second half of the columns to the first until one is left; in place."""
    width = terms.shape[1]
    if width == 0:
        return np.zeros(len(terms))
    while width > 1:
        half = (width + 1) // 2
        terms[:, : width - half] += terms[:, half:width]
        width = half
    return terms[:, 0].copy()
