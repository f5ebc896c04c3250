"""All pairs of vectors above a cosine similarity, exactly, in one go (see `sides`)."""

from collections.abc import Iterator
from tempfile import TemporaryFile

import numpy as np

from am_assets.stages.similarity.exact import Pairs

BLOCK = 8192
"""Rows of the left side that pairs are reported by."""


def pairs_above(
    left: np.ndarray,
    right: np.ndarray,
    threshold: float,
    block: int = BLOCK,
    device: str = "cpu",
) -> Iterator[Pairs]:
    """Every pair of a row of `left` and a row of `right` whose similarity is above `threshold`.

    Both are anything two-dimensional that slices to float32 rows, such as a memory map: they are
    read piece by piece, and their codes (about a byte a coordinate, or less) lie in scratch files.
    Pairs come block of `left` by block, at least one part each; a block of many pairs comes in
    several parts, each sorted by left and right. Raises ValueError for numbers that are not finite.
    """
    if not len(left) or not len(right):
        return
    if left.shape[1] != right.shape[1]:
        raise ValueError(
            f"vectors of {left.shape[1]} and of {right.shape[1]} numbers cannot be compared: "
            "embed both with one model"
        )
    # Loads torch.
    from am_assets.stages.similarity.sides import Comparison

    with TemporaryFile() as one, TemporaryFile() as other:
        comparison = Comparison(left, threshold, device, right)
        ours, theirs = comparison.side(left, one), comparison.side(right, other)
        for start in range(0, len(left), block):
            yield from comparison.pairs(ours.part(start, start + block), theirs)


def pairs_within(
    vectors: np.ndarray, threshold: float, block: int = BLOCK, device: str = "cpu"
) -> Iterator[Pairs]:
    """Every pair of two rows above `threshold` once, left < right; else as `pairs_above`."""
    if not len(vectors):
        return
    # Loads torch.
    from am_assets.stages.similarity.sides import Comparison

    with TemporaryFile() as scratch:
        comparison = Comparison(vectors, threshold, device)
        side = comparison.side(vectors, scratch)
        for start in range(0, len(vectors), block):
            yield from comparison.pairs(side.part(start, start + block), side, start)
