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
