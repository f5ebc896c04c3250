import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from am_assets.stages.similarity import exact_similarity, pairs_above, pairs_within, sketch
from am_assets.stages.similarity import products as similarity_products
from am_assets_tests.support.rows import unit

THRESHOLDS = (0.8, 0.85, 0.9, 0.95)


def some(rows: int, seed: int, dimension: int = 24) -> np.ndarray:
    """Vectors in a few tight clusters, so that many pairs lie near a threshold."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(4, dimension))
    noise = 0.4 * generator.normal(size=(rows, dimension))
    return unit(centres[generator.integers(0, 4, rows)] + noise)


def prompts(rows: int, seed: int, dimension: int = 64) -> np.ndarray:
    """Vectors whose principal directions are as unequal as those of real prompts."""
    generator = np.random.default_rng(seed)
    spectrum = 1 / np.sqrt(1 + np.arange(dimension))
    plain = generator.normal(size=(rows, dimension)) * spectrum
    copies = plain[generator.integers(0, rows, rows)]
    noise = generator.uniform(0, 1, (rows, 1)) * generator.normal(size=(rows, dimension)) * spectrum
    vectors = np.where(generator.random((rows, 1)) < 0.5, plain, copies + noise)
    rotation = np.linalg.qr(generator.normal(size=(dimension, dimension)))[0]
    return unit(vectors @ rotation)


def planted(vectors: np.ndarray, threshold: float, seed: int) -> np.ndarray:
    """`vectors`, and for each one at `threshold` give or take 1e-9 to 1e-6 from it."""
    generator = np.random.default_rng(seed)
    wide = vectors.astype(np.float64)
    away = generator.normal(size=wide.shape)
    away -= (away * wide).sum(axis=1, keepdims=True) * wide
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    miss = generator.choice([-1e-6, -1e-7, -1e-9, 1e-9, 1e-7, 1e-6], size=(len(wide), 1))
    cosine = threshold + miss
    near = cosine * wide + np.sqrt(1 - cosine**2) * away
    return np.concatenate([vectors, near.astype(np.float32)])


def brute(left: np.ndarray, right: np.ndarray, threshold: float) -> set[tuple[int, int]]:
    """Pairs above the threshold by float64 products of all."""
    one, other = left.astype(np.float64), right.astype(np.float64)
    one /= np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-300)
    other /= np.maximum(np.linalg.norm(other, axis=1, keepdims=True), 1e-300)
    cosines = one @ other.T
    # A tie within float64's own rounding, which two dimensions do give, goes by the exact score.
    rows, columns = np.nonzero(abs(cosines - threshold) < 1e-13)
    cosines[rows, columns] = exact_similarity(left[rows], right[columns])
    return {(int(a), int(b)) for a, b in np.argwhere(cosines > threshold)}


def scores(parts) -> dict[tuple[int, int], float]:
    found = [
        ((int(a), int(b)), float(s))
        for pairs in parts
        for a, b, s in zip(pairs.left, pairs.right, pairs.similarity, strict=True)
    ]
    assert len(dict(found)) == len(found), "a pair was reported twice"
    return dict(found)


def found(left: np.ndarray, right: np.ndarray, threshold: float, block: int = 8192):
    return scores(pairs_above(left, right, threshold, block))


def within(vectors: np.ndarray, threshold: float, block: int = 8192):
    return scores(pairs_within(vectors, threshold, block))


@pytest.fixture
def always_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes over leading directions are used for few rows as well."""
    monkeypatch.setattr(sketch, "_SMALL", 0)
    monkeypatch.setattr(sketch, "_ROTATE", 0.0)
    monkeypatch.setattr(sketch, "_SCORE", 0.0)
    monkeypatch.setattr(sketch, "_WIDTHS", (32, 48))


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 50), st.integers(1, 50))
def test_pairs_and_their_scores_do_not_depend_on_the_block(seed, rows, one, other):
    left, right = some(rows, seed), some(30, seed + 1)
    assert found(left, right, 0.8, one) == found(left, right, 0.8, other)


@given(st.integers(0, 1000))
def test_scores_are_symmetric_to_the_bit(seed):
    left, right = some(20, seed), some(20, seed + 1)
    ahead, back = found(left, right, 0.7, 7), found(right, left, 0.7, 5)
    assert ahead == {(a, b): s for (b, a), s in back.items()}


@pytest.mark.usefixtures("always_reduced")
@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("make", [some, prompts])
@settings(max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_reduced_codes_find_every_pair_however_near_the_threshold(threshold, make, seed):
    vectors = planted(make(300, seed, 64), threshold, seed)
    expected = brute(vectors, vectors, threshold)
    assert set(found(vectors, vectors, threshold)) == expected
    assert set(within(vectors, threshold)) == {(a, b) for a, b in expected if a < b}


@pytest.mark.parametrize("threshold", THRESHOLDS)
@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 7, 24, 100, 385]))
def test_every_pair_is_found_however_near_the_threshold(threshold, seed, dimension):
    vectors = planted(some(120, seed, dimension), threshold, seed) if dimension > 1 else some(9, 1)
    assert set(within(vectors, threshold, 50)) == {
        (a, b) for a, b in brute(vectors, vectors, threshold) if a < b
    }


def test_single_large_coordinates_hide_no_pair():
    generator = np.random.default_rng(0)
    spikes = np.zeros((200, 48))
    spikes[np.arange(200), generator.integers(0, 48, 200)] = generator.uniform(0.3, 30, 200)
    vectors = planted(unit(spikes + generator.normal(size=spikes.shape) * 0.1), 0.9, 1)
    assert set(found(vectors, vectors, 0.9)) == brute(vectors, vectors, 0.9)


