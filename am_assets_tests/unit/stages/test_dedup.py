import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from am_assets.core.config import Dedup
from am_assets.stages.dedup import Deduplication, Entry, deduplicate
from am_assets.stages.similarity import exact_similarity
from am_assets_tests.unit.stages.rows import unit

NONE = np.zeros((0, 2), dtype=np.float32)
THRESHOLD = 0.9


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def entry(sample: str, reference: str | None = None, priority: int = 0, text: str = "") -> Entry:
    return Entry(sample, text or sample, reference, (priority,))


def run(entries: list[Entry], vectors: np.ndarray, **config: bool) -> Deduplication:
    return deduplicate(entries, vectors, [], NONE, Dedup(threshold=THRESHOLD, **config))


def test_of_similar_rows_the_one_with_the_best_priority_is_kept():
    found = run([entry("a", priority=1), entry("b", priority=0)], at(0, 5))
    assert set(found.duplicates) == {"a"}
    assert found.duplicates["a"].twin == "b"
    assert found.duplicates["a"].similarity == 0.996195


def test_ties_of_priority_go_by_sample_id():
    assert set(run([entry("b"), entry("a")], at(0, 5)).duplicates) == {"b"}


def test_a_row_is_kept_when_its_only_similar_row_was_dropped():
    # a-b and b-c are similar, a-c are not: c has no twin that was kept.
    assert set(run([entry("a"), entry("b"), entry("c")], at(0, 20, 40)).duplicates) == {"b"}


def test_the_twin_is_the_most_similar_kept_row():
    entries = [entry("a"), entry("b"), entry("c", priority=1)]
    found = deduplicate(entries, at(0, 40, 22), [], NONE, Dedup(threshold=0.85))
    assert found.duplicates["c"].twin == "b"


def test_what_an_earlier_week_kept_stays():
    earlier = [entry("old", priority=9)]
    found = deduplicate([entry("new")], at(0), earlier, at(3), Dedup(threshold=THRESHOLD))
    assert found.duplicates["new"].twin == "old"


def test_a_superseded_row_is_compared_with_nothing():
    earlier = [entry("old", text="same")]
    found = deduplicate(
        [entry("new", text="same")],
        at(0),
        earlier,
        at(0),
        Dedup(threshold=THRESHOLD),
        superseded={"old"},
    )
    assert found.duplicates == {}


def test_similar_rows_with_different_references_are_both_kept_and_counted():
    rows = [entry("a", "3"), entry("b", "4"), entry("c", "3.0"), entry("d", " 4 ")]
    found = run(rows, at(0, 1, 90, 2))
    assert set(found.duplicates) == {"d"}
    assert found.duplicates["d"].twin == "b"
    assert found.different_references == 2
    assert set(run(rows, at(0, 1, 90, 2), keep_different_references=False).duplicates) == {"b", "d"}


def test_a_missing_reference_differs_from_nothing():
    assert set(run([entry("a", "3"), entry("b")], at(0, 1)).duplicates) == {"b"}


def test_identical_prompts_are_duplicates_whatever_their_vectors_and_references():
    found = run([entry("a", "3", text="same"), entry("b", "4", text="same")], at(0, 90))
    assert found.duplicates["b"].similarity == 1.0
    assert found.duplicates["b"].identical


def test_no_candidates_make_no_decisions():
    assert deduplicate([], NONE, [entry("old")], at(0), Dedup()).duplicates == {}


def clustered(seed: int, count: int, first: int) -> tuple[list[Entry], np.ndarray]:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(5, 16))
    vectors = unit(
        centres[generator.integers(0, 5, count)] + 0.35 * generator.normal(size=(count, 16))
    )
    entries = [
        entry(
            f"{first + i:03d}",
            [None, "1", "2"][int(generator.integers(0, 3))],
            int(generator.integers(0, 3)),
            f"text {generator.integers(0, 2 * count)}",
        )
        for i in range(count)
    ]
    return entries, vectors


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 70), st.integers(0, 12))
def test_decisions_do_not_depend_on_order_or_block(seed: int, count: int, block: int, old: int):
    entries, vectors = clustered(seed, count, 0)
    earlier, earlier_vectors = clustered(seed + 1, old, 500)
    config = Dedup(threshold=THRESHOLD)
    one = deduplicate(entries, vectors, earlier, earlier_vectors, config)
    order = list(range(count))
    random.Random(seed).shuffle(order)
    other = deduplicate(
        [entries[i] for i in order],
        vectors[order],
        earlier[::-1],
        earlier_vectors[::-1],
        config,
        block=block,
    )
    assert one == other


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_every_dropped_row_has_a_kept_twin_and_kept_rows_have_none(seed: int, count: int):
    entries, vectors = clustered(seed, count, 0)
    found = run(entries, vectors, keep_different_references=False)
    place = {one.sample_id: i for i, one in enumerate(entries)}
    kept = [one for one in entries if one.sample_id not in found.duplicates]
    for sample, duplicate in found.duplicates.items():
        assert duplicate.twin not in found.duplicates
        pair = vectors[[place[sample]]], vectors[[place[duplicate.twin]]]
        assert duplicate.identical or exact_similarity(*pair)[0] > THRESHOLD
    for i, one in enumerate(kept):
        for two in kept[i + 1 :]:
            pair = vectors[[place[one.sample_id]]], vectors[[place[two.sample_id]]]
            assert exact_similarity(*pair)[0] <= THRESHOLD
            assert one.prompt_hash != two.prompt_hash
