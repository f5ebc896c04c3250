"""Thresholds that follow from the distribution of scores (AM 2.2.2)."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from am_assets.stages.verification.statistics import Histogram


class Threshold(NamedTuple):
    """The score that the best of `rows` reach; `kept` of them do, ties included."""

    value: float
    rows: int
    kept: int


def thresholds(scores: Iterable[tuple[str, float]], keep_top: float) -> dict[str, Threshold]:
    """The threshold of each group, from (group, score) in any order.

    The best `keep_top` (0..1) of a group, rounded up, pass; so do all that score as the last of
    them does.
    """
    grouped: defaultdict[str, list[float]] = defaultdict(list)
    for group, score in scores:
        grouped[group].append(score)
    found: dict[str, Threshold] = {}
    for group, listed in sorted(grouped.items()):
        listed.sort(reverse=True)
        # A share such as 0.6 of 5 is 3, whatever its binary digits say.
        value = listed[math.ceil(round(keep_top * len(listed), 9)) - 1]
        found[group] = Threshold(value, len(listed), sum(score >= value for score in listed))
    return found


def summary(scores: Iterable[float], decided: dict[str, Threshold] | float) -> dict[str, Any]:
    """Counts for a manifest: the histogram of `scores` and the thresholds they met, by group."""
    histogram = Histogram()
    for score in scores:
        histogram.add(score)
    if not isinstance(decided, dict):
        return {"scores": histogram.counts, "thresholds": {"profile": {"value": decided}}}
    by_group = {group: threshold._asdict() for group, threshold in decided.items()}
    return {"scores": histogram.counts, "thresholds": by_group}
