"""Math: rules first; what they reject may get a judge's second opinion [DD 2.4.1]."""

from collections.abc import Sequence
from typing import NamedTuple

from am_assets.core.settings.verification import MathConfig
from am_assets.stages.verification.math.pool import MathPool, Pair, WorkerFailed
from am_assets.stages.verification.outcome import Outcome, Verifier

VERIFIER = Verifier("math", "math-2")


class MathCheck(NamedTuple):
    """One answer, without its think block, to be compared with a reference."""

    prompt: str
    answer: str
    reference: str | None


def check_math(
    prompt: str, answer: str, reference: str | None, pool: MathPool, config: MathConfig
) -> Outcome:
    """The rules' outcome on one answer; never raises on hostile text."""
    return check_math_batch([MathCheck(prompt, answer, reference)], pool, config)[0]


def check_math_batch(
    checks: Sequence[MathCheck], pool: MathPool, config: MathConfig
) -> list[Outcome]:
    """The rules' outcomes on several answers, in their order; one message to one worker."""
    pairs = [
        Pair(check.prompt, check.answer, check.reference)
        for check in checks
        if check.reference and check.reference.strip()
    ]
    compared = iter(pool.compare(pairs, config.timeout_s, config.last_number))
    outcomes: list[Outcome] = []
    for check in checks:
        if not check.reference or not check.reference.strip():
            outcomes.append(VERIFIER.unverifiable("no_reference"))
            continue
        found = next(compared)
        if isinstance(found, WorkerFailed):
            outcomes.append(VERIFIER.error("math_worker_failed", detail=str(found)))
        elif found.status == "pass":
            outcomes.append(VERIFIER.passed(**found.evidence))
        elif found.status == "fail":
            outcomes.append(VERIFIER.failed(found.reason, **found.evidence))
        else:
            outcomes.append(VERIFIER.unverifiable(found.reason, **found.evidence))
    return outcomes
