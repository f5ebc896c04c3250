"""A generation engine whose answers are a function of the request, and rows to ask it about.

The real engines run in the integration tests; here the stages' own logic is under test.
"""

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from am_assets.core.requests import Completion, GenerationRequest, Message, ModelIdentity
from am_assets.core.schema import PROMPTS

WEEK = "2025-01-06"
Reply = Callable[[GenerationRequest], str | Exception]


class ScriptedEngine:
    """Answers with `reply(request)`, in a shuffled order; an exception becomes an error."""

    def __init__(self, reply: Reply, order_seed: int = 0) -> None:
        self._reply = reply
        self._order = random.Random(order_seed)
        self.asked: list[GenerationRequest] = []

    @property
    def model(self) -> ModelIdentity:
        return ModelIdentity("teacher", "d" * 64, "scripted", "1")

    def render(self, messages: Sequence[Message]) -> str:
        return "".join(f"<{turn['role']}>{turn['content']}" for turn in messages)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
        listed = list(requests)
        self.asked += listed
        self._order.shuffle(listed)
        for request in listed:
            answer = self._reply(request)
            if isinstance(answer, Exception):
                yield Completion(request.request_key, error=str(answer))
            else:
                tokens = tuple(range(len(answer.split())))
                yield Completion(request.request_key, answer, tokens, 3, "stop")


def sample_key(text: str) -> str:
    """A sample id for a test."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def prompts(*rows: Mapping[str, Any]) -> pa.Table:
    """A PROMPTS table from rows that name at least a prompt."""
    return PROMPTS.table(
        {
            "sample_id": sample_key(row["prompt"]),
            "source": "source_a",
            "week": WEEK,
            "kind": "math",
            "messages": [{"role": "user", "content": row["prompt"]}],
            "decision": "kept",
            **row,
        }
        for row in rows
    )
