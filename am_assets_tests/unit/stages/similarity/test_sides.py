import tempfile

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from am_assets.stages.similarity import pairs_above
from am_assets.stages.similarity.sides import Comparison
from am_assets_tests.support.rows import unit


def vectors(seed: int, count: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(3, 24))
    rows = centres[generator.integers(0, 3, count)] + generator.normal(size=(count, 24))
    return unit(rows)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 60), st.integers(1, 60), st.sampled_from([0.3, 0.7]))
def test_chosen_rows_have_the_pairs_that_all_rows_have(
    seed: int, count: int, old: int, threshold: float
):
    own, other = vectors(seed, count), vectors(seed + 1, old)
    generator = np.random.default_rng(seed)
    rows, others = generator.permutation(count), generator.permutation(old)[: old // 2 + 1]
    expected = {
        (int(rows[left]), int(others[right])): float(similarity)
        for pairs in pairs_above(own[rows], other[others], threshold)
        for left, right, similarity in zip(pairs.left, pairs.right, pairs.similarity, strict=True)
    }
    # The sketch comes from other rows altogether.
    comparison = Comparison(vectors(seed + 2, 40), threshold)
    with (
        tempfile.TemporaryFile() as a,
        tempfile.TemporaryFile() as b,
        tempfile.TemporaryFile() as c,
    ):
        left, right = comparison.side(own, a), comparison.side(other, b)
        room = comparison.room(right, c)
        half = len(others) // 2
        room.put(0, right.take(others[:half]))
        room.put(half, right.take(others[half:]))
        found = {
            (int(i), int(j)): float(similarity)
            for pairs in comparison.pairs(left.take(rows), room.part(0, len(others)))
            for i, j, similarity in zip(pairs.left, pairs.right, pairs.similarity, strict=True)
        }
    assert found == expected
