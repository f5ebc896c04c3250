"""Verdicts as artifacts: of existing responses, of distilled ones, and of whole samples."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from am_assets.core.identity import upstream_response_id
from am_assets.core.schema import (
    DROPPED,
    EXISTING_VERDICTS,
    KEPT,
    PENDING,
    VERDICTS,
    VERIFIED,
    dumps,
    kept,
)
from am_assets.core.verdict import Check, Verdict
from am_assets.stages.verification.statistics import coefficient_of_variation, pass_rate

VerifyFn = Callable[[Iterable[Check]], Iterable[Verdict]]
_CONTENT = (
    "sample_id",
    "source",
    "week",
    "kind",
    "prompt",
    "reference_answer",
    "test_case",
    "constraints",
)
_NO_VERDICT = "no_verdict"


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
    )


def existing_verdicts(prompts: pa.Table, verify: VerifyFn) -> pa.Table:
    """Verify the responses that came with the sources; an EXISTING_VERDICTS table.

    `prompts` has schema PROMPTS; rows without an existing response give no row.
    """
    rows = prompts.select([*_CONTENT, "existing_response"]).to_pylist()
    samples = {
        upstream_response_id(row["sample_id"], row["existing_response"]): row
        for row in rows
        if row["existing_response"] is not None
    }
    checks = [check_of(row, key, row["existing_response"]) for key, row in samples.items()]
    return EXISTING_VERDICTS.table(_verdict_rows(samples, verify(checks)))


def verify_responses(responses: pa.Table, prompts: pa.Table, verify: VerifyFn) -> pa.Table:
    """Verify the distilled responses that the teacher did give; a VERDICTS table.

    `responses` has schema RESPONSES, `prompts` schema PROMPTS with (at least) their samples.
    """
    judged = kept(responses, ["response_id", "sample_id", "text"]).to_pylist()
    wanted = {row["sample_id"] for row in judged}
    contents = {
        row["sample_id"]: row
        for row in prompts.select(list(_CONTENT)).to_pylist()
        if row["sample_id"] in wanted
    }
    samples = {row["response_id"]: contents[row["sample_id"]] for row in judged}
    checks = (
        check_of(samples[row["response_id"]], row["response_id"], row["text"]) for row in judged
    )
    return VERDICTS.table(_verdict_rows(samples, verify(checks)))


def passed_samples(existing: pa.Table) -> set[str]:
    """Sample ids whose existing response passed: the teacher is not asked about them."""
    return set(kept(existing, ["sample_id"])["sample_id"].to_pylist())


def sample_outcomes(
    labelled: Collection[str],
    prompts: pa.Table,
    existing: pa.Table,
    responses: pa.Table,
    verdicts: pa.Table,
    has_teacher: bool,
) -> pa.Table:
    """One fate for every sample id of `labelled` (what labels kept); a VERIFIED table.

    Kept: the existing response or at least one distilled one passed. Otherwise pending when any
    response or verdict is in error (the reason is the first cause by name), else dropped:
    `no_passing_response` when one was judged and failed, `unverifiable` when none could be
    judged, `no_response` when there is no teacher to ask for a better one.
    Pass rate and coefficient of variation are over the judged distilled samples (DD eq. 5, 6).
    """
    wanted = set(labelled)
    samples = prompts.select(["sample_id", "source", "week", "kind"]).to_pylist()
    columns = ["sample_id", "status", "score", "reason"]
    existing_of = {row["sample_id"]: row for row in existing.select(columns).to_pylist()}
    verdicts_of: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in verdicts.select(columns).to_pylist():
        verdicts_of[row["sample_id"]].append(row)
    unanswered: defaultdict[str, set[str]] = defaultdict(set)
    for row in responses.select(["sample_id", "decision", "reason"]).to_pylist():
        if row["decision"] == PENDING:
            unanswered[row["sample_id"]].add(row["reason"])

    def outcomes() -> Iterator[dict[str, Any]]:
        for row in samples:
            sample_id = row["sample_id"]
            if sample_id in wanted:
                yield row | _outcome(
                    existing_of.get(sample_id),
                    verdicts_of[sample_id],
                    unanswered[sample_id],
                    has_teacher,
                )

    return VERIFIED.table(outcomes())


def _verdict_rows(
    samples: Mapping[str, Mapping[str, Any]], verdicts: Iterable[Verdict]
) -> Iterator[dict[str, Any]]:
    missing = dict(samples)
    for verdict in verdicts:
        row = missing.pop(verdict.id)
        decision = {"pass": KEPT, "error": PENDING}.get(verdict.status, DROPPED)
        yield {
            **_head(verdict.id, row),
            "status": verdict.status,
            "score": verdict.score,
            "verifier": verdict.verifier,
            "verifier_version": verdict.verifier_version,
            "decision": decision,
            "reason": None if decision == KEPT else verdict.reason,
            "evidence": dumps(verdict.evidence) if verdict.evidence else None,
        }
    for response, row in missing.items():
        yield {
            **_head(response, row),
            "status": "error",
            "decision": PENDING,
            "reason": _NO_VERDICT,
        }


def _head(response: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "response_id": response,
        "sample_id": row["sample_id"],
        "source": row["source"],
        "week": row["week"],
        "kind": row["kind"],
    }


def _outcome(
    existing: Mapping[str, Any] | None,
    verdicts: list[Mapping[str, Any]],
    unanswered: set[str],
    has_teacher: bool,
) -> dict[str, Any]:
    judged = [row for row in verdicts if row["status"] in ("pass", "fail")]
    passes = [row["status"] == "pass" for row in judged]
    scores = [row["score"] for row in judged if row["score"] is not None]
    existing_passed = existing is not None and existing["status"] == "pass"
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
    causes = unanswered | {row["reason"] for row in everything if row["status"] == "error"}
    if causes:
        evidence = dumps({"causes": sorted(causes)})
        return outcome | {"decision": PENDING, "reason": min(causes), "evidence": evidence}
    statuses = {row["status"] for row in (verdicts if has_teacher else everything)}
    if "unverifiable" in statuses and "fail" not in statuses:
        reason = "unverifiable"
    elif has_teacher and statuses:
        reason = "no_passing_response"
    else:
        reason = "no_response"
    failures = sorted({row["reason"] for row in everything if row["reason"]})
    return outcome | {
        "decision": DROPPED,
        "reason": reason,
        "evidence": dumps({"verdicts": failures}) if failures else None,
    }