@pytest.mark.usefixtures("always_reduced")
def test_vectors_unlike_the_sample_hide_no_pair(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sketch, "_SAMPLE", 8)
    vectors = planted(np.concatenate([prompts(400, 1), unit(np.eye(64) + 1e-3)]), 0.85, 2)
    assert set(found(vectors, vectors, 0.85)) == brute(vectors, vectors, 0.85)


def test_length_does_not_matter():
    vectors = prompts(200, 3)
    scale = np.random.default_rng(0).choice([1e-12, 1e-3, 1.0, 1e12], (200, 1))
    longer = (vectors * scale).astype(np.float32)
    assert set(within(longer, 0.8)) == {(a, b) for a, b in brute(longer, longer, 0.8) if a < b}


@pytest.mark.usefixtures("always_reduced")
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("block", [512, 8192, 77])
def test_blocks_threads_and_order_change_no_pair_and_no_bit(threads, block):
    vectors = planted(prompts(900, 5), 0.85, 3)
    order = np.random.default_rng(1).permutation(len(vectors))
    expected = within(vectors, 0.85)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        shuffled = within(vectors[order], 0.85, block)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    back = {tuple(sorted((int(order[a]), int(order[b])))): s for (a, b), s in shuffled.items()}
    assert back == expected


@pytest.mark.parametrize("reduced", [False, True])
def test_float32_products_give_what_int8_products_give(reduced, monkeypatch, request):
    if reduced:
        request.getfixturevalue("always_reduced")
    vectors = planted(prompts(700, 8), 0.9, 4)
    fast = within(vectors, 0.9)
    monkeypatch.setattr(similarity_products, "int8_is_exact", lambda device: False)
    assert within(vectors, 0.9) == fast


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_bits():
    vectors = planted(prompts(3000, 9, 384), 0.85, 5)
    there = scores(pairs_within(vectors, 0.85, device="cuda"))
    assert there == within(vectors, 0.85)


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 60), st.booleans())
def test_a_product_of_codes_bounds_the_similarity_from_above(seed, kept, spiky):
    generator = np.random.default_rng(seed)
    wide = generator.normal(size=(60, 64)) * (generator.random((1, 64)) ** (9 if spiky else 1))
    vectors = unit(wide)
    basis = torch.linalg.qr(torch.from_numpy(generator.normal(size=(64, kept)))).Q
    # A scale from other vectors, so that some coordinates are beyond it and clipped.
    made = sketch.sketch_of(basis, torch.from_numpy(unit(generator.normal(size=(5, 64)))).double())
    codes = made.codes(vectors)
    whole = codes.places.double()
    sums, errors = whole @ whole.T, codes.errors
    slack = errors[:, None] + errors[None, :] + errors[:, None] * errors[None, :]
    bound = sums * made.scale**2 + slack + 1e-8
    assert (bound.numpy() >= vectors.astype(np.float64) @ vectors.astype(np.float64).T).all()


def test_memory_maps_are_read_piece_by_piece(tmp_path):
    """400 MB of vectors are compared with a few within 256 MB beyond what the program holds."""
    rows = 260_000
    mapped = np.lib.format.open_memmap(
        tmp_path / "v.npy", mode="w+", dtype=np.float32, shape=(rows, 384)
    )
    few = unit(np.random.default_rng(1).normal(size=(64, 384)))
    for start in range(0, rows, 10_000):
        mapped[start : start + 10_000] = unit(
            np.random.default_rng(start).normal(size=(10_000, 384))
        )
    mapped[rows - 1] = few[3]
    mapped.flush()
    np.save(tmp_path / "few.npy", few)
    program = (
        "import sys, resource, numpy as np\n"
        "from am_assets.stages.similarity import pairs_above\n"
        "few, many = np.load(sys.argv[1]), np.load(sys.argv[2], mmap_mode='r')\n"
        "list(pairs_above(few[:1], many[:1000], 0.9))\n"
        "held = [int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmData')]\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (held[0] * 1024 + (1 << 28),) * 2)\n"
        "found = [(int(a), int(b)) for p in pairs_above(few, many, 0.9)"
        " for a, b in zip(p.left, p.right)]\n"
        "print(found)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "few.npy"), str(tmp_path / "v.npy")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str([(3, rows - 1)])


def test_numbers_that_are_not_finite_are_named():
    vectors = some(40, 1)
    vectors[31, 2] = np.nan
    with pytest.raises(ValueError, match="vector 31 has numbers that are not finite"):
        within(vectors, 0.9)


def test_vectors_of_two_models_are_not_compared():
    with pytest.raises(ValueError, match="vectors of 24 and of 8 numbers"):
        found(some(3, 1), some(3, 1, 8), 0.9)


def test_a_low_threshold_gives_all_pairs():
    vectors = some(30, 2)
    assert len(within(vectors, -1.1)) == 30 * 29 // 2


def test_a_vector_is_fully_similar_to_itself():
    vectors = some(10, 5)
    assert exact_similarity(vectors, vectors) == pytest.approx(np.ones(10), abs=1e-12)


def test_a_zero_vector_is_similar_to_nothing():
    zero = np.zeros((1, 4), dtype=np.float32)
    assert exact_similarity(zero, zero).tolist() == [0.0]
    assert within(np.zeros((5, 8), np.float32), 0.1) == {}


def test_no_vectors_make_no_pairs():
    assert found(np.zeros((0, 0), np.float32), some(3, 1), 0.5, 8) == {}
    assert within(np.zeros((0, 0), np.float32), 0.5) == {}
