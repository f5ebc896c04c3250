import random

from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.training.score_thresholds import Threshold, summary, thresholds


def test_the_best_share_of_each_group_passes():
    scores = [("a", 0.1), ("a", 0.9), ("a", 0.5), ("b", 0.2)]
    assert thresholds(scores, 0.5) == {
        "a": Threshold(0.5, rows=3, kept=2),
        "b": Threshold(0.2, rows=1, kept=1),
    }


def test_a_share_is_not_rounded_up_by_its_binary_digits():
    scores = [("a", index / 10) for index in range(10)]
    # 0.7 x 10 is a little above 7 in binary.
    assert thresholds(scores, 0.7)["a"].kept == 7
    assert thresholds(scores, 1.0)["a"].kept == 10


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0.01, 1), st.randoms())
def test_the_order_of_scores_is_nothing_and_at_least_the_share_passes(
    scores: list[float], keep_top: float, rng: random.Random
):
    pairs = [("a", score) for score in scores]
    found = thresholds(pairs, keep_top)
    rng.shuffle(pairs)
    assert thresholds(pairs, keep_top) == found
    assert found["a"].kept >= keep_top * len(scores) - 1e-6
    assert found["a"].value in scores


def test_a_summary_counts_scores_in_bins():
    counts = summary([0.0, 0.049, 0.5, 1.0], 0.7)
    assert (counts["scores"][0], counts["scores"][10], counts["scores"][19]) == (2, 1, 1)
    assert counts["thresholds"] == {"profile": {"value": 0.7}}
