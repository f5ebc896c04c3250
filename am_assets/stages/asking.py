"""Asking an engine on behalf of rows: what labels, distillation and evaluation share."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from am_assets.core.protocol import SYSTEM_PROMPT
from am_assets.core.requests import Completion, GenerationEngine, GenerationRequest, Message

NOT_ANSWERED = "the engine ended without answering this request"
_ERROR_LENGTH = 300


def with_system_prompt(messages: Sequence[Message]) -> list[dict[str, str]]:
    """The turns led by the protocol's system prompt; a system turn of their own follows it."""
    turns = [{"role": turn["role"], "content": turn["content"]} for turn in messages]
    if turns and turns[0]["role"] == "system":
        own = turns.pop(0)["content"]
        return [{"role": "system", "content": f"{SYSTEM_PROMPT}\n\n{own}"}, *turns]
    return [{"role": "system", "content": SYSTEM_PROMPT}, *turns]


def ask(
    engine: GenerationEngine, wanted: Iterable[tuple[str, GenerationRequest]]
) -> Iterator[tuple[str, GenerationRequest, Completion]]:
    """Answer the request of every row id; ids that ask the same share one answer.

    Yields in the order of completion. A request that the engine passes over comes back, at the
    end, as a completion with an error.
    """
    rows: defaultdict[str, list[str]] = defaultdict(list)
    requests: dict[str, GenerationRequest] = {}
    for row_id, request in wanted:
        rows[request.request_key].append(row_id)
        requests.setdefault(request.request_key, request)
    for completion in engine.generate(list(requests.values())):
        for row_id in rows.pop(completion.request_key, ()):
            yield row_id, requests[completion.request_key], completion
    for key, row_ids in rows.items():
        for row_id in row_ids:
            yield row_id, requests[key], Completion(key, error=NOT_ANSWERED)


def bounded(error: str) -> str:
    """An error's text as evidence: one line of at most 300 characters."""
    return " ".join(error.split())[:_ERROR_LENGTH]


def answer_columns(
    engine: GenerationEngine, request: GenerationRequest, completion: Completion
) -> Mapping[str, object]:
    """What the schemas record of an answer: its text and tokens, null where the engine failed."""
    answered = completion.error is None
    return {
        "request_key": request.request_key,
        "sample_index": request.sample_index,
        "text": completion.text if answered else None,
        "token_ids": list(completion.token_ids) if answered else None,
        "finish_reason": completion.finish_reason,
        "model_digest": engine.model.digest,
        "seed": request.seed,
        "prompt_tokens": completion.prompt_tokens if answered else None,
        "model": engine.model.name,
        "engine": engine.model.engine,
        "engine_version": engine.model.engine_version,
    }
