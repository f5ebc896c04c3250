"""What verification remembers, with doubles that count; the real sandbox and math workers are in
the integration tests."""

import dataclasses
import functools
import math
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from am_assets.core.memory import RowMemory, RowMemoryError
from am_assets.core.protocol import render_response
from am_assets.core.requests import Message
from am_assets.core.runner import Job, Language, RunnerFailed, RunResult
from am_assets.core.settings.verification import CodeConfig, MathConfig
from am_assets.core.usage import Meter
from am_assets.core.verdict import Check, Kind, Verdict
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.verification import Verification, Verifiers, remembered, verify
from am_assets.stages.verification.outcome import Outcome
from am_assets.stages.verification.rules import ThreadedRules
from am_assets_tests.support.verification.engines import LengthReward, RuleJudge

CONFIG = Verification()


@functools.cache
def real_sandbox() -> Sandbox:
    """Runs the control tasks, which no double can pass."""
    return Sandbox(workers=1).start()


class EchoSandbox:
    """Says that every program printed "4", and counts the jobs; control tasks are run."""

    tier, workers, starts = "echo", 2, 1

    def __init__(self, version: str = "1", broken: int = 0, compiler: str = "g++ 12") -> None:
        self.version = version
        self.compiler = compiler
        self.jobs: list[Job] = []
        self._broken = broken

    def runtime(self, language: Language) -> str:
        return self.compiler if language == "cpp" else language

    def run(self, job: Job) -> RunResult:
        if job.language == "cpp" and self.compiler == "none":
            return RunResult("no_compiler", detail="there is no g++ on this machine")
        if "control" in job.source:
            return real_sandbox().run(job)
        self.jobs.append(job)
        if len(self.jobs) <= self._broken:
            raise RunnerFailed("it broke")
        return RunResult("ok", "4")


class CountingRules(ThreadedRules):
    """Counts the checks that rules were asked about."""

    def __init__(self, sandbox: EchoSandbox | None) -> None:
        super().__init__(sandbox)
        self.asked: list[str] = []

    def submit(
        self, checks: Sequence[Check], config: Verification, require_format: bool
    ) -> Future[list[Outcome | None]]:
        self.asked += [check.id for check in checks]
        return super().submit(checks, config, require_format)


def check(id: str, kind: Kind, answer: str, **fields: Any) -> Check:
    prompt = fields.pop("prompt", f"Question {id}?")
    response = render_response("hm", answer)
    return Check(id, kind, prompt, response, **{"owner": f"sample-{id}", **fields})


TEST = {"type": "stdin_stdout", "inputs": ["2"], "outputs": ["4"]}
CODE = check("code", "code", "print(4)", test_case=TEST)
CHECKS = [
    CODE,
    check("exact", "science", "Photosynthesis", reference_answer="photosynthesis"),
    check("number", "science", "It is rather long.", reference_answer="3.6 km"),
    check("prose", "science", "Light is bent there.", reference_answer="Refraction"),
    check(
        "instruction",
        "instruction",
        "no, commas",
        constraints=[{"instruction_id": "punctuation:no_comma", "kwargs": {}}],
    ),
    check("chat", "chat", "a polite answer"),
]
JUDGE = {"Refraction": ["Score: 5"], "3.6 km": ["It is long", "Score: 1"]}


class Setup:
    """Verification with counters, over a memory that outlives it."""

    def __init__(self, memory: RowMemory, **engines: Any) -> None:
        self.memory = memory
        self.sandbox = engines.get("sandbox", EchoSandbox())
        self.judge = engines.get("judge", RuleJudge(JUDGE))
        self.reward = engines.get("reward", LengthReward())
        self.meter, self.judge_meter = Meter("verification"), Meter("judge")

    def run(self, checks: Sequence[Check], config: Verification = CONFIG) -> list[Verdict]:
        with CountingRules(self.sandbox) as rules:
            self.asked = rules.asked
            verifiers = Verifiers(self.judge, self.reward, rules=rules)
            return list(
                verify(
                    checks,
                    verifiers,
                    config,
                    self.memory,
                    meter=self.meter,
                    judge_meter=self.judge_meter,
                )
            )

    @property
    def questions(self) -> int:
        return sum(map(len, self.judge.calls))


def test_a_second_run_asks_nobody_and_says_the_same():
    memory = RowMemory()
    first, second = Setup(memory), Setup(memory)
    verdicts = first.run(CHECKS)
    assert (first.questions, len(first.sandbox.jobs), first.reward.calls) == (3, 1, [1])
    assert sorted(first.asked) == sorted(one.id for one in CHECKS)
    # Types as well: a tuple that came back as a list would have another representation.
    assert repr(second.run(CHECKS)) == repr(verdicts)
    assert (second.questions, len(second.sandbox.jobs), second.reward.calls) == (0, 0, [])
    assert second.asked == []
    assert first.meter.made == second.meter.reused == len(CHECKS)
    assert first.meter.reused == second.meter.made == 0


