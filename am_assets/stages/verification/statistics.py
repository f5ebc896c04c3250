"""Statistics of a prompt's samples [DD eq. 5, 6], and of all verdicts of an artifact."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from am_assets.stages.verification.instruction.check import Accuracy


def pass_rate(passes: Sequence[bool]) -> float:
    """Mean of the pass indicators of a prompt's samples (DD eq. 5); ValueError when empty."""
    if not passes:
        raise ValueError("a pass rate needs at least one sample")
    return sum(passes) / len(passes)


def coefficient_of_variation(scores: Sequence[float]) -> float:
    """Population standard deviation over mean of a prompt's scores (DD eq. 6).

    Zero when all scores are zero, where the quotient is undefined and nothing varies. ValueError
    when empty or negative.
    """
    if not scores or min(scores) < 0:
        raise ValueError(
            "a coefficient of variation needs one or more scores that are not negative"
        )
    mean = math.fsum(scores) / len(scores)
    if mean == 0:
        return 0.0
    return math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / len(scores)) / mean


class Tally:
    """What a stream of verdicts comes to, for an artifact's manifest; rows of schema VERDICTS."""

    def __init__(self) -> None:
        self._statuses: Counter[str] = Counter()
        self._passes: Counter[str] = Counter()
        self._accuracy = Accuracy()
        self._scores = Histogram()

    def add(self, row: Mapping[str, Any]) -> None:
        """Take one row."""
        status, verifier = row["status"], row.get("verifier")
        self._statuses[status] += 1
        evidence = json.loads(row.get("evidence") or "{}") if verifier in _EVIDENCE_READ else {}
        self._accuracy.add(evidence)
        if verifier == "reward" and row.get("score") is not None:
            self._scores.add(row["score"])
        if status == "pass":
            self._passes[passed_by(verifier, evidence)] += 1

    def as_dict(self) -> dict[str, Any]:
        """`verdicts` by status and `passes` by who said so; where there are any, `instruction`
        accuracies and `chat_scores` in equal bins of 0..1."""
        counts: dict[str, Any] = {
            "verdicts": dict(sorted(self._statuses.items())),
            "passes": dict(sorted(self._passes.items())),
        }
        if accuracy := self._accuracy.as_dict():
            counts["instruction"] = accuracy
        if any(self._scores.counts):
            counts["chat_scores"] = self._scores.counts
        return counts


_EVIDENCE_READ = ("judge", "ifeval")


def passed_by(verifier: str | None, evidence: Mapping[str, Any]) -> str:
    """Who let a response pass: rules, judge, judge_second_opinion (against the rules) or reward."""
    if verifier == "judge":
        return "judge_second_opinion" if "rule_verdict" in evidence else "judge"
    return "reward" if verifier == "reward" else "rules"


_BINS = 20


class Histogram:
    """Scores in 0..1, counted in equal bins."""

    def __init__(self) -> None:
        self.counts = [0] * _BINS

    def add(self, score: float) -> None:
        """Count one score."""
        self.counts[min(int(score * _BINS), _BINS - 1)] += 1
