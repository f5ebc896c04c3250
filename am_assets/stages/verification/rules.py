"""What is decided without a model: format and repetition, math, code, science and constraints.

`decide` is a plain function over a batch of checks, so that it runs wherever a `RuleRunner` puts
it: in threads of this process, or in processes of other machines.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, Self

from am_assets.core.runner import CodeRunner, Language
from am_assets.core.settings.verification import VerificationConfig
from am_assets.core.verdict import Check
from am_assets.stages.verification.code.check import VERIFIER as CODE
from am_assets.stages.verification.code.check import check_code
from am_assets.stages.verification.code.controls import CodeCheck, ControlledCode
from am_assets.stages.verification.format import VERSION as FORMAT
from am_assets.stages.verification.format import answer_of, repeats_itself
from am_assets.stages.verification.instruction.check import VERIFIER as INSTRUCTION
from am_assets.stages.verification.instruction.check import check_instructions
from am_assets.stages.verification.math.check import MathCheck, check_math_batch
from am_assets.stages.verification.math.pool import MathPool
from am_assets.stages.verification.outcome import Outcome, Verifier
from am_assets.stages.verification.science.check import check_science

_RULES = Verifier("rules", FORMAT)
_DEPTH = 100


class RuleRunner(Protocol):
    """Runs `decide` on batches of checks, as many at a time as it has workers for."""

    def isolation(self, language: Language) -> str:
        """What programs of a language run in and by, with versions; "none" where they do not run.

        The same text wherever verdicts on them are the same.
        """
        ...

    def submit(
        self, checks: Sequence[Check], config: VerificationConfig, require_format: bool
    ) -> "Future[list[Outcome | None]]":
        """What `decide` says about `checks`, later; returns at once and queues what must wait."""
        ...


class ThreadedRules:
    """Rules on threads of this process; math in worker processes, code in `sandbox`.

    A context manager: leaving it drops what is queued and waits for what is running. Workers of
    the math rules start when the first comparison is asked for.
    """

    def __init__(self, sandbox: CodeRunner | None, math_workers: int | None = None) -> None:
        self._code = ControlledCode(sandbox) if sandbox else None
        self._pool = MathPool(math_workers)
        workers = sandbox.workers if sandbox else 0
        self._threads = ThreadPoolExecutor(max(workers, self._pool.workers))

    def isolation(self, language: Language) -> str:
        if self._code is None:
            return "none"
        runner = self._code.runner
        return f"{runner.tier} {runner.version} on {runner.runtime(language)}"

    def submit(
        self, checks: Sequence[Check], config: VerificationConfig, require_format: bool
    ) -> Future[list[Outcome | None]]:
        return self._threads.submit(decide, checks, config, self._code, self._pool, require_format)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._pool.close()


def decide(
    checks: Sequence[Check],
    config: VerificationConfig,
    code: ControlledCode | None,
    pool: MathPool,
    require_format: bool,
) -> list[Outcome | None]:
    """The rules' outcome of each check, None where only a model can decide."""
    decided: list[Outcome | None] = []
    math: dict[int, MathCheck] = {}
    programs: dict[int, CodeCheck] = {}
    for place, check in enumerate(checks):
        decided.append(None)
        try:
            answer = answer_of(check.response, require_format)
            if answer is None:
                decided[place] = _RULES.failed("format")
            elif repeats_itself(check.response, config.rules):
                decided[place] = _RULES.failed("repetition")
            elif check.kind == "math":
                # Together: a message to a worker costs as much as a comparison.
                math[place] = MathCheck(check.prompt, answer, check.reference_answer)
            elif check.kind == "code" and not too_deep(check.test_case):
                # Together too: control tasks ride with them.
                programs[place] = CodeCheck(answer, check.test_case)
            else:
                decided[place] = _decide(check, answer, config)
        except Exception as problem:
            # A row that breaks a rule of ours is pending, and holds up no other.
            decided[place] = _RULES.broken(problem)
    outcomes = check_math_batch(list(math.values()), pool, config.math)
    for place, outcome in zip(math, outcomes, strict=True):
        decided[place] = outcome
    judged = _check_code(list(programs.values()), code, config)
    for place, outcome in zip(programs, judged, strict=True):
        decided[place] = outcome
    return decided


def _check_code(
    batch: Sequence[CodeCheck], code: ControlledCode | None, config: VerificationConfig
) -> list[Outcome]:
    if code is None or not batch:
        return [check_code(one.answer, one.test_case, None, config.code) for one in batch]
    return code.check(batch, config.code)


def too_deep(value: Any) -> bool:
    """Whether JSON is nested deeper than anyone means it, and than recursion goes."""
    level = [value]
    for _ in range(_DEPTH):
        level = [inner for item in level for inner in _inside(item)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _decide(check: Check, answer: str, config: VerificationConfig) -> Outcome | None:
    match check.kind:
        case "code":
            return CODE.unverifiable("malformed_test_case", detail="it is nested too deeply")
        case "science":
            return check_science(check.prompt, answer, check.reference_answer, config.science)
        case "instruction":
            if too_deep(check.constraints):
                return INSTRUCTION.unverifiable(
                    "malformed_constraint", detail="it is nested too deeply"
                )
            return check_instructions(answer, check.constraints, config.instruction)
        case "chat" | "math":
            return None
