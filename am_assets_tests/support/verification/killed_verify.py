"""A process that verifies with the real sandbox and math workers, to be killed while it does.

    python -m am_assets_tests.support.verification.killed_verify MEMORY LOG

Writes one line to LOG for every check the rules decide and every reply the judge gives.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

from am_assets.core.memory import RowMemory
from am_assets.core.protocol import render_response
from am_assets.core.requests import Completion, GenerationRequest
from am_assets.core.verdict import Check, Verdict
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.verification import Verification, Verifiers, verify
from am_assets.stages.verification.outcome import Outcome
from am_assets.stages.verification.rules import ThreadedRules
from am_assets_tests.support.verification.engines import RuleJudge


def checks() -> list[Check]:
    """Forty programs and four hundred sums, half of each wrong; a judge reads the wrong sums."""

    def one(id: str, kind: str, answer: str, **fields: object) -> Check:
        response = render_response("hm", answer)
        return Check(id, kind, f"Question {id}?", response, owner=id, **fields)  # pyright: ignore

    test = {"type": "stdin_stdout", "inputs": ["2", "3"], "outputs": ["4", "6"]}
    return [
        *(
            one(f"code {n}", "code", f"print(int(input()) * {2 + n % 2})\n# {n}", test_case=test)
            for n in range(40)
        ),
        *(
            one(f"math {n}", "math", rf"\boxed{{{n}}}", reference_answer=f"{n + n % 2}")
            for n in range(400)
        ),
    ]


class SlowJudge(RuleJudge):
    """Takes its time over every reply, and writes it down."""

    def __init__(self, log: Path) -> None:
        super().__init__({"": ["Score: 0"]})
        self._log = log

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
        for reply in super().generate(requests):
            time.sleep(0.002)
            _write(self._log, f"judge {reply.request_key}")
            yield reply


class LoggedRules(ThreadedRules):
    """Writes down every check that was decided."""

    def __init__(self, sandbox: Sandbox, log: Path) -> None:
        super().__init__(sandbox)
        self._log = log

    def submit(
        self, checks: Sequence[Check], config: Verification, require_format: bool
    ) -> Future[list[Outcome | None]]:
        decided = super().submit(checks, config, require_format)
        lines = "\n".join(check.id for check in checks)
        decided.add_done_callback(lambda _: _write(self._log, lines))
        return decided


def verified(memory: Path, log: Path, sandbox: Sandbox) -> list[Verdict]:
    """The verdicts on `checks()`, from `memory` where it has them."""
    with LoggedRules(sandbox, log) as rules:
        verifiers = Verifiers(SlowJudge(log), rules=rules)
        return list(verify(checks(), verifiers, Verification(), RowMemory(memory)))


def _write(log: Path, lines: str) -> None:
    with log.open("a") as file:
        file.write(lines + "\n")


if __name__ == "__main__":
    with Sandbox(workers=2) as running:
        verified(Path(sys.argv[1]), Path(sys.argv[2]), running)
