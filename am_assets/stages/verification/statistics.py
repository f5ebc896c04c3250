"""Statistics of a prompt's samples [DD eq. 5, 6]."""

import math
from collections.abc import Sequence


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
