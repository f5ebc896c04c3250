"""What is decided without a model: format and repetition, then the rules of each check's kind.

`decide` is a plain function over a batch of checks, so that it runs wherever a `RuleRunner` puts
it: in threads of this process, or in processes of other machines.
"""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, Self

from am_assets.core.runner import CodeRunner, Language
from am_assets.core.settings.verification import Verification
from am_assets.core.verdict import Check, Kind
from am_assets.stages.verification.by_kind import KINDS
from am_assets.stages.verification.code.controls import ControlledCode
from am_assets.stages.verification.format import VERIFIER as FORMAT
from am_assets.stages.verification.format import answer_of, repeats_itself
from am_assets.stages.verification.kind import Answered, Tools
from am_assets.stages.verification.math.pool import MathPool
from am_assets.stages.verification.outcome import Outcome


class RuleRunner(Protocol):
    """Runs `decide` on batches of checks, as many at a time as it has workers for."""

    def isolation(self, language: Language) -> str:
        """What programs of a language run in and by, with versions; "none" where they do not run.

        The same text wherever verdicts on them are the same.
        """
        ...

    def submit(
        self, checks: Sequence[Check], config: Verification, require_format: bool
    ) -> "Future[list[Outcome | None]]":
        """What `decide` says about `checks`, later; returns at once and queues what must wait."""
        ...


class ThreadedRules:
    """Rules on threads of this process; math in worker processes, code in `sandbox`.

    A context manager: leaving it drops what is queued and waits for what is running. Workers of
    the math rules start when the first comparison is asked for.
    """

    def __init__(self, sandbox: CodeRunner | None, math_workers: int | None = None) -> None:
        code = ControlledCode(sandbox) if sandbox else None
        self._tools = Tools(MathPool(math_workers), code)
        workers = sandbox.workers if sandbox else 0
        self._threads = ThreadPoolExecutor(max(workers, self._tools.pool.workers))

    def isolation(self, language: Language) -> str:
        if self._tools.code is None:
            return "none"
        runner = self._tools.code.runner
        return f"{runner.tier} {runner.version} on {runner.runtime(language)}"

    def submit(
        self, checks: Sequence[Check], config: Verification, require_format: bool
    ) -> Future[list[Outcome | None]]:
        return self._threads.submit(decide, checks, config, self._tools, require_format)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._tools.pool.close()


def decide(
    checks: Sequence[Check], config: Verification, tools: Tools, require_format: bool
) -> list[Outcome | None]:
    """The rules' outcome of each check, None where only a model can decide."""
    decided: list[Outcome | None] = [None] * len(checks)
    answered: defaultdict[Kind, dict[int, Answered]] = defaultdict(dict)
    for place, check in enumerate(checks):
        try:
            answer = answer_of(check.response, require_format)
            if answer is None:
                decided[place] = FORMAT.failed("format")
            elif repeats_itself(check.response, config.rules):
                decided[place] = FORMAT.failed("repetition")
            else:
                answered[check.kind][place] = Answered(check, answer)
        except Exception as problem:
            # A row that breaks a rule of ours is pending, and holds up no other.
            decided[place] = FORMAT.broken(problem)
    for kind, places in answered.items():
        rules = KINDS[kind].rules
        if rules is not None:
            outcomes = rules(list(places.values()), config, tools)
            for place, outcome in zip(places, outcomes, strict=True):
                decided[place] = outcome
    return decided