def test_an_interrupted_run_is_taken_up_where_it_was():
    memory = RowMemory()
    Setup(memory).run(CHECKS[:3])
    later = Setup(memory)
    later.run(CHECKS)
    assert sorted(later.asked) == sorted(one.id for one in CHECKS[3:])
    assert (later.meter.reused, later.meter.made) == (3, 3)


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(CODE, response=render_response("hm", "print(4) ")),
        dataclasses.replace(CODE, prompt="Another?"),
        dataclasses.replace(CODE, test_case=TEST | {"inputs": ["3"]}),
        dataclasses.replace(CODE, test_case=TEST | {"extra": None}),
        dataclasses.replace(CODE, reference_answer="4"),
        dataclasses.replace(CODE, kind="math", reference_answer="no number?", response="x"),
    ],
)
def test_another_check_is_decided_anew(changed: Check):
    memory = RowMemory()
    Setup(memory).run([CODE])
    later = Setup(memory)
    later.run([changed])
    assert later.asked == [changed.id]


def test_another_id_or_owner_is_not_another_check():
    memory = RowMemory()
    Setup(memory).run([CODE])
    later = Setup(memory)
    later.run([dataclasses.replace(CODE, id="twin", owner="other")])
    assert later.asked == []


def test_another_setting_of_its_kind_decides_anew_and_one_of_another_kind_does_not():
    memory = RowMemory()
    Setup(memory).run([CODE])
    same, other = Setup(memory), Setup(memory)
    same.run([CODE], Verification(math=MathConfig(timeout_s=1)))
    other.run([CODE], Verification(code=CodeConfig(memory_mb=256)))
    assert (same.asked, other.asked) == ([], ["code"])


def test_another_sandbox_decides_code_anew_and_nothing_else():
    memory = RowMemory()
    Setup(memory).run(CHECKS)
    later = Setup(memory, sandbox=EchoSandbox(version="2"))
    later.run(CHECKS)
    assert later.asked == ["code"]


CPP = check("cpp", "code", "```cpp\nint main() {}\n```", test_case=TEST | {"language": "cpp"})


def test_a_program_without_its_compiler_waits_and_is_judged_when_it_is_there():
    memory = RowMemory()
    first = Setup(memory, sandbox=EchoSandbox(compiler="none")).run([CODE, CPP])
    assert [(one.status, one.reason) for one in first] == [
        ("pass", ""),
        ("error", "compiler_missing"),
    ]
    later = Setup(memory)
    assert [one.status for one in later.run([CODE, CPP])] == ["pass", "pass"]
    # Of programs of another language nothing is decided anew.
    assert later.asked == ["cpp"]
    newer = Setup(memory, sandbox=EchoSandbox(compiler="g++ 13"))
    newer.run([CODE, CPP])
    assert newer.asked == ["cpp"]


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        ({"chat": {"threshold": 0.1}}, []),
        ({"math": {"timeout_s": 3}}, ["sum"]),
        ({"code": {"time_limit_s": 3}}, ["code"]),
        ({"science": {"pass_score": 3}}, ["exact", "number", "prose"]),
        ({"instruction": {"pass_score": 0.5}}, ["instruction"]),
        ({"judge": {"max_tokens": 99}}, []),
        ({"rules": {"repetition_ngram": 30}}, [*(one.id for one in CHECKS), "sum"]),
    ],
)
def test_a_setting_has_only_its_own_kind_decided_anew(config: dict[str, Any], asked: list[str]):
    memory = RowMemory()
    checks = [*CHECKS, check("sum", "math", "It is \\boxed{4}", reference_answer="4")]
    Setup(memory).run(checks)
    later = Setup(memory)
    later.run(checks, Verification.model_validate(config))
    assert sorted(later.asked) == sorted(asked)


def test_a_rating_is_kept_by_precision_day_and_libraries():
    rated = next(one for one in CHECKS if one.kind == "chat")
    memory = RowMemory()
    Setup(memory).run([rated])

    def calls(**changed: str) -> list[int]:
        engine = LengthReward()
        engine.model = dataclasses.replace(engine.model, **changed)  # type: ignore[misc]
        Setup(memory, reward=engine).run([rated])
        return engine.calls

    assert calls() == calls(name="moved", engine="elsewhere") == []
    for changed in ("digest", "dtype", "engine_version"):
        assert calls(**{changed: "another"}) == [1], changed


def test_another_version_of_the_rules_decides_anew(monkeypatch: pytest.MonkeyPatch):
    memory = RowMemory()
    Setup(memory).run(CHECKS)
    before = remembered.rule_versions
    monkeypatch.setattr(
        remembered,
        "rule_versions",
        lambda kind: ("changed",) if kind == "science" else before(kind),
    )
    later = Setup(memory)
    later.run(CHECKS)
    assert later.asked == ["exact", "number", "prose"]


def test_with_and_without_the_format_rule_are_two_questions():
    memory = RowMemory()
    bare = dataclasses.replace(CHECKS[1], response="photosynthesis")
    (strict,) = verify([bare], Verifiers(), CONFIG, memory)
    (lenient,) = verify([bare], Verifiers(), CONFIG, memory, require_format=False)
    assert (strict.status, lenient.status) == ("fail", "pass")


