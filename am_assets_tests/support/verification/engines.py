"""Engines that answer by rule, so that a test knows what a judge or reward model would say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from am_assets.core.requests import Completion, GenerationRequest, Message, ModelIdentity


class RuleJudge:
    """Replies what `answers` holds for the first key found in the question, last request first."""

    model = ModelIdentity("rule-judge", "d" * 32, "rules", "1")
    gpus = 0

    def __init__(self, answers: Mapping[str, Sequence[str | None]]) -> None:
        self._answers = answers
        self.calls: list[list[GenerationRequest]] = []

    def render(self, messages: Sequence[Message]) -> str:
        return "\n".join(message["content"] for message in messages)

    def text_of(self, messages: Sequence[Message], token_ids: Sequence[int]) -> str | None:
        return None

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def close(self) -> None:
        pass

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
        batch = list(requests)
        self.calls.append(batch)
        for request in reversed(batch):
            text = request.messages[0]["content"]
            replies = next(value for key, value in self._answers.items() if key in text)
            reply = replies[min(request.sample_index, len(replies) - 1)]
            error = "the server is gone" if reply is None else None
            yield Completion(request.request_key, reply or "", finish_reason="stop", error=error)


class LengthReward:
    """Rates an answer by its number of words, at most 4 in each dimension."""

    model = ModelIdentity("length-reward", "e" * 32, "rules", "1")
    dimensions = ("verbosity", "coherence", "correctness", "helpfulness")
    max_tokens = 1000

    def __init__(self) -> None:
        self.calls: list[int] = []

    def rate(self, conversations: Sequence[Sequence[Message]]) -> np.ndarray:
        self.calls.append(len(conversations))
        words = [len(conversation[-1]["content"].split()) for conversation in conversations]
        return np.array([[0.0, *[min(4.0, n)] * 3] for n in words], dtype=np.float32)
