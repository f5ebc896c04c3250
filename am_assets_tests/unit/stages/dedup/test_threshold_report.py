import numpy as np
import pyarrow as pa
import pytest

from am_assets.core.profile import Dedup
from am_assets.stages.answers.references import answer_codes
from am_assets.stages.dedup.greedy import Rows, deduplicate
from am_assets.stages.dedup.threshold_page import threshold_page, threshold_pictures
from am_assets.stages.dedup.threshold_report import (
    GRID,
    Sample,
    ThresholdReport,
    policies_around,
    precision_recall,
    report_of,
)
from am_assets.stages.similarity import exact_similarity
from am_assets_tests.support.rows import unit


def rows(seed: int, count: int, spread: float = 0.3, prefix: str = "r") -> Rows:
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(max(count // 4, 1), 16))
    vectors = centres[generator.integers(0, len(centres), count)]
    vectors = unit(vectors + spread * generator.normal(size=(count, 16)))
    answers = answer_codes([None, "1", "2"][i] for i in generator.integers(0, 3, count).tolist())
    ids = pa.array([f"{prefix}{i:04d}" for i in range(count)])
    return Rows(ids, ids, vectors, answers.__getitem__)


def report(rows: Rows, threshold: float = 0.9) -> ThresholdReport:
    settings = Dedup(threshold=threshold)
    sample = Sample(rows)
    policies = policies_around(settings, sample.floor(threshold))
    order = np.arange(len(rows.ids))
    return report_of(rows.ids, settings, policies, deduplicate(rows, order, (), policies), sample)


def test_the_sweep_counts_what_each_threshold_drops():
    given = rows(1, 400)
    found = report(given, 0.85)
    assert (found.floor, found.threshold, found.rows) == (0.7, 0.85, 400)
    assert [step["threshold"] for step in found.sweep] == sorted({*GRID, 0.85})
    for step in found.sweep:
        (alone,) = deduplicate(given, np.arange(400), (), [Dedup(threshold=step["threshold"])])
        assert step["dropped"] == int((~alone.kept).sum())
        assert step["different_references"] == alone.different_references
    dropped = [step["dropped"] for step in found.sweep]
    assert dropped[0] > dropped[-1]


def test_shown_pairs_lie_around_the_threshold_nearest_first():
    given = rows(1, 400)
    found = report(given)
    place = {name: row for row, name in enumerate(given.ids.to_pylist())}
    for pairs, sign in ((found.above, 1), (found.below, -1)):
        distances = [sign * (pair["similarity"] - 0.9) for pair in pairs]
        assert distances == sorted(distances)
        assert distances[0] >= 0
        assert len(pairs) == 20
        for pair in pairs:
            row, twin = place[pair["sample_id"]], place[pair["twin"]]
            exact = exact_similarity(given.vectors[[row]], given.vectors[[twin]])[0]
            assert pair["similarity"] == round(exact, 6)


def test_the_nearest_of_a_sampled_row_may_lie_in_an_earlier_week():
    given, earlier = rows(1, 300), rows(2, 300, prefix="old")
    sample = Sample(given, 300)
    alone = sample.nearest.copy()
    sample.watched(earlier)
    everything = np.concatenate([given.vectors, earlier.vectors]).astype(np.float64)
    products = given.vectors[sample.rows].astype(np.float64) @ everything.T
    products[np.arange(len(sample.rows)), sample.rows] = -1
    assert sample.nearest == pytest.approx(products.max(axis=1), abs=1e-6)
    assert (sample.nearest >= alone).all()
    assert len(sample.rows) == 200


def test_the_sample_is_the_same_rows_in_any_order():
    given = rows(1, 900)
    turned = Rows(given.ids[::-1], given.prompt_hashes[::-1], given.vectors[::-1], given.answers)
    one, other = Sample(given), Sample(turned)
    assert set(given.ids.take(pa.array(one.rows)).to_pylist()) == set(
        turned.ids.take(pa.array(other.rows)).to_pylist()
    )


def test_a_floor_with_too_many_pairs_is_raised():
    given = rows(1, 400, spread=0.05)
    alike = Rows(
        given.ids, given.prompt_hashes, np.tile(given.vectors[:1], (400, 1)), given.answers
    )
    assert Sample(given).floor(0.9) == 0.7
    assert Sample(alike, 100_000).floor(0.93) == 0.93
    assert Sample(rows(1, 1)).floor(0.5) == 0.5


def test_precision_and_recall_of_labelled_pairs():
    similarity = np.array([0.95, 0.9, 0.85, 0.6])
    labels = np.array([True, False, True, False])
    steps = precision_recall(similarity, labels, (0.5, 0.8, 0.92, 0.99))
    assert [step["precision"] for step in steps] == [0.5, 2 / 3, 1.0, None]
    assert [step["recall"] for step in steps] == [1.0, 1.0, 0.5, 0.0]
    assert [step["f1"] for step in steps] == [2 / 3, 0.8, 2 / 3, 0.0]
    (step,) = precision_recall(similarity[:0], labels[:0], (0.5,))
    assert (step["precision"], step["recall"], step["f1"]) == (None, None, None)


def test_the_page_shows_texts_as_text_whatever_they_hold():
    found = report(rows(1, 100))
    texts = {name: f"<script>{name}</script>" + "x" * 5000 for name in rows(1, 100).ids.to_pylist()}
    steps = precision_recall(np.array([0.9]), np.array([True]), (0.5, 0.9))
    page = threshold_page("<b>.jsonl", found, texts, steps)
    assert "<script>" not in page
    assert "&lt;script&gt;r0" in page
    assert "<b>.jsonl" not in page
    assert "x" * 1000 not in page


def test_plots_are_the_same_bytes_for_the_same_report():
    found = report(rows(1, 100)).as_dict()
    assert threshold_pictures(found) == threshold_pictures(found)
    empty = report(rows(1, 1)).as_dict()
    assert all(png.startswith(b"\x89PNG") for png in threshold_pictures(empty).values())
