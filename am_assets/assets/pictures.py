"""Plots of artifacts, from their tables; no text of a sample enters one."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from am_assets.stages import plots


def counts_by(table: pa.Table, column: str) -> dict[str, int]:
    """Rows by the value of a column; null counts as "none"."""
    counts = Counter(value if value is not None else "none" for value in table[column].to_pylist())
    return dict(sorted(counts.items()))


def count_bars(table: pa.Table, column: str) -> bytes:
    """Bars of `counts_by`."""
    return plots.bars(counts_by(table, column), column)


def length_histogram(table: pa.Table, column: str, label: str) -> bytes:
    """Histogram of the lengths of a text column."""
    lengths = [len(text) for text in table[column].drop_null().to_pylist()]
    return plots.histogram(lengths, label, "characters")


def token_histogram(responses: pa.Table) -> bytes:
    """Histogram of the token counts of responses."""
    lengths = [len(tokens) for tokens in responses["token_ids"].drop_null().to_pylist()]
    return plots.histogram(lengths, "tokens of a response", "tokens")


def pass_rate_histogram(verified: pa.Table) -> bytes:
    """Histogram of pass rates over prompts that the teacher answered."""
    return plots.histogram(verified["pass_rate"].drop_null().to_pylist(), "pass rate", "pass rate")


def chat_scores(counts: Mapping[str, Any] | None) -> dict[str, bytes]:
    """Histogram of the rated scores and where their thresholds lie; none where none were rated.

    `counts` are those of `stages.thresholds.summary`.
    """
    if not counts:
        return {}
    marks = sorted({one["value"] for one in counts["thresholds"].values()})
    title = "chat scores and their threshold"
    return {"chat scores": plots.counted_histogram(counts["scores"], title, "score", marks)}


def threshold_pictures(report: Mapping[str, Any]) -> dict[str, bytes]:
    """Similarities, and what each dedup threshold would do (`ThresholdReport.as_dict()`)."""
    steps, mark = report["sweep"], (report["threshold"],)
    thresholds = [step["threshold"] for step in steps]
    shares = ("same_reference_share", "same_reference_found")
    return {
        "similarity to the nearest prompt": plots.counted_histogram(
            report["nearest"], "similarity to the nearest prompt", "cosine similarity", mark
        ),
        "rows dropped by threshold": plots.lines(
            thresholds,
            {name: [step[name] for step in steps] for name in ("dropped", "kept_for_reference")},
            "rows by dedup threshold",
            "threshold",
            "rows",
            mark,
        ),
        "reference answers by threshold": plots.lines(
            thresholds,
            {name.replace("_", " "): [step[name] for step in steps] for name in shares},
            "pairs with reference answers",
            "threshold",
            "share",
            mark,
        ),
    }
