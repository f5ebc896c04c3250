import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from am_assets.core.profile import Dedup
from am_assets.stages.answers.references import DIFFERENT, answer_codes
from am_assets.stages.dedup.greedy import Decisions, Rows, deduplicate
from am_assets_tests.support.rows import unit

THRESHOLD = 0.9


@dataclass(frozen=True)
class Entry:
    sample_id: str
    prompt_hash: str
    reference_answer: str | None = None
    priority: int = 0


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def entry(sample: str, reference: str | None = None, priority: int = 0, text: str = "") -> Entry:
    return Entry(sample, text or sample, reference, priority)


def rows(entries: Sequence[Entry], vectors: np.ndarray) -> Rows:
    answers = answer_codes(one.reference_answer for one in entries)
    return Rows(
        pa.array([one.sample_id for one in entries], pa.string()),
        pa.array([one.prompt_hash for one in entries], pa.string()),
        vectors,
        answers.__getitem__,
    )


def order_of(entries: Sequence[Entry]) -> np.ndarray:
    keys = [(one.priority, one.sample_id, row) for row, one in enumerate(entries)]
    return np.array([row for _, _, row in sorted(keys)], dtype=np.int64)


def run(
    entries: Sequence[Entry],
    vectors: np.ndarray,
    *earlier: tuple[Sequence[Entry], np.ndarray],
    policies: Sequence[Dedup] = (Dedup(threshold=THRESHOLD),),
    block: int = 8192,
    scratch: Path | None = None,
) -> list[Decisions]:
    parts = (rows(*part) for part in earlier)
    order = order_of(entries)
    return deduplicate(rows(entries, vectors), order, parts, policies, block, scratch)


def decisions(entries: Sequence[Entry], found: Decisions) -> dict[str, tuple[Any, ...]]:
    """By sample id: twin, similarity in full, whether identical, how references compare."""
    return {
        one.sample_id: (
            found.twin[row],
            float(found.similarity[row]),
            bool(found.identical[row]),
            int(found.answers[row]),
        )
        for row, one in enumerate(entries)
        if not found.kept[row]
    }


def twins(
    entries: Sequence[Entry],
    vectors: np.ndarray,
    *earlier: tuple[Sequence[Entry], np.ndarray],
    **config: Any,
) -> dict[str, str]:
    policy = Dedup(**{"threshold": THRESHOLD, **config})
    (found,) = run(entries, vectors, *earlier, policies=[policy])
    return {sample: decided[0] for sample, decided in decisions(entries, found).items()}


def test_of_similar_rows_the_one_with_the_best_priority_is_kept():
    entries = [entry("a", priority=1), entry("b", priority=0)]
    (found,) = run(entries, at(0, 5))
    assert list(found.twin) == ["b", None]
    assert round(found.similarity[0], 6) == 0.996195


def test_ties_of_priority_go_by_sample_id():
    assert twins([entry("b"), entry("a")], at(0, 5)) == {"b": "a"}


def test_a_row_is_kept_when_its_only_similar_row_was_dropped():
    # a-b and b-c are similar, a-c are not: c has no twin that was kept.
    assert twins([entry("a"), entry("b"), entry("c")], at(0, 20, 40)) == {"b": "a"}


def test_the_twin_is_the_most_similar_kept_row_that_comes_before():
    entries = [entry("a"), entry("b"), entry("c", priority=1)]
    assert twins(entries, at(0, 40, 22), threshold=0.85) == {"c": "b"}


def test_of_equally_similar_twins_the_smallest_id_is_named():
    vectors = at(40, 0, 20)
    assert vectors[0] @ vectors[2] == pytest.approx(vectors[1] @ vectors[2])
    vectors[0] = vectors[1]
    entries = [entry("b", "1"), entry("a", "2"), entry("c", priority=1)]
    assert twins(entries, vectors) == {"c": "a"}
    one, other = ([entry("q")], vectors[:1]), ([entry("p")], vectors[:1])
    assert twins([entry("c")], vectors[2:], one, other) == {"c": "p"}
    assert twins([entry("c")], vectors[2:], other, one) == {"c": "p"}


