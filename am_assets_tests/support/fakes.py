"""A generation engine whose answers are a function of the request, and rows to ask it about.

The real engines run in the integration tests; here the stages' own logic is under test.
"""

import hashlib
import random
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from am_assets.core.memory import RowMemory
from am_assets.core.requests import (
    Completion,
    GenerationEngine,
    GenerationRequest,
    Message,
    ModelIdentity,
)
from am_assets.core.schema import ANSWERS, LABELS, PROMPTS, RESPONSES, kept
from am_assets.core.settings.distillation import Labels, Responses
from am_assets.core.settings.evaluation import Evaluation
from am_assets.core.tables import without
from am_assets.core.usage import Meter
from am_assets.stages.distillation.labels import label_samples
from am_assets.stages.distillation.responses import distil
from am_assets.stages.evaluation.answers import ask_benchmarks

WEEK = "2025-01-06"
Reply = Callable[[GenerationRequest], str | Exception]


_WORDS: dict[int, str] = {}
"""What a token says; the same for all engines of this process."""


def _token(word: str) -> int:
    token = zlib.crc32(word.encode()) >> 1
    _WORDS[token] = word
    return token


class ScriptedEngine:
    """Answers with `reply(request)`, in a shuffled order; an exception becomes an error."""

    def __init__(self, reply: Reply, order_seed: int = 0) -> None:
        self._reply = reply
        self._order = random.Random(order_seed)
        self.asked: list[GenerationRequest] = []

    @property
    def model(self) -> ModelIdentity:
        return ModelIdentity("teacher", "d" * 64, "scripted", "1")

    @property
    def gpus(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is held."""

    def text_of(self, messages: Sequence[Message], token_ids: Sequence[int]) -> str:
        return " ".join(_WORDS[token] for token in token_ids)

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
                yield Completion(request.request_key, error=str(answer), cause="server_error")
            else:
                yield self._completion(request, answer)

    def _completion(self, request: GenerationRequest, answer: str) -> Completion:
        """One token a word; an answer longer than `max_tokens` is cut."""
        words, limit = answer.split(), request.sampling.max_tokens
        tokens = tuple(_token(word) for word in words[:limit])
        cut = len(words) > limit
        return Completion(
            request.request_key,
            text=self.text_of(request.messages, tokens) if cut else answer,
            token_ids=tokens,
            prompt_tokens=3,
            completion_tokens=len(tokens),
            finish_reason="length" if cut else "stop",
        )


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


def responses_of(
    table: pa.Table,
    labels: pa.Table,
    passed: Iterable[str],
    engine: GenerationEngine,
    config: Responses,
    memory: RowMemory | None = None,
) -> pa.Table:
    """The RESPONSES table that distilling the kept rows of `labels` writes."""
    rows: list[Mapping[str, Any]] = []
    wanted = without(kept(labels)["sample_id"], passed)
    parts = [table.slice(start, 3) for start in range(0, table.num_rows, 3)]
    distil(parts, wanted, engine, memory or RowMemory(), config, rows.append, Meter("teacher"))
    return RESPONSES.table(rows)


def labelled(
    table: pa.Table,
    engine: GenerationEngine | None,
    config: Labels,
    count_tokens: Callable[[str], int],
    memory: RowMemory | None = None,
) -> pa.Table:
    """The LABELS table that labelling `table` writes."""
    rows: list[Mapping[str, Any]] = []
    label_samples(
        lambda: [table],
        table["sample_id"].combine_chunks(),
        engine,
        memory or RowMemory(),
        config,
        count_tokens,
        rows.append,
        Meter("labels"),
    )
    return LABELS.table(rows)


def benchmark_answers(
    benchmarks: pa.Table,
    engine: GenerationEngine,
    config: Evaluation,
    samples: Mapping[str, int],
    memory: RowMemory | None = None,
) -> pa.Table:
    """The ANSWERS table that asking `benchmarks` writes."""
    rows: list[Mapping[str, Any]] = []
    ask_benchmarks(
        benchmarks, engine, memory or RowMemory(), config, samples, rows.append, Meter("base")
    )
    return ANSWERS.table(rows)
