"""Asking an engine on behalf of rows: what labels, distillation, the judge and evaluation share.

What was answered once is not asked again: answers are kept in the row memory under the request's
key, each as soon as it is there.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import zstandard

from am_assets.core.memory import Entry, RowMemory
from am_assets.core.protocol import SYSTEM_PROMPT
from am_assets.core.requests import (
    Completion,
    GenerationEngine,
    GenerationRequest,
    Message,
)
from am_assets.core.schema import PENDING, dumps
from am_assets.core.usage import Meter

KIND = "generation"
"""Kind of the row memory's entries that are answers."""

NOT_ANSWERED = "the engine ended without answering this request"
_ERROR_LENGTH = 300
_SMALL = 1024
"""Bytes below which compressing an answer costs more than it saves."""

_WINDOW = 256
"""Requests looked up in the memory at a time."""

T = TypeVar("T")


class Wanted(NamedTuple, Generic[T]):
    """A request, the row it is for (given back with the answer) and who owns the answer.

    The owner is a sample id or a benchmark's item id: erasing it erases the answer.
    """

    row: T
    owner: str
    request: GenerationRequest


class _Remembered(NamedTuple):
    """An answer, and the `max_tokens` and context it was given within."""

    completion: Completion
    limit: int
    context: int | None


Answered = Callable[[T, GenerationRequest, Completion], None]


def with_system_prompt(messages: Sequence[Message]) -> list[dict[str, str]]:
    """The turns led by the protocol's system prompt; a system turn of their own follows it."""
    turns = [{"role": turn["role"], "content": turn["content"]} for turn in messages]
    if turns and turns[0]["role"] == "system":
        own = turns.pop(0)["content"]
        return [{"role": "system", "content": f"{SYSTEM_PROMPT}\n\n{own}"}, *turns]
    return [{"role": "system", "content": SYSTEM_PROMPT}, *turns]


def ask(
    engine: GenerationEngine,
    memory: RowMemory,
    wanted: Iterable[Wanted[T]],
    answered: Answered[T],
    meter: Meter,
) -> None:
    """Call `answered` once for every item of `wanted`, in no particular order.

    Answers come from the memory where they suffice: one that was cut at a `max_tokens` below the
    one asked for now is asked again, one longer than that is served cut. The others go to the
    engine as it has room for them, are remembered as they come, and rows that ask the same share
    one answer. `wanted` is read as a stream, and only what is in flight is held. A request that
    the engine fails, or passes over, comes back as a completion with an error: it is not
    remembered, so the next run asks it again.
    """
    flying: dict[str, list[Wanted[T]]] = {}

    def missing() -> Iterator[GenerationRequest]:
        stream = iter(wanted)
        while window := list(islice(stream, _WINDOW)):
            known = _recall(engine, memory, window)
            for item in window:
                key = item.request.request_key
                if key in flying:
                    flying[key].append(item)
                    continue
                # An answer may have come since the window was looked up.
                hit = known.get(key) or (
                    _recall(engine, memory, [item]).get(key) if key in finished else None
                )
                if hit is not None:
                    meter.found()
                    answered(item.row, item.request, hit)
                else:
                    # Without the messages: an engine may take very many before the first answer.
                    flying[key] = [item._replace(request=replace(item.request, messages=()))]
                    yield item.request
            finished.clear()

    finished: set[str] = set()
    for completion in engine.generate(missing()):
        items = flying.pop(completion.request_key, [])
        if completion.error is None and items:
            finished.add(completion.request_key)
            limit = items[0].request.sampling.max_tokens
            value = _encode(engine, completion, limit)
            memory.put(
                KIND,
                [
                    Entry(completion.request_key, value, owner)
                    for owner in dict.fromkeys(item.owner for item in items)
                ],
            )
        for place, item in enumerate(items):
            if place and completion.error is None:
                meter.found()
            else:
                meter.answered(completion)
            answered(item.row, item.request, completion)
    for key, items in flying.items():
        for item in items:
            lost = Completion(key, error=NOT_ANSWERED, cause="engine_failed")
            meter.answered(lost)
            answered(item.row, item.request, lost)
    meter.finish()


def bounded(error: str) -> str:
    """An error's text as evidence: one line of at most 300 characters."""
    return " ".join(error.split())[:_ERROR_LENGTH]