def test_what_an_earlier_week_kept_stays():
    assert twins([entry("new")], at(0), ([entry("old", priority=9)], at(3))) == {"new": "old"}


def test_similar_rows_with_different_references_are_both_kept_and_counted():
    entries = [entry("a", "3"), entry("b", "4"), entry("c", "3.0"), entry("d", r"\boxed{4}")]
    vectors = at(0, 1, 90, 2)
    (found,) = run(entries, vectors)
    assert {k: v[0] for k, v in decisions(entries, found).items()} == {"d": "b"}
    assert (found.similar_pairs, found.different_references) == (3, 2)
    assert found.kept_for_reference == 1
    assert twins(entries, vectors, keep_different_references=False) == {"b": "a", "d": "a"}


def test_a_missing_reference_differs_from_nothing():
    assert twins([entry("a", "3"), entry("b")], at(0, 1)) == {"b": "a"}


def test_identical_prompts_are_duplicates_whatever_their_vectors_and_references():
    entries = [entry("a", "3", text="same"), entry("b", "4", text="same")]
    (found,) = run(entries, at(0, 90))
    assert decisions(entries, found) == {"b": ("a", 1.0, True, DIFFERENT)}
    assert found.identical_with_different_references.tolist() == [False, True]


def test_a_prompt_identical_to_one_that_was_dropped_is_compared_itself():
    entries = [entry("a"), entry("b", text="same"), entry("c", text="same")]
    assert twins(entries, at(0, 20, 40)) == {"b": "a"}
    assert twins(entries, at(0, 20, 10)) == {"b": "a", "c": "a"}


def test_no_candidates_make_no_decisions():
    (found,) = run([], np.zeros((0, 2), np.float32), ([entry("old")], at(0)))
    assert len(found.twin) == 0


def clustered(seed: int, count: int, first: int) -> tuple[list[Entry], np.ndarray]:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(5, 16))
    vectors = unit(
        centres[generator.integers(0, 5, count)] + 0.35 * generator.normal(size=(count, 16))
    )
    # Some rows repeat another's vector: ties.
    copies = generator.integers(0, count, count // 4)
    vectors[generator.integers(0, count, count // 4)] = vectors[copies]
    entries = [
        entry(
            f"{first + i:04d}",
            [None, "1", "2"][int(generator.integers(0, 3))],
            int(generator.integers(0, 3)),
            f"text {generator.integers(0, 2 * count)}",
        )
        for i in range(count)
    ]
    return entries, vectors


def by_definition(
    weeks: Sequence[tuple[Sequence[Entry], np.ndarray]], policy: Dedup
) -> dict[str, tuple[str, bool]]:
    """Twin, and whether identical, of each dropped row: the rule of the documentation, row by row.

    Rejects examples where float64 rounding could decide.
    """
    kept: list[tuple[Entry, np.ndarray]] = []
    dropped: dict[str, tuple[str, bool]] = {}
    for entries, vectors in weeks:
        wide = vectors.astype(np.float64)
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
        for row in order_of(entries):
            one = entries[row]
            same = sorted(k.sample_id for k, _ in kept if k.prompt_hash == one.prompt_hash)
            if same:
                dropped[one.sample_id] = (same[0], True)
                continue
            found: list[tuple[float, str]] = []
            for other, vector in kept:
                similarity = float(wide[row] @ vector)
                assume(abs(similarity - policy.threshold) > 1e-9)
                references = {one.reference_answer, other.reference_answer}
                protected = len(references) == 2 and None not in references
                if similarity > policy.threshold and not (
                    protected and policy.keep_different_references
                ):
                    found.append((-round(similarity, 9), other.sample_id))
            if found:
                dropped[one.sample_id] = (min(found)[1], False)
            else:
                kept.append((one, wide[row]))
    return dropped


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(0, 30), st.booleans())
def test_decisions_are_those_of_the_rule(seed: int, count: int, old: int, keep: bool):
    policy = Dedup(threshold=THRESHOLD, keep_different_references=keep)
    week, earlier = clustered(seed, count, 0), clustered(seed + 1, old, 500)
    gone = by_definition([earlier], policy)
    stays = [row for row, one in enumerate(earlier[0]) if one.sample_id not in gone]
    earlier = [earlier[0][row] for row in stays], earlier[1][stays]
    (found,) = run(*week, earlier, policies=[policy])
    expected = by_definition([earlier, week], policy)
    assert {
        sample: (decided[0], decided[2]) for sample, decided in decisions(week[0], found).items()
    } == {sample: twin for sample, twin in expected.items() if sample < "0500"}


def same(one: Decisions, other: Decisions) -> bool:
    counts = ("similar_pairs", "different_references", "kept_for_reference")
    return all(getattr(one, name) == getattr(other, name) for name in counts)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 70), st.integers(0, 12))