def test_errors_of_our_side_are_asked_again():
    class Nan(LengthReward):
        def rate(self, conversations: Sequence[Sequence[Message]]) -> np.ndarray:
            return super().rate(conversations) * math.nan

    memory = RowMemory()
    broken = Setup(
        memory, sandbox=EchoSandbox(broken=1), judge=RuleJudge({"": [None]}), reward=Nan()
    )
    statuses = {verdict.id: verdict.status for verdict in broken.run(CHECKS)}
    assert [id for id, status in statuses.items() if status == "error"] == [
        "code",
        "number",
        "prose",
        "chat",
    ]
    assert broken.meter.errors == {"runner_failed": 1, "judge_failed": 2, "reward_failed": 1}
    later = Setup(memory)
    assert "error" not in {verdict.status for verdict in later.run(CHECKS)}
    assert (later.asked, later.questions, later.reward.calls) == (["code"], 3, [1])


def test_without_an_engine_nothing_is_remembered_that_one_could_decide():
    memory = RowMemory()
    alone = Setup(memory, sandbox=None, judge=None, reward=None)
    errors = {v.id: v.reason for v in alone.run(CHECKS) if v.status == "error"}
    assert errors == {
        "code": "isolation_missing",
        "number": "judge_missing",
        "prose": "judge_missing",
        "chat": "reward_missing",
    }
    assert {verdict.status for verdict in Setup(memory).run(CHECKS)} == {"pass", "fail"}


def test_what_is_remembered_of_a_check_is_its_owners():
    memory = RowMemory()
    Setup(memory).run(CHECKS)
    assert memory.counts().keys() == {"verdict", "generation", "rating"}
    for one in CHECKS:
        assert memory.erase([one.owner]) >= 1
    assert memory.counts() == {}
    later = Setup(memory)
    later.run(CHECKS)
    assert (len(later.asked), later.questions, later.reward.calls) == (len(CHECKS), 3, [1])


def test_twins_are_decided_once_and_owned_by_each():
    memory = RowMemory()
    twins = [dataclasses.replace(one, id=one.id + "'", owner="twin") for one in CHECKS]
    setup = Setup(memory)
    verdicts = setup.run([*CHECKS, *twins])
    assert len(setup.asked) == len(CHECKS)
    assert (setup.questions, setup.reward.calls) == (3, [1])
    half = len(CHECKS)
    assert [v.status for v in verdicts[:half]] == [v.status for v in verdicts[half:]]
    memory.erase(["twin"])
    assert memory.counts() == {}


def test_no_question_is_asked_twice_over_windows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules[verify.__module__], "_WINDOW_CHECKS", 2)
    setup = Setup(RowMemory())
    checks = [dataclasses.replace(one, id=f"{one.id}{n}") for n in range(5) for one in CHECKS]
    verdicts = setup.run(checks)
    assert [verdict.id for verdict in verdicts] == [one.id for one in checks]
    assert (setup.questions, setup.reward.calls) == (3, [1])


def test_checks_are_taken_no_further_than_two_windows_ahead(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules[verify.__module__], "_WINDOW_CHARACTERS", 1000)
    one = dataclasses.replace(CHECKS[1], response=CHECKS[1].response + " " * 400)
    taken = 0

    def checks():
        nonlocal taken
        for n in range(50):
            taken += 1
            yield dataclasses.replace(one, id=str(n))

    for done, _ in enumerate(verify(checks(), Verifiers(), CONFIG, RowMemory()), 1):
        assert taken - done < 10
    assert taken == 50


def test_a_runner_that_breaks_down_is_heard():
    class Broken(CountingRules):
        def submit(self, checks: Sequence[Check], config: Any, require_format: bool) -> Any:
            failed: Future[list[Outcome | None]] = Future()
            failed.set_exception(RuntimeError("the workers are gone"))
            return failed

    with Broken(None) as rules, pytest.raises(RuntimeError, match="the workers are gone"):
        list(verify(CHECKS, Verifiers(rules=rules), CONFIG, RowMemory()))


def test_a_memory_that_cannot_be_written_is_heard(monkeypatch: pytest.MonkeyPatch):
    memory = RowMemory()

    def full(kind: str, entries: Any) -> None:
        raise RowMemoryError("the disk is full")

    monkeypatch.setattr(memory, "put", full)
    with pytest.raises(RowMemoryError, match="the disk is full"):
        list(verify(CHECKS, Verifiers(), CONFIG, memory))


@pytest.mark.parametrize("kind", ["code", "instruction"])
def test_json_nested_beyond_reason_is_the_samples_fault(kind: Kind):
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    fields = {
        "code": {"test_case": {"type": "function", "fn_name": "f", "inputs": deep}},
        "instruction": {"constraints": deep},
    }
    hostile = check("deep", kind, "x", **fields[kind])
    (verdict,) = Setup(RowMemory()).run([hostile])
    assert verdict.status == "unverifiable"
    assert verdict.evidence == {"detail": "it is nested too deeply"}
