"""An LLM judge that grades answers against references, 0-5 [method.md, science; DD 2.4.1]."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from am_assets.core.identity import digest
from am_assets.core.memory import RowMemory
from am_assets.core.requests import (
    Completion,
    GenerationEngine,
    GenerationRequest,
    Sampling,
    generation_request,
)
from am_assets.core.settings.verification import JudgeConfig
from am_assets.core.usage import Meter
from am_assets.stages.generation import Wanted, ask
from am_assets.stages.verification.outcome import Decided, Outcome, Verifier

VERSION = "judge-2"
_PLACEHOLDER = re.compile(r"\{(prompt|reference|answer)\}")
MAX_SCORE = 5


@dataclass(frozen=True)
class Question:
    """What a judge is to grade. `evidence` (a rule's findings) is kept beside its score."""

    prompt: str
    reference: str
    answer: str
    pass_score: float
    evidence: dict[str, Any]
    owner: str


class _Reply(NamedTuple):
    completion: Completion
    reused: bool


class Judge:
    """Asks a model for scores greedily, and after an unreadable reply once more with sampling."""

    def __init__(
        self,
        engine: GenerationEngine,
        config: JudgeConfig,
        memory: RowMemory,
        meter: Meter,
    ) -> None:
        self._engine, self._config = engine, config
        self._memory, self._meter = memory, meter
        self._pattern = re.compile(config.score_pattern)
        # The model and the wording are part of who judged.
        identity = digest(VERSION, engine.model.digest, config.template, config.score_pattern)
        self.verifier = Verifier("judge", f"{VERSION}+{identity[:12]}")

    def grade(self, questions: Sequence[Question]) -> list[Decided[Outcome]]:
        """One outcome a question, in their order, whatever order the engine answers in."""
        first = self._ask(questions, range(len(questions)), 0)
        unreadable = [
            place
            for place, reply in first.items()
            if reply.completion.error is None and self._score(reply.completion) is None
        ]
        second = self._ask(questions, sorted(unreadable), 1) if unreadable else {}
        return [
            self._outcome(question, first[place], second.get(place))
            for place, question in enumerate(questions)
        ]

    def _request(self, question: Question, sample_index: int) -> GenerationRequest:
        fields = {
            "prompt": question.prompt,
            "reference": question.reference,
            "answer": question.answer,
        }
        # One pass, so that a placeholder inside a text stays text.
        text = _PLACEHOLDER.sub(lambda match: fields[match[1]], self._config.template)
        # Asked the same way again, a model would say the same again.
        sampling = Sampling(
            temperature=0.6 if sample_index else 0.0,
            top_p=0.95 if sample_index else 1.0,
            max_tokens=self._config.max_tokens,
        )
        messages = [{"role": "user", "content": text}]
        return generation_request(self._engine, messages, sampling, sample_index)

    def _ask(
        self, questions: Sequence[Question], places: Iterable[int], sample_index: int
    ) -> dict[int, _Reply]:
        """The replies to the questions at `places`, by place."""
        replies: dict[int, _Reply] = {}
        worked = self._worked

        def answered(place: int, request: GenerationRequest, completion: Completion) -> None:
            nonlocal worked
            replies[place] = _Reply(completion, reused=self._worked == worked)
            worked = self._worked

        wanted = (
            Wanted(place, questions[place].owner, self._request(questions[place], sample_index))
            for place in places
        )
        ask(self._engine, self._memory, wanted, answered, self._meter)
        return replies

    @property
    def _worked(self) -> int:
        """Replies so far that the memory did not have."""
        return self._meter.done - self._meter.reused

    def _score(self, reply: Completion) -> int | None:
        """The score a reply ends with; one that was cut may only have quoted the answer."""
        if reply.finish_reason == "length":
            return None
        found = self._pattern.findall(reply.text)
        try:
            score = int(found[-1]) if found else None
        except ValueError:
            return None
        return score if score is not None and 0 <= score <= MAX_SCORE else None

    def _outcome(
        self, question: Question, first: _Reply, second: _Reply | None
    ) -> Decided[Outcome]:
        reply = (second or first).completion
        reused = first.reused and (second is None or second.reused)
        attempts = 2 if second else 1
        evidence = {
            **question.evidence,
            "request_key": reply.request_key,
            "attempts": attempts,
        }
        return Decided(self._graded(question, reply, evidence), reused)

    def _graded(self, question: Question, reply: Completion, evidence: dict[str, Any]) -> Outcome:
        if reply.error is not None:
            return self.verifier.error("judge_failed", **evidence, detail=reply.error[:200])
        score = self._score(reply)
        if score is None:
            return self.verifier.error("judge_unparseable", **evidence, reply=reply.text[-200:])
        evidence["judge_score"] = score
        if score > question.pass_score:
            return self.verifier.passed(score / MAX_SCORE, **evidence)
        return self.verifier.failed("wrong_answer", score / MAX_SCORE, **evidence)
