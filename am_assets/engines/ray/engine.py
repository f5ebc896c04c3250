"""Generation by several vLLM engines at once, each in an actor of Ray.

The requests are spooled to disk, and one pipeline of Ray Data has the actors take them part by
part. An actor works on many parts at a time, so that its engine never waits for a part to end.
"""

import json
import math
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import pyarrow as pa

from am_assets.core.chat_templates import TEMPLATE_DATE
from am_assets.core.code.files import sources_digest
from am_assets.core.code.guard import check_same
from am_assets.core.requests import Completion, GenerationRequest, Message, ModelIdentity
from am_assets.engines.ray.pool import RayPool, RayUnusable, reason
from am_assets.engines.ray.spool import Spool, SpoolReader
from am_assets.engines.vllm import VllmEngine

_GATHER_S = 1.0
"""How long an answer waits for others of its part: the driver takes a few hundred tables a second.
"""
_SPREAD = ("tensor_parallel_size", "pipeline_parallel_size")


class _Round(NamedTuple):
    """One way to feed the actors."""

    calls: int
    retries: int


_ROUNDS = (_Round(32, 1), _Round(16, 0), _Round(1, 0))
"""What a round leaves without an answer is asked again in the next, each request a part of its own
and with less beside it, until the request that kills its actor stands alone."""


class RayEngine:
    """A causal model behind several vLLM engines; implements `core.requests.GenerationEngine`.

    `folder` must be where every actor sees it. Arguments and options are `VllmEngine`'s; an actor
    on CPU has `cpus_per_actor` threads. Actors live as long as one `generate`.
    """

    def __init__(
        self,
        pool: RayPool,
        role: str,
        folder: Path,
        name: str,
        *,
        dtype: str = "float32",
        max_model_len: int | None = None,
        options: Mapping[str, Any] | None = None,
        template_date: date = TEMPLATE_DATE,
    ) -> None:
        self._pool = pool
        actors = pool.actors(role)
        # Tensor parallelism spreads one engine over GPUs, which must all be the actor's.
        spread = math.prod(int((options or {}).get(size, 1)) for size in _SPREAD)
        self._actors = replace(actors, gpus=spread) if spread > 1 else actors
        self._arguments: dict[str, Any] = {
            "folder": folder,
            "name": name,
            "dtype": dtype,
            "max_model_len": max_model_len,
            "options": {"threads": self._actors.cpus, **(options or {})},
            "template_date": template_date,
        }
        # Renders and counts as the actors do; its weights are never loaded.
        self._local = VllmEngine(**self._arguments)

    @property
    def model(self) -> ModelIdentity:
        return self._local.model

    @property
    def gpus(self) -> int:
        return round(self._actors.count * self._actors.gpus)

    def render(self, messages: Sequence[Message]) -> str:
        return self._local.render(messages)

    def count_tokens(self, text: str) -> int:
        return self._local.count_tokens(text)

    def text_of(self, messages: Sequence[Message], token_ids: Sequence[int]) -> str:
        return self._local.text_of(messages, token_ids)

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
        """Answer every request once, as it finishes; see the protocol.

        All requests are taken before the first is answered. An actor that dies is replaced, and
        what it had is asked again; a request that has no answer after that becomes an error.
        Raises RayUnusable where Ray cannot be used at all.
        """
        with self._pool.scratch() as folder:
            spool = Spool(folder / "0.parquet", requests, self._actors.count)
            if spool.parts:
                self._pool.start(self._actors)
            error = "the actors that worked on this request died"
            for number, way in enumerate(_ROUNDS, start=1):
                if not spool.parts:
                    return
                answered = 0
                failures: list[str] = []
                for part, index, completion in self._answers(spool, way, failures):
                    if spool.answer(part, index):
                        answered += 1
                        yield completion
                if failures:
                    error = failures[-1]
                    if not answered:
                        break
                spool = Spool(folder / f"{number}.parquet", spool.missing())
            for request in spool.missing():
                yield Completion(request.request_key, error=error, cause="engine_failed")

    def close(self) -> None:
        """Nothing outlives `generate`; the pool is closed by who made it."""

    def _answers(
        self, spool: Spool, way: _Round, failures: list[str]
    ) -> Iterator[tuple[int, int, Completion]]:
        """Completions with the part and the place in it that they answer, some of them twice.

        What ends the pipeline is added to `failures`.
        """
        actors = replace(self._actors, calls=way.calls, retries=way.retries)
        arguments = {"code": sources_digest(), "spool": spool.path, "engine": self._arguments}
        tables = self._pool.run(spool.parts, AnsweringActor, arguments, actors)
        while True:
            try:
                table = next(tables, None)
            except RayUnusable as problem:
                failures.append(str(problem))
                return
            except Exception as problem:  # whatever ends the pipeline must not lose the answers
                failures.append(reason(problem))
                # A Ray that broke is replaced.
                self._pool.close()
                return
            if table is None:
                return
            for row in table.to_pylist():
                for index, fields in json.loads(row["answers"]):
                    fields["token_ids"] = tuple(fields["token_ids"])
                    yield row["part"], index, Completion(**fields)


