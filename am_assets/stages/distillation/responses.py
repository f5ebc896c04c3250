"""Distillation: asking the teacher for responses where no existing one passed (AM 2.2, DD 2.3)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from am_assets.core.identity import response_id
from am_assets.core.memory import RowMemory
from am_assets.core.requests import (
    Completion,
    GenerationEngine,
    GenerationRequest,
    Message,
    generation_request,
)
from am_assets.core.schema import KEPT
from am_assets.core.settings.distillation import Responses
from am_assets.core.tables import stream_of
from am_assets.core.usage import Meter
from am_assets.stages.generation import (
    Wanted,
    answer_columns,
    ask,
    failure_columns,
    with_system_prompt,
)

COLUMNS = ("sample_id", "source", "week", "messages")
"""What distillation reads of PROMPTS."""


def requests_for(
    engine: GenerationEngine, messages: Sequence[Message], config: Responses
) -> list[GenerationRequest]:
    """The `config.samples` requests that distil one prompt, led by the system prompt."""
    turns = with_system_prompt(messages)
    return [
        generation_request(engine, turns, config.sampling, index) for index in range(config.samples)
    ]


def distil(
    prompts: Iterable[pa.Table],
    wanted: pa.Array,
    engine: GenerationEngine,
    memory: RowMemory,
    config: Responses,
    write: Callable[[Mapping[str, Any]], None],
    meter: Meter,
) -> None:
    """Ask the teacher about the samples `wanted`, and `write` a RESPONSES row for every answer.

    `prompts` holds, in parts, COLUMNS of (at least) these samples. Answers that are remembered
    are not asked again; see `asking.ask`. Truncated answers are kept with finish_reason "length"
    (verification rejects them), failed requests are pending with their cause.
    """

    def requests() -> Iterator[Wanted[Mapping[str, Any]]]:
        for row in stream_of(prompts, wanted, COLUMNS):
            for request in requests_for(engine, row.pop("messages"), config):
                yield Wanted(row, row["sample_id"], request)

    def answered(
        row: Mapping[str, Any], request: GenerationRequest, completion: Completion
    ) -> None:
        fate = failure_columns(completion) if completion.error else {"decision": KEPT}
        write(
            {
                "response_id": response_id(row["sample_id"], request.request_key),
                **row,
                **answer_columns(engine, request, completion),
                **fate,
            }
        )

    ask(engine, memory, requests(), answered, meter)
