"""Verdicts as artifacts: of existing responses, of distilled ones, and of whole samples."""

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from am_assets.core.identity import upstream_response_id
from am_assets.core.ledger import held
from am_assets.core.row_file import RowFile
from am_assets.core.schema import DROPPED, KEPT, PENDING, dumps, kept
from am_assets.core.verdict import Check, Verdict
from am_assets.stages.selecting import stream_of
from am_assets.stages.verification.statistics import coefficient_of_variation, pass_rate

VerifyFn = Callable[[Iterable[Check]], Iterable[Verdict]]
WriteFn = Callable[[Mapping[str, Any]], None]
"""Takes one row of a table."""

_HEAD = ("sample_id", "source", "week", "kind")
CONTENT = (*_HEAD, "prompt", "reference_answer", "test_case", "constraints")
"""What the verification of distilled responses reads of PROMPTS."""
EXISTING = (*CONTENT, "existing_response")
"""What the verification of existing responses reads of PROMPTS."""
ANSWERED = ("response_id", "sample_id", "text", "decision")
"""What the verification of distilled responses reads of RESPONSES."""
SAMPLES = _HEAD
"""What outcomes read of PROMPTS."""
VERDICT = ("sample_id", "status", "score", "reason")
"""What outcomes read of EXISTING_VERDICTS and VERDICTS."""
FATES = ("sample_id", "decision", "reason")
"""What outcomes read of RESPONSES."""

_NO_VERDICT = "no_verdict"
_CONDITIONS = ("tier", "runtime")


def check_of(row: Mapping[str, Any], check_id: str, response: str) -> Check:
    """The check of one response against a row of PROMPTS or BENCHMARKS."""
    return Check(
        id=check_id,
        kind=row["kind"],
        prompt=row["prompt"],
        response=response,
        reference_answer=row["reference_answer"],
        test_case=json.loads(row["test_case"]) if row["test_case"] else None,
        constraints=json.loads(row["constraints"]) if row["constraints"] else None,
        owner=row["sample_id"] if "sample_id" in row else row["item_id"],
    )


def existing_verdicts(
    prompts: Iterable[pa.Table], wanted: pa.Array, verify: VerifyFn, write: WriteFn
) -> None:
    """Verify the responses that came with the sources; `write` takes EXISTING_VERDICTS rows.

    `prompts` holds, in parts, the columns EXISTING of (at least) the samples `wanted`; rows
    without an existing response give no row.
    """

    def checks() -> Iterator[tuple[Mapping[str, Any], Check]]:
        for row in stream_of(prompts, wanted, EXISTING):
            if (response := row["existing_response"]) is not None:
                yield row, check_of(row, upstream_response_id(row["sample_id"], response), response)

    _judge(checks(), verify, write)


def verify_responses(
    responses: Iterable[pa.Table], samples: RowFile, verify: VerifyFn, write: WriteFn
) -> None:
    """Verify the distilled responses that the teacher did give; `write` takes VERDICTS rows.

    `responses` holds, in parts, the columns ANSWERED; `samples` the columns CONTENT of (at least)
    their samples, by sample id.
    """

    def checks() -> Iterator[tuple[Mapping[str, Any], Check]]:
        for part in responses:
            answered = kept(part)
            contents = samples.get(answered["sample_id"].unique().to_pylist())
            for row in answered.to_pylist():
                content = held(contents, row["sample_id"], "prompts", "responses")
                yield content, check_of(content, row["response_id"], row["text"])

    _judge(checks(), verify, write)


def passed_samples(existing: pa.Table) -> set[str]:
    """Sample ids whose existing response passed: the teacher is not asked about them."""
    return set(kept(existing, ["sample_id"])["sample_id"].to_pylist())


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


def _judge(
    items: Iterable[tuple[Mapping[str, Any], Check]], verify: VerifyFn, write: WriteFn
) -> None:
    """Write a row for every check of `items`, each beside the sample it is about.

    Only what verification has taken and not yet decided is held.
    """
    waiting: dict[str, dict[str, Any]] = {}

    def checks() -> Iterator[Check]:
        for row, check in items:
            waiting[check.id] = _head(check.id, row)
            yield check

    stream = checks()
    for verdict in verify(stream):
        decision = {"pass": KEPT, "error": PENDING}.get(verdict.status, DROPPED)
        write(
            {
                **waiting.pop(verdict.id),
                "status": verdict.status,
                "score": verdict.score,
                "verifier": verdict.verifier,
                "verifier_version": verdict.verifier_version,
                "decision": decision,
                "reason": None if decision == KEPT else verdict.reason,
                **_evidence(verdict),
            }
        )
    # What verification passed over, or never took, is ours to answer for.
    deque(stream, maxlen=0)
    for head in waiting.values():
        write({**head, "status": "error", "decision": PENDING, "reason": _NO_VERDICT})


def _evidence(verdict: Verdict) -> dict[str, str | None]:
    """Evidence, apart from what may differ on another machine while the verdict is the same."""
    evidence = dict(verdict.evidence)
    conditions = {name: evidence.pop(name) for name in _CONDITIONS if name in evidence}
    return {
        "evidence": dumps(evidence) if evidence else None,
        "conditions": dumps(conditions) if conditions else None,
    }


def _head(response: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"response_id": response, **{name: row[name] for name in _HEAD}}


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
