"""Verification: rules on every response, then the model its kind needs."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import assert_never

from am_assets.core.memory import RowMemory
from am_assets.core.requests import GenerationEngine, RewardEngine
from am_assets.core.runner import CodeRunner
from am_assets.core.settings.verification import Verification
from am_assets.core.usage import Meter
from am_assets.core.verdict import Check, Verdict
from am_assets.stages.verification.by_kind import KINDS
from am_assets.stages.verification.format import VERIFIER as FORMAT
from am_assets.stages.verification.format import answer_of
from am_assets.stages.verification.kind import Grade, Rate
from am_assets.stages.verification.models.judge import Judge, Question
from am_assets.stages.verification.models.reward import Answer, RewardJudge
from am_assets.stages.verification.outcome import Decided, Outcome
from am_assets.stages.verification.remembered import RememberedRules, Started
from am_assets.stages.verification.rules import RuleRunner, ThreadedRules

# A window keeps a judge busy; two of them are held at a time.
_WINDOW_CHECKS = 4096
_WINDOW_CHARACTERS = 64 << 20


@dataclass(frozen=True)
class Verifiers:
    """The engines verification may use; a missing one makes the checks that need it `error`.

    Rules run in threads of this process with `sandbox`, unless `rules` runs them elsewhere.
    """

    judge: GenerationEngine | None = None
    reward: RewardEngine | None = None
    sandbox: CodeRunner | None = None
    rules: RuleRunner | None = None


def verify(
    checks: Iterable[Check],
    verifiers: Verifiers,
    config: Verification,
    memory: RowMemory,
    *,
    require_format: bool = True,
    meter: Meter | None = None,
    judge_meter: Meter | None = None,
) -> Iterator[Verdict]:
    """Verdicts in the order of `checks`, which may be a stream.

    Checks are taken in windows of a few thousand; while models decide what rules cannot, the rules
    are at work on the next window. What was decided before comes from `memory`, and what is
    decided is remembered at once; errors are not. With `require_format` a response must be one
    think and one answer block; without it a response with no blocks is judged whole. Verdicts do
    not depend on the windows, the order, the number of workers or the memory. `meter` counts
    checks, `judge_meter` the judge's replies.

    Raises ValueError when the reward model does not rate the configured dimensions.
    """
    meter = meter or Meter("verification", unit="responses")
    judge_meter = judge_meter or Meter("judge", unit="replies")
    judge = Judge(verifiers.judge, config.judge, memory, judge_meter) if verifiers.judge else None
    reward = RewardJudge(verifiers.reward, config.chat, memory) if verifiers.reward else None
    models = _Models(judge, reward, config, require_format)
    with ExitStack() as stack:
        runner = verifiers.rules or stack.enter_context(ThreadedRules(verifiers.sandbox))
        remembered = RememberedRules(runner, memory, config, require_format)
        for window, started in _one_ahead(checks, remembered):
            yield from models.complete(window, started, meter)
    meter.finish()


class _Models:
    """Decides by judge and reward model what the rules leave to them."""

    def __init__(
        self,
        judge: Judge | None,
        reward: RewardJudge | None,
        config: Verification,
        require_format: bool,
    ) -> None:
        self._judge, self._reward = judge, reward
        self._config, self._require_format = config, require_format

    def complete(
        self, window: Sequence[Check], started: Started, meter: Meter
    ) -> Iterator[Verdict]:
        """The verdicts on a window whose checks the rules have been given."""
        outcomes: dict[int, Outcome] = {}

        def decided(place: int, by: Decided[Outcome]) -> None:
            outcomes[place] = by.outcome
            if by.outcome.status == "error":
                meter.failed(by.outcome.reason)
            elif by.reused:
                meter.found()
            else:
                meter.computed()

        questions: dict[int, Question] = {}
        answers: dict[int, Answer] = {}
        for place, (outcome, reused) in started.outcomes():
            todo = self._todo(window[place], outcome)
            if isinstance(todo, Question):
                questions[place] = todo
            elif isinstance(todo, Answer):
                answers[place] = todo
            else:
                decided(place, Decided(todo, reused))
        if self._judge is not None and questions:
            places = sorted(questions)
            graded = self._judge.grade([questions[place] for place in places])
            for place, by in zip(places, graded, strict=True):
                decided(place, by)
        if self._reward is not None and answers:
            places = sorted(answers)
            rated = self._reward.rate([answers[place] for place in places])
            for place, by in zip(places, rated, strict=True):
                decided(place, by)
        for place, check in enumerate(window):
            yield outcomes[place].verdict(check)

    def _todo(self, check: Check, outcome: Outcome | None) -> Outcome | Question | Answer:
        """The final outcome of a check, or what a model has still to say about it."""
        if outcome is not None and outcome.verifier == FORMAT.name:
            return outcome
        left = KINDS[check.kind].left(outcome, self._config)
        match left:
            case Grade():
                return left.unasked if self._judge is None else self._question(check, left)
            case Rate():
                if self._reward is None:
                    return left.unasked
                return Answer(check.prompt, self._answer(check), check.owner)
            case None:
                return outcome or FORMAT.error("undecided")
        assert_never(left)

    def _question(self, check: Check, left: Grade) -> Question:
        reference, answer = check.reference_answer or "", self._answer(check)
        pass_score, evidence = left.pass_score, left.evidence
        return Question(check.prompt, reference, answer, pass_score, evidence, check.owner)

    def _answer(self, check: Check) -> str:
        answer = answer_of(check.response, self._require_format)
        # Rules leave to a model only what has an answer.
        assert answer is not None
        return answer


def _one_ahead(
    checks: Iterable[Check], remembered: RememberedRules
) -> Iterator[tuple[Sequence[Check], Started]]:
    """Windows of `checks`, each given once the next one has been started."""
    before: tuple[Sequence[Check], Started] | None = None
    for window in _windows(checks):
        current = (window, remembered.start(window))
        if before is not None:
            yield before
        before = current
    if before is not None:
        yield before


def _windows(checks: Iterable[Check]) -> Iterator[Sequence[Check]]:
    window: list[Check] = []
    characters = 0
    for check in checks:
        window.append(check)
        characters += len(check.prompt) + len(check.response)
        if len(window) == _WINDOW_CHECKS or characters >= _WINDOW_CHARACTERS:
            yield window
            window, characters = [], 0
    if window:
        yield window
