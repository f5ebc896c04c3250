"""Evaluation: asking a checkpoint the benchmarks, and pass@1 with its uncertainty (AM 3.1)."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from am_assets.core.protocol import parse_response
from am_assets.core.schema import (
    ANSWER_VERDICTS,
    DROPPED,
    KEPT,
    PENDING,
    SCORES,
)
from am_assets.core.verdict import Check, Verdict
from am_assets.stages.distillation.verdicts import check_of

FORMATS = ("strict", "lenient")
MEAN = "mean"
_Z = 1.959963984540054
_NO_VERDICT = "no_verdict"


class VerifyAnswers(Protocol):
    """Verification, with or without the response format as a condition."""

    def __call__(
        self, checks: Iterable[Check], require_format: bool = ...
    ) -> Iterable[Verdict]: ...


class Scores(NamedTuple):
    """Tables of schema ANSWER_VERDICTS and SCORES."""

    verdicts: pa.Table
    scores: pa.Table


def score(answers: pa.Table, benchmarks: pa.Table, verify: VerifyAnswers) -> Scores:
    """Judge every answer strictly (format required) and leniently, and average.

    A well-formed answer has one verdict for both. An answer is kept when both are pass or fail,
    pending when our side failed, dropped when its item cannot be verified.
    """
    rows = answers.select(
        ["answer_id", "item_id", "benchmark", "text", "decision", "reason"]
    ).to_pylist()
    items = {row["item_id"]: row for row in benchmarks.drop_columns(["vector"]).to_pylist()}
    answered = [row for row in rows if row["decision"] == KEPT]
    checks = {
        row["answer_id"]: check_of(items[row["item_id"]], row["answer_id"], row["text"])
        for row in answered
    }
    strict = {verdict.id: verdict for verdict in verify(checks.values(), require_format=True)}
    loose = [check for check in checks.values() if parse_response(check.response) is None]
    lenient = strict | {verdict.id: verdict for verdict in verify(loose, require_format=False)}
    verdicts = ANSWER_VERDICTS.table(
        _verdict_row(row, strict.get(row["answer_id"]), lenient.get(row["answer_id"]))
        for row in rows
    )
    return Scores(verdicts, SCORES.table(_score_rows(verdicts)))


def interval(mean: float, variance: float, items: int) -> tuple[float, float]:
    """95 % Wilson score interval of a mean of item means with the given variance.

    Answers to one item are not independent, so the sample size is the effective one,
    mean (1 - mean) / variance, of the mean clustered by item (Korn and Graubard 1998); the number
    of items where the variance is zero. Unlike the normal approximation it does not shrink to a
    point when every item was solved.
    """
    spread = mean * (1 - mean)
    size = spread / variance if variance > 0 and spread > 0 else float(items)
    centre = (mean + _Z**2 / (2 * size)) / (1 + _Z**2 / size)
    half = _Z / (1 + _Z**2 / size) * math.sqrt(spread / size + _Z**2 / (4 * size**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def _verdict_row(
    answer: Mapping[str, Any], strict: Verdict | None, lenient: Verdict | None
) -> dict[str, Any]:
    row = {key: answer[key] for key in ("answer_id", "item_id", "benchmark")}
    if answer["decision"] != KEPT:
        fate = {"decision": PENDING, "reason": answer["reason"]}
        return row | {"strict": "error", "lenient": "error"} | fate
    statuses = {
        "strict": strict.status if strict else "error",
        "lenient": lenient.status if lenient else "error",
    }
    for status, decision in (("error", PENDING), ("unverifiable", DROPPED)):
        if status in statuses.values():
            reasons = [item.reason for item in (strict, lenient) if item and item.status == status]
            return row | statuses | {"decision": decision, "reason": [*reasons, _NO_VERDICT][0]}
    return row | statuses | {"decision": KEPT}


def _score_rows(verdicts: pa.Table) -> Iterator[dict[str, Any]]:
    for form in FORMATS:
        items: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(
            lambda: defaultdict(list)
        )
        missing: defaultdict[str, int] = defaultdict(int)
        for row in verdicts.select(["benchmark", "item_id", form]).to_pylist():
            missing[row["benchmark"]] += row[form] not in ("pass", "fail")
            if row[form] in ("pass", "fail"):
                items[row["benchmark"]][row["item_id"]].append(float(row[form] == "pass"))
        rows = [_benchmark(name, items[name], missing[name]) for name in sorted(missing)]
        for row in [*rows, *([_mean(rows)] if rows else [])]:
            row.pop("variance")
            yield row | {"score_id": f"{row['benchmark']}/{form}", "metric": form}


def _benchmark(name: str, items: Mapping[str, list[float]], missing: int) -> dict[str, Any]:
    means = [math.fsum(items[item]) / len(items[item]) for item in sorted(items)]
    mean, variance = None, 0.0
    if means:
        mean = math.fsum(means) / len(means)
    if mean is not None and len(means) > 1:
        squares = math.fsum((value - mean) ** 2 for value in means)
        variance = squares / (len(means) - 1) / len(means)
    samples = sum(len(passes) for passes in items.values())
    return _row(name, mean, variance, len(means), samples, missing)


def _mean(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Unweighted mean over benchmarks; null as long as one of them has no score."""
    means = [row["pass_at_1"] for row in rows if row["pass_at_1"] is not None]
    mean = math.fsum(means) / len(means) if len(means) == len(rows) else None
    variance = math.fsum(row["variance"] for row in rows) / len(rows) ** 2
    totals = [sum(row[key] for row in rows) for key in ("items", "samples", "missing")]
    return _row(MEAN, mean, variance, *totals)


def _row(
    name: str, mean: float | None, variance: float, items: int, samples: int, missing: int
) -> dict[str, Any]:
    low, high = (None, None) if mean is None else interval(mean, variance, items)
    return {
        "benchmark": name,
        "pass_at_1": mean,
        "ci_low": low,
        "ci_high": high,
        "variance": variance,
        "items": items,
        "samples": samples,
        "missing": missing,
    }