def test_decisions_do_not_depend_on_order_block_or_parts(
    seed: int, count: int, block: int, old: int
):
    entries, vectors = clustered(seed, count, 0)
    earlier, earlier_vectors = clustered(seed + 1, old, 500)
    policies = [Dedup(threshold=0.8, keep_different_references=False), Dedup(threshold=THRESHOLD)]
    _, one = run(entries, vectors, (earlier, earlier_vectors), policies=policies)
    order = list(range(count))
    random.Random(seed).shuffle(order)
    shuffled = [entries[i] for i in order]
    parts = [([earlier[i]], earlier_vectors[[i]]) for i in reversed(range(old))]
    (other,) = run(shuffled, vectors[order], *parts, block=block)
    assert decisions(entries, one) == decisions(shuffled, other)
    assert same(one, other)


def test_decisions_do_not_depend_on_block_threads_or_where_vectors_lie(tmp_path: Path):
    entries, vectors = clustered(7, 2500, 0)
    earlier = clustered(8, 700, 5000)
    (one,) = run(entries, vectors, earlier, block=8192)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        (other,) = run(entries, vectors, earlier, block=512, scratch=tmp_path)
    finally:
        torch.set_num_threads(threads)
    assert decisions(entries, one) == decisions(entries, other)
    assert same(one, other)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 59))
def test_weeks_decide_like_one_week_that_prefers_what_came_first(seed: int, count: int, cut: int):
    # The one difference that a split in weeks makes: the week comes before the priority.
    entries, vectors = clustered(seed, count, 0)
    first, second = slice(0, min(cut, count)), slice(min(cut, count), count)
    (before,) = run(entries[first], vectors[first])
    stays = np.flatnonzero(before.kept)
    (after,) = run(entries[second], vectors[second], ([entries[i] for i in stays], vectors[stays]))
    split = decisions(entries[first], before) | decisions(entries[second], after)
    late = [replace(one, priority=one.priority + 10) for one in entries[second]]
    whole = [*entries[first], *late]
    (found,) = run(whole, vectors)
    assert split == decisions(whole, found)


def test_a_sweep_decides_at_each_threshold_as_if_alone():
    entries, vectors = clustered(3, 300, 0)
    earlier = clustered(4, 50, 500)
    policies = [Dedup(threshold=one) for one in (0.7, 0.8, 0.9, 0.95)]
    together = run(entries, vectors, earlier, policies=policies)
    for policy, swept in zip(policies, together, strict=True):
        (alone,) = run(entries, vectors, earlier, policies=[policy])
        assert decisions(entries, swept) == decisions(entries, alone)
        assert same(swept, alone)


def test_a_corpus_whose_rows_are_all_alike_costs_as_many_pairs_as_rows():
    # 50,000 rows make 1.25 billion pairs: as many would not fit into memory.
    count = 50_000
    generator = np.random.default_rng(0)
    vectors = unit(generator.normal(size=(1, 16)) + 1e-3 * generator.normal(size=(count, 16)))
    entries = [entry(f"{i:05d}") for i in range(count)]
    (found,) = run(entries, vectors)
    assert np.flatnonzero(found.kept).tolist() == [0]
    assert found.similar_pairs == count - 1
