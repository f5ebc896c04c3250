"""Verification: rules on every response, then the verifier of its kind."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from am_assets.core.requests import GenerationEngine, RewardEngine
from am_assets.core.verdict import Check, Verdict
from am_assets.stages.verification import rules
from am_assets.stages.verification.chat import RewardJudge
from am_assets.stages.verification.code import check_code
from am_assets.stages.verification.config import VerificationConfig
from am_assets.stages.verification.instruction import check_instructions
from am_assets.stages.verification.judge import MAX_SCORE, Judge, Question
from am_assets.stages.verification.math_check import check_math
from am_assets.stages.verification.math_pool import MathPool
from am_assets.stages.verification.outcome import Outcome, Verifier
from am_assets.stages.verification.runner import CodeRunner
from am_assets.stages.verification.science import JUDGE_NEEDED, check_science

_RULES = Verifier("rules", rules.VERSION)
_NO_REWARD = Verifier("reward", "reward-1")
_WINDOW = 512

T = TypeVar("T")


@dataclass(frozen=True)
class Verifiers:
    """The engines verification may use; a missing one makes the checks that need it `error`."""

    judge: GenerationEngine | None = None
    reward: RewardEngine | None = None
    sandbox: CodeRunner | None = None


@dataclass(frozen=True)
class _Pending:
    """A check that an engine has still to decide."""

    answer: str
    question: Question | None = None


def verify(
    checks: Iterable[Check],
    verifiers: Verifiers,
    config: VerificationConfig,
    *,
    require_format: bool = True,
) -> Iterator[Verdict]:
    """Verdicts in the order of `checks`, which may be a stream.

    Checks are taken in windows of a few hundred: rules, math and code run side by side, and the
    judge and the reward model get one call a window. With `require_format` a response must be one
    think and one answer block; without it a response with no blocks is judged whole. Verdicts do
    not depend on the windows, the order or the number of workers.

    Raises ValueError when the reward model does not rate the configured dimensions.
    """
    judge = Judge(verifiers.judge, config.judge) if verifiers.judge else None
    reward = RewardJudge(verifiers.reward, config.chat) if verifiers.reward else None
    workers = verifiers.sandbox.workers if verifiers.sandbox else 0
    with MathPool() as pool, ThreadPoolExecutor(max(workers, pool.workers)) as threads:

        def decide(check: Check) -> Outcome | _Pending:
            return _decide(check, verifiers, config, pool, require_format)

        stream = iter(checks)
        while window := list(islice(stream, _WINDOW)):
            decided = list(threads.map(decide, window))
            yield from _complete(window, decided, judge, reward)


def _decide(
    check: Check,
    verifiers: Verifiers,
    config: VerificationConfig,
    pool: MathPool,
    require_format: bool,
) -> Outcome | _Pending:
    answer = rules.answer_of(check.response, require_format)
    if answer is None:
        return _RULES.failed("format")
    if rules.repeats_itself(check.response, config.rules):
        return _RULES.failed("repetition")
    match check.kind:
        case "math":
            outcome = check_math(check.prompt, answer, check.reference_answer, pool, config.math)
            return _second_opinion(check, answer, outcome, verifiers, config)
        case "code":
            return check_code(answer, check.test_case, verifiers.sandbox, config.code)
        case "science":
            outcome = check_science(check.prompt, answer, check.reference_answer, config.science)
            if outcome is not None:
                return outcome
            if verifiers.judge is None:
                return JUDGE_NEEDED.error("judge_missing")
            reference = check.reference_answer or ""
            question = Question(check.prompt, reference, answer, config.science.pass_score, {})
            return _Pending(answer, question)
        case "instruction":
            return check_instructions(answer, check.constraints, config.instruction)
        case "chat":
            return _Pending(answer) if verifiers.reward else _NO_REWARD.error("reward_missing")


def _second_opinion(
    check: Check,
    answer: str,
    outcome: Outcome,
    verifiers: Verifiers,
    config: VerificationConfig,
) -> Outcome | _Pending:
    """Hand what the math rules reject to the judge, if there is one and a reading was possible."""
    wanted = config.math.judge_second_opinion and verifiers.judge is not None
    # A wrong letter leaves nothing to interpret.
    letter = outcome.evidence.get("rule") == "choice" and "extracted" in outcome.evidence
    if outcome.status != "fail" or not wanted or letter:
        return outcome
    evidence = {"rule_verdict": "fail", "rule_reason": outcome.reason, **outcome.evidence}
    reference = check.reference_answer or ""
    return _Pending(
        answer,
        Question(check.prompt, reference, answer, config.math.pass_score * MAX_SCORE, evidence),
    )


def _complete(
    window: list[Check],
    decided: list[Outcome | _Pending],
    judge: Judge | None,
    reward: RewardJudge | None,
) -> Iterator[Verdict]:
    asked: list[tuple[int, Question]] = []
    rated: list[tuple[int, tuple[str, str]]] = []
    outcomes: dict[int, Outcome] = {}
    for index, state in enumerate(decided):
        if isinstance(state, Outcome):
            outcomes[index] = state
        elif state.question is not None:
            asked.append((index, state.question))
        else:
            rated.append((index, (window[index].prompt, state.answer)))
    if judge is not None and asked:
        outcomes |= _zip(asked, judge.grade)
    if reward is not None and rated:
        outcomes |= _zip(rated, reward.rate)
    for index, check in enumerate(window):
        yield outcomes[index].verdict(check)


def _zip(
    items: list[tuple[int, T]], decide: Callable[[list[T]], list[Outcome]]
) -> dict[int, Outcome]:
    answers = decide([item for _, item in items])
    return {index: outcome for (index, _), outcome in zip(items, answers, strict=True)}