@dataclass(frozen=True)
class _Asked:
    index: int
    request: GenerationRequest
    replies: "SimpleQueue[tuple[int, Completion]]"


class AnsweringActor:
    """Answers parts of a spool in an actor; many threads call it, one steps the engine."""

    def __init__(self, code: str, spool: Path, engine: Mapping[str, Any]) -> None:
        check_same(code)
        self._reader = SpoolReader(spool)
        self._asked: SimpleQueue[_Asked] = SimpleQueue()
        self._flying: dict[str, _Asked] = {}
        started: SimpleQueue[Exception | None] = SimpleQueue()
        # The engine's threads belong to the thread that starts it.
        threading.Thread(target=self._serve, args=(engine, started), daemon=True).start()
        problem = started.get()
        if problem is not None:
            raise problem

    def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
        """Tables with the columns `part` and `answers` (JSON: [[index, completion], …])."""
        for part in batch["id"].to_pylist():
            replies: SimpleQueue[tuple[int, Completion]] = SimpleQueue()
            requests = self._reader.read(part)
            for index, request in enumerate(requests):
                self._asked.put(_Asked(index, request, replies))
            left = len(requests)
            while left:
                answers = _gather(replies, left)
                left -= len(answers)
                listed = [[index, asdict(completion)] for index, completion in answers]
                yield pa.table({"part": [part], "answers": [json.dumps(listed)]})

    def _serve(
        self, arguments: Mapping[str, Any], started: "SimpleQueue[Exception | None]"
    ) -> None:
        try:
            engine = VllmEngine(**arguments)
            engine.start()
        except Exception as problem:  # raised by the constructor, in its own thread
            started.put(problem)
            return
        started.put(None)
        try:
            for completion in engine.generate(self._requests()):
                asked = self._flying.pop(completion.request_key)
                asked.replies.put((asked.index, completion))
        finally:
            # It never ends by itself: without its engine the actor is of no use, and Ray
            # replaces one that is gone.
            os._exit(1)

    def _requests(self) -> Iterator[GenerationRequest | None]:
        """Requests as parts bring them; None where there is none and the engine has work."""
        while True:
            try:
                asked = self._asked.get(block=not self._flying)
            except Empty:
                yield None
                continue
            key = asked.request.request_key
            if key in self._flying:
                error = "the same request was already in flight: ask it once"
                refused = Completion(key, error=error, cause="refused")
                asked.replies.put((asked.index, refused))
                continue
            self._flying[key] = asked
            yield asked.request


def _gather(
    replies: "SimpleQueue[tuple[int, Completion]]", left: int
) -> list[tuple[int, Completion]]:
    """The next answer, and those of at most `left` that come soon after it."""
    answers = [replies.get()]
    until = time.monotonic() + _GATHER_S
    while len(answers) < left and (wait := until - time.monotonic()) > 0:
        try:
            answers.append(replies.get(timeout=wait))
        except Empty:
            break
    return answers