def failure_columns(completion: Completion) -> Mapping[str, object]:
    """The fate of a row whose request has no answer."""
    error = bounded(completion.error or NOT_ANSWERED)
    return {
        "decision": PENDING,
        "reason": completion.cause or "engine_failed",
        "evidence": dumps({"error": error}),
    }


def answer_columns(
    engine: GenerationEngine, request: GenerationRequest, completion: Completion
) -> Mapping[str, object]:
    """What the schemas record of an answer: its text and tokens, null where the engine failed."""
    answered = completion.error is None
    return {
        "request_key": request.request_key,
        "sample_index": request.sample_index,
        "text": completion.text if answered else None,
        "token_ids": completion.token_ids if answered else None,
        "finish_reason": completion.finish_reason,
        "model_digest": engine.model.digest,
        "seed": request.seed,
        "prompt_tokens": completion.prompt_tokens if answered else None,
        "completion_tokens": completion.completion_tokens if answered else None,
        "sampling": request.sampling.text,
        "model": engine.model.name,
        "engine": completion.engine or engine.model.engine,
        "engine_version": completion.engine_version or engine.model.engine_version,
    }


def _recall(
    engine: GenerationEngine, memory: RowMemory, items: Sequence[Wanted[T]]
) -> dict[str, Completion]:
    """Remembered answers that serve these requests, by request key."""
    values = memory.get(KIND, [(item.request.request_key, item.owner) for item in items])
    served: dict[str, Completion] = {}
    for item in items:
        key = item.request.request_key
        if key in values and key not in served:
            answer = _fit(engine, item.request, _decode(key, values[key]))
            if answer is not None:
                served[key] = answer
    return served


def _fit(
    engine: GenerationEngine, request: GenerationRequest, remembered: _Remembered
) -> Completion | None:
    """What a remembered answer says under the request's own limit, None where it does not tell.

    The same seed gives a longer answer with the same beginning, so a longer one can be cut.
    """
    answer, wanted = remembered.completion, request.sampling.max_tokens
    room = engine.model.context
    if answer.finish_reason == "length":
        # By its own limit, or by the end of the context, which may be further off now.
        by_context = answer.completion_tokens < remembered.limit
        roomier = room is not None and room > (remembered.context or room)
        if (by_context and roomier) or (not by_context and wanted > remembered.limit):
            return None
    if room is not None and answer.prompt_tokens:
        # It ends where the context does, which may be nearer now; a prompt may not fit at all.
        wanted = min(wanted, room - answer.prompt_tokens)
        if wanted < 1:
            return None
    if not answer.completion_tokens and answer.text and wanted < remembered.limit:
        return None  # the server did not say how many tokens there are
    if answer.completion_tokens <= wanted:
        return answer
    token_ids = answer.token_ids[:wanted]
    text = engine.text_of(request.messages, token_ids) if token_ids else None
    if text is None:
        return None
    return replace(
        answer, text=text, token_ids=token_ids, completion_tokens=wanted, finish_reason="length"
    )


_local = threading.local()


def _unpacker() -> zstandard.ZstdDecompressor:
    """This thread's decompressor: making one costs more than using it."""
    if not hasattr(_local, "unpacker"):
        _local.unpacker = zstandard.ZstdDecompressor()
    return _local.unpacker


def _encode(engine: GenerationEngine, completion: Completion, limit: int) -> bytes:
    head = {
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "limit": limit,
        "context": engine.model.context,
        "engine": engine.model.engine,
        "engine_version": engine.model.engine_version,
    }
    # ASCII, so that a lone surrogate survives and the first line break ends the head.
    tokens = np.asarray(completion.token_ids, dtype="<i4").tobytes()
    value = json.dumps(head).encode() + b"\n" + tokens
    return value if len(value) < _SMALL else zstandard.compress(value)


def _decode(key: str, value: bytes) -> _Remembered:
    # A compressed value begins with zstd's magic number, no brace.
    plain = value if value.startswith(b"{") else _unpacker().decompress(value)
    head, _, tokens = plain.partition(b"\n")
    fields = json.loads(head)
    limit, context = fields.pop("limit"), fields.pop("context")
    token_ids = tuple(np.frombuffer(tokens, dtype="<i4").tolist())
    return _Remembered(Completion(key, token_ids=token_ids, **fields), limit, context)
