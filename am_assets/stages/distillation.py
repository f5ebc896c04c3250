"""Distillation: asking the teacher for responses where no existing one passed (AM 2.2, DD 2.3)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from am_assets.core.config import Responses
from am_assets.core.identity import response_id
from am_assets.core.requests import (
    GenerationEngine,
    GenerationRequest,
    Message,
    generation_request,
)
from am_assets.core.schema import KEPT, PENDING, RESPONSES, dumps, kept
from am_assets.stages.asking import answer_columns, ask, bounded, with_system_prompt


def requests_for(
    engine: GenerationEngine, messages: Sequence[Message], config: Responses
) -> list[GenerationRequest]:
    """The `config.samples` requests that distil one prompt, led by the system prompt."""
    turns = with_system_prompt(messages)
    return [
        generation_request(engine, turns, config.sampling, index) for index in range(config.samples)
    ]


def distil(
    prompts: pa.Table,
    labels: pa.Table,
    existing_passes: Collection[str],
    engine: GenerationEngine,
    config: Responses,
) -> pa.Table:
    """Ask the teacher about every kept row of `labels` whose existing response did not pass.

    `prompts` (schema PROMPTS) holds their messages, `existing_passes` sample ids. Gives a
    RESPONSES table: truncated answers are kept with finish_reason "length" (verification rejects
    them), engine errors are pending with reason `engine_error`.
    """
    wanted = set(kept(labels)["sample_id"].to_pylist()).difference(existing_passes)
    rows: dict[str, Mapping[str, Any]] = {
        row["sample_id"]: row
        for row in prompts.select(["sample_id", "source", "week", "messages"]).to_pylist()
        if row["sample_id"] in wanted
    }
    asked = (
        (sample_id, request)
        for sample_id, row in rows.items()
        for request in requests_for(engine, row["messages"], config)
    )

    def responses() -> Iterator[dict[str, Any]]:
        for sample_id, request, completion in ask(engine, asked):
            failed = completion.error is not None
            yield {
                "response_id": response_id(sample_id, request.request_key),
                "sample_id": sample_id,
                "source": rows[sample_id]["source"],
                "week": rows[sample_id]["week"],
                **answer_columns(engine, request, completion),
                "decision": PENDING if failed else KEPT,
                "reason": "engine_error" if failed else None,
                "evidence": dumps({"error": bounded(completion.error)})
                if completion.error is not None
                else None,
            }

    return RESPONSES.table(responses())
