"""The contract between code verification and whatever runs hostile programs.

A runner receives programs and inputs, never expected outputs, and gives back plain data.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

RunStatus = Literal[
    "ok",
    "exception",
    "timeout",
    "memory",
    "output_limit",
    "killed",
    "compile_error",
    "compile_limit",
    "no_compiler",
]
Language = Literal["python", "cpp"]


class IsolationMissing(RuntimeError):
    """No isolation that withstood its self-test: code is not run at all."""


class RunnerFailed(RuntimeError):
    """The runner itself broke down; says nothing about the program."""


@dataclass(frozen=True)
class Job:
    """One run of one program; in another language than Python, as a whole program only.

    Without `expressions` the source runs as `__main__` and reads `stdin`. With them it runs as a
    module, then `setup`, and each expression is evaluated in its namespace in order. With `tests`
    it runs as a module that serves calls to a second process, which runs the program `tests`;
    the first never holds them (see `engines.sandbox.serving` and `testing`).
    `time_limit_s` is CPU seconds (an idle program is ended by the clock, some times later);
    `memory_mb` bounds the address space and `output_bytes` what is printed or returned.
    """

    source: str
    stdin: str = ""
    setup: str = ""
    expressions: tuple[str, ...] = ()
    tests: str | None = None
    time_limit_s: float = 2.0
    memory_mb: int = 512
    output_bytes: int = 65536
    language: Language = "python"


@dataclass(frozen=True)
class RunResult:
    """How a run ended. `values` holds the expressions' results in wire form when status is "ok".

    Of two linked processes `values` is what the tests reported, and `process` says whose end this
    is: "tests" for what the tests' process did or hit ("ok" included), "candidate" where the
    program hit a limit or ended first. `detail` names the exception or signal; it is the
    candidate's word and may say anything.
    """

    status: RunStatus
    stdout: str = ""
    values: tuple[Any, ...] = ()
    detail: str = ""
    process: Literal["candidate", "tests"] = "candidate"


class CodeRunner(Protocol):
    """Runs untrusted programs, from any thread."""

    @property
    def tier(self) -> str:
        """Name of the isolation in force, for evidence."""
        ...

    @property
    def version(self) -> str:
        """Version of the isolation, without what runs programs in it: verdicts follow from it."""
        ...

    def runtime(self, language: Language) -> str:
        """What runs programs of `language`, with its version."""
        ...

    @property
    def workers(self) -> int:
        """How many jobs it runs at a time."""
        ...

    @property
    def starts(self) -> int:
        """How many times something that runs programs has been started: more, when it was anew."""
        ...

    def run(self, job: Job) -> RunResult:
        """Run `job`; raises RunnerFailed when the runner could not."""
        ...
