"""The one fate of every sample, from what is said of its responses."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from am_assets.core.schema import DROPPED, KEPT, PENDING, dumps
from am_assets.core.tables import stream_of
from am_assets.stages.distillation.verdicts import HEAD, WriteFn
from am_assets.stages.verification.statistics import coefficient_of_variation, pass_rate

SAMPLES = HEAD
"""What outcomes read of PROMPTS."""


VERDICT = ("sample_id", "status", "score", "reason")
"""What outcomes read of EXISTING_VERDICTS and VERDICTS."""


FATES = ("sample_id", "decision", "reason")
"""What outcomes read of RESPONSES."""


def sample_outcomes(
    labelled: pa.Array,
    prompts: Iterable[pa.Table],
    existing: Iterable[pa.Table],
    responses: Iterable[pa.Table],
    verdicts: Iterable[pa.Table],
    has_teacher: bool,
    write: WriteFn,
) -> None:
    """One fate for every sample id of `labelled` (what labels kept); `write` takes VERIFIED rows.

    The tables come in parts: of `prompts` the columns SAMPLES, of `existing` and `verdicts` the
    columns VERDICT, of `responses` the columns FATES.

    Kept: the existing response or at least one distilled one passed. Otherwise pending when any
    response or verdict is in error (the reason is the first cause by name), else dropped:
    `no_passing_response` when one was judged and failed, `unverifiable` when none could be
    judged, `no_response` when there is no teacher to ask for a better one.
    Pass rate and coefficient of variation are over the judged distilled samples (DD eq. 5, 6).
    """
    existing_of = {row["sample_id"]: _judged(row) for row in _rows(existing)}
    verdicts_of: defaultdict[str, list[_Judged]] = defaultdict(list)
    # Few outcomes differ from each other, and a partition has many responses.
    shared: dict[_Judged, _Judged] = {}
    for row in _rows(verdicts):
        judged = _judged(row)
        verdicts_of[row["sample_id"]].append(shared.setdefault(judged, judged))
    unanswered: defaultdict[str, set[str]] = defaultdict(set)
    for row in _rows(responses):
        if row["decision"] == PENDING:
            unanswered[row["sample_id"]].add(row["reason"])
    for row in stream_of(prompts, labelled, SAMPLES):
        sample_id = row["sample_id"]
        outcome = _outcome(
            existing_of.get(sample_id),
            verdicts_of.get(sample_id, []),
            unanswered.get(sample_id, set()),
            has_teacher,
        )
        write(row | outcome)


class _Judged(NamedTuple):
    status: str
    score: float | None
    reason: str


def _judged(row: Mapping[str, Any]) -> _Judged:
    return _Judged(row["status"], row["score"], row["reason"] or "")


def _rows(parts: Iterable[pa.Table]) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield from part.to_pylist()


def _outcome(
    existing: _Judged | None,
    verdicts: list[_Judged],
    unanswered: set[str],
    has_teacher: bool,
) -> dict[str, Any]:
    judged = [row for row in verdicts if row.status in ("pass", "fail")]
    passes = [row.status == "pass" for row in judged]
    scores = [row.score for row in judged if row.score is not None]
    existing_passed = existing is not None and existing.status == "pass"
    outcome: dict[str, Any] = {
        "responses": len(judged),
        "passed": sum(passes),
        "pass_rate": pass_rate(passes) if passes else None,
        "score_cv": coefficient_of_variation(scores) if scores else None,
        "existing_passed": existing_passed,
    }
    if existing_passed or any(passes):
        return outcome | {"decision": KEPT}
    everything = [*verdicts, *([existing] if existing else [])]
    causes = unanswered | {row.reason for row in everything if row.status == "error"}
    if causes:
        evidence = dumps({"causes": sorted(causes)})
        return outcome | {"decision": PENDING, "reason": min(causes), "evidence": evidence}
    statuses = {row.status for row in (verdicts if has_teacher else everything)}
    if "unverifiable" in statuses and "fail" not in statuses:
        reason = "unverifiable"
    elif has_teacher and statuses:
        reason = "no_passing_response"
    else:
        reason = "no_response"
    failures = sorted({row.reason for row in everything if row.reason})
    return outcome | {
        "decision": DROPPED,
        "reason": reason,
        "evidence": dumps({"verdicts": failures}) if failures else None,
    }
