"""Thresholds of an embedding model, measured on labelled pairs of texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from am_assets.stages import plots
from am_assets.stages.dedup.threshold_report import precision_recall

GRID = tuple(round(0.5 + 0.01 * step, 2) for step in range(50))
PRECISION = 0.99
"""Share of dropped pairs that dedup wants to be right: what it drops is lost."""


@dataclass(frozen=True)
class Calibrated:
    """Precision, recall and F1 by threshold, and the thresholds that follow.

    `dedup` is the lowest threshold from which precision stays at PRECISION or above,
    `decontaminate` the one of the highest F1: a problem wrongly dropped costs less than a score
    wrongly earned.
    """

    pairs: int
    steps: list[dict[str, Any]]
    dedup: dict[str, Any]
    decontaminate: dict[str, Any]

    def snippet(self, name: str) -> str:
        """What goes under `models.embedding` of a profile; `name` says what the pairs are."""
        measured = [
            {
                "pairs": f"{name} ({use})",
                "count": self.pairs,
                "precision": round(step["precision"], 4),
                "recall": round(step["recall"], 4),
            }
            for use, step in (("dedup", self.dedup), ("decontamination", self.decontaminate))
        ]
        calibration = {
            "dedup_threshold": self.dedup["threshold"],
            "decontamination_threshold": self.decontaminate["threshold"],
            "measured_on": measured,
        }
        return yaml.safe_dump({"calibration": calibration}, sort_keys=False)

    def plot(self) -> bytes:
        """PNG of precision and recall against the threshold."""
        return plots.lines(
            [step["threshold"] for step in self.steps],
            {name: [step[name] for step in self.steps] for name in ("precision", "recall", "f1")},
            f"{self.pairs:,} labelled pairs",
            "cosine similarity above which pairs are the same",
            "share",
        )


def calibrate(similarity: np.ndarray, same: np.ndarray, grid: Sequence[float] = GRID) -> Calibrated:
    """Measure thresholds on the similarities of labelled pairs, `same` being their labels.

    Raises ValueError where pairs of one of the two sorts are missing.
    """
    if not same.any() or same.all():
        raise ValueError(
            "calibration needs pairs that are the same problem and pairs that are not: add the "
            "missing sort"
        )
    steps = precision_recall(similarity, same, grid)
    told = [step for step in steps if step["precision"] is not None and step["recall"]]
    if not told:
        raise ValueError("no pair is more similar than the lowest threshold: look at the pairs")
    precise = told[-1]
    for step in reversed(told):
        if step["precision"] < PRECISION:
            break
        precise = step
    return Calibrated(len(same), steps, precise, max(told, key=lambda step: step["f1"]))
