import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.similarity import exact_similarity, pairs_above
from am_assets_tests.unit.stages.rows import unit


def some(rows: int, seed: int, dimension: int = 24) -> np.ndarray:
    """Vectors in a few tight clusters, so that many pairs lie near a threshold."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(4, dimension))
    noise = 0.4 * generator.normal(size=(rows, dimension))
    return unit(centres[generator.integers(0, 4, rows)] + noise)


def found(left: np.ndarray, right: np.ndarray, threshold: float, block: int):
    blocks = list(pairs_above(left, right, threshold, block))
    return {
        (int(a), int(b)): float(s)
        for pairs in blocks
        for a, b, s in zip(pairs.left, pairs.right, pairs.similarity, strict=True)
    }


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 50), st.integers(1, 50))
def test_pairs_and_their_scores_do_not_depend_on_the_block(seed, rows, one, other):
    left, right = some(rows, seed), some(30, seed + 1)
    assert found(left, right, 0.8, one) == found(left, right, 0.8, other)


@given(st.integers(0, 1000))
def test_scores_are_symmetric_to_the_bit(seed):
    left, right = some(20, seed), some(20, seed + 1)
    ahead, back = found(left, right, 0.7, 7), found(right, left, 0.7, 5)
    assert ahead == {(a, b): s for (b, a), s in back.items()}


def test_pairs_are_exactly_those_above_the_threshold():
    vectors = some(40, 3)
    threshold = 0.85
    wide = vectors.astype(np.float64)
    expected = np.argwhere(wide @ wide.T > threshold)
    assert set(found(vectors, vectors, threshold, 16)) == {(int(a), int(b)) for a, b in expected}


def test_a_vector_is_fully_similar_to_itself():
    vectors = some(10, 5)
    assert exact_similarity(vectors, vectors) == pytest.approx(np.ones(10), abs=1e-12)


def test_a_zero_vector_is_similar_to_nothing():
    zero = np.zeros((1, 4), dtype=np.float32)
    assert exact_similarity(zero, zero).tolist() == [0.0]


def test_no_vectors_make_no_pairs():
    assert found(np.zeros((0, 0), np.float32), some(3, 1), 0.5, 8) == {}
