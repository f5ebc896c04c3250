"""What verification takes and gives: one check in, one verdict out, with four statuses."""

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["math", "code", "science", "instruction", "chat"]
Status = Literal["pass", "fail", "unverifiable", "error"]


@dataclass(frozen=True)
class Check:
    """One response to verify; of think and answer blocks only the answer is judged.

    `owner` is the sample id or benchmark item id that what is remembered of the check belongs to:
    erasing it erases that.
    """

    id: str
    kind: Kind
    prompt: str
    response: str
    reference_answer: str | None = None
    test_case: dict[str, Any] | None = None
    constraints: list[dict[str, Any]] | None = None
    owner: str = ""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    `fail` is about the response, `unverifiable` about the sample (no usable reference, no test,
    unparseable gold), `error` about us (no isolation, no compiler, no judge): it is retried, then
    pending, never data.
    `score` lies in 0..1, and is None unless the status is pass or fail. `evidence` is JSON-able.
    """

    id: str
    status: Status
    score: float | None
    reason: str
    verifier: str
    verifier_version: str
    evidence: dict[str, Any] = field(default_factory=dict)
