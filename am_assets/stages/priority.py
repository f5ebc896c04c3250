"""Which of several duplicates is kept (AM 2.1.4)."""

from collections.abc import Mapping
from typing import Any

PRIORITY_COLUMNS = (
    "sample_id",
    "source",
    "prompt",
    "reference_answer",
    "test_case",
    "constraints",
    "existing_response",
)
"""Columns of PROMPTS that decide a priority."""


def priority(row: Mapping[str, Any], rank: int) -> tuple[int, int, int, int, str]:
    """Sort key of a row; the smallest is kept.

    Checkable (a reference answer, test case or constraints) before carrying a response, before the
    source's `rank`, before the longer prompt; ties go by sample id.
    """
    checkable = any(
        row[name] is not None for name in ("reference_answer", "test_case", "constraints")
    )
    return (
        0 if checkable else 1,
        0 if row["existing_response"] is not None else 1,
        rank,
        -len(row["prompt"]),
        row["sample_id"],
    )
