"""Verdicts as artifacts: of existing responses, of distilled ones, and of whole samples."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from am_assets.core.identity import upstream_response_id
from am_assets.core.ledger import held
from am_assets.core.row_file import RowFile
from am_assets.core.schema import DROPPED, KEPT, PENDING, dumps, kept
from am_assets.core.tables import stream_of
from am_assets.core.verdict import Check, Verdict

VerifyFn = Callable[[Iterable[Check]], Iterable[Verdict]]
WriteFn = Callable[[Mapping[str, Any]], None]
"""Takes one row of a table."""

HEAD = ("sample_id", "source", "week", "kind")
"""Columns that verdicts and fates carry on."""
CONTENT = (*HEAD, "prompt", "reference_answer", "test_case", "constraints")
"""What the verification of distilled responses reads of PROMPTS."""
EXISTING = (*CONTENT, "existing_response")
"""What the verification of existing responses reads of PROMPTS."""
ANSWERED = ("response_id", "sample_id", "text", "decision")
"""What the verification of distilled responses reads of RESPONSES."""

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


def verify_existing(
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
    return {"response_id": response, **{name: row[name] for name in HEAD}}
