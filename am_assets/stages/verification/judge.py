"""An LLM judge that grades answers against references, 0-5 [method.md, science; DD 2.4.1]."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from am_assets.core.identity import digest
from am_assets.core.requests import (
    Completion,
    GenerationEngine,
    GenerationRequest,
    Sampling,
    generation_request,
)
from am_assets.stages.verification.config import JudgeConfig
from am_assets.stages.verification.outcome import Outcome, Verifier

VERSION = "judge-1"
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


class Judge:
    """Asks a model for scores, each question at temperature 0, unreadable replies once more."""

    def __init__(self, engine: GenerationEngine, config: JudgeConfig) -> None:
        self._engine, self._config = engine, config
        self._pattern = re.compile(config.score_pattern)
        # The model and the wording are part of who judged.
        identity = digest(VERSION, engine.model.digest, config.template, config.score_pattern)
        self.verifier = Verifier("judge", f"{VERSION}+{identity[:12]}")

    def grade(self, questions: Sequence[Question]) -> list[Outcome]:
        """One outcome a question, in their order, whatever order the engine answers in."""
        requests = [self._request(question, 0) for question in questions]
        replies = self._ask(requests)
        scores = [self._score(replies.get(request.request_key)) for request in requests]
        again = {
            index: self._request(questions[index], 1)
            for index, (score, request) in enumerate(zip(scores, requests, strict=True))
            if score is None and _answered(replies.get(request.request_key))
        }
        more = self._ask(again.values()) if again else {}
        outcomes = []
        for index, (question, request) in enumerate(zip(questions, requests, strict=True)):
            retried = again.get(index)
            final = retried or request
            reply = (more if retried else replies).get(final.request_key)
            outcomes.append(self._outcome(question, final, reply, attempts=2 if retried else 1))
        return outcomes

    def _request(self, question: Question, sample_index: int) -> GenerationRequest:
        fields = {
            "prompt": question.prompt,
            "reference": question.reference,
            "answer": question.answer,
        }
        # One pass, so that a placeholder inside a text stays text.
        text = _PLACEHOLDER.sub(lambda match: fields[match[1]], self._config.template)
        sampling = Sampling(temperature=0.0, top_p=1.0, max_tokens=self._config.max_tokens)
        messages = [{"role": "user", "content": text}]
        return generation_request(self._engine, messages, sampling, sample_index)

    def _ask(self, requests: Iterable[GenerationRequest]) -> dict[str, Completion]:
        distinct = {request.request_key: request for request in requests}
        return {reply.request_key: reply for reply in self._engine.generate(distinct.values())}

    def _score(self, reply: Completion | None) -> int | None:
        if not _answered(reply) or reply is None:
            return None
        found = self._pattern.findall(reply.text)
        try:
            score = int(found[-1]) if found else None
        except ValueError:
            return None
        return score if score is not None and 0 <= score <= MAX_SCORE else None

    def _outcome(
        self,
        question: Question,
        request: GenerationRequest,
        reply: Completion | None,
        attempts: int,
    ) -> Outcome:
        evidence = {**question.evidence, "request_key": request.request_key, "attempts": attempts}
        if reply is None or reply.error is not None:
            detail = "no reply" if reply is None else str(reply.error)[:200]
            return self.verifier.error("judge_failed", **evidence, detail=detail)
        score = self._score(reply)
        if score is None:
            return self.verifier.error("judge_unparseable", **evidence, reply=reply.text[-200:])
        evidence["judge_score"] = score
        if score > question.pass_score:
            return self.verifier.passed(score / MAX_SCORE, **evidence)
        return self.verifier.failed("wrong_answer", score / MAX_SCORE, **evidence)


def _answered(reply: Completion | None) -> bool:
    return reply is not None and reply.error is None
