"""Generation by any server that speaks the OpenAI chat API (vLLM, SGLang, llama.cpp, a cloud)."""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from openai import AsyncOpenAI, OpenAIError
from openai.types.chat import ChatCompletionMessageParam

from am_assets.core.config import Model
from am_assets.core.identity import canonical
from am_assets.core.requests import Completion, GenerationRequest, Message, ModelIdentity
from am_assets.engines.vllm_engine import Progress

_ERROR_LENGTH = 300


class OpenAIEngine:
    """A model behind an OpenAI-compatible endpoint; implements `core.requests.GenerationEngine`.

    Options: `base_url` (required), `api_key_env` (name of the environment variable that holds the
    key; default OPENAI_API_KEY, and "none" is sent where it is unset), `concurrency` (requests in
    flight, default 16), `retries` (with exponential backoff, default 4), `timeout` (seconds a
    request, default 600), `digest` (of the served weights, when they are known). Without
    `digest` the model is identified by its name and address alone: a server that swaps the
    weights behind one name cannot be told apart.
    """

    def __init__(self, model: Model, role: str, *, progress: Progress | None = None) -> None:
        options = model.options
        known = {"base_url", "api_key_env", "concurrency", "retries", "timeout"}
        if unknown := sorted(set(options) - known):
            raise ValueError(
                f"models.{role}.options: the openai engine knows no {unknown[0]}, only "
                f"{', '.join(sorted(known))}"
            )
        if "base_url" not in options:
            raise ValueError(f"models.{role}.options: the openai engine needs base_url")
        self._served_model = model.path
        self._base_url = str(options["base_url"])
        self._key = os.environ.get(str(options.get("api_key_env", "OPENAI_API_KEY"))) or "none"
        self._concurrency = int(options.get("concurrency", 16))
        self._retries = int(options.get("retries", 4))
        self._timeout = float(options.get("timeout", 600))
        self._progress = progress
        self._identity = ModelIdentity(
            role, f"served:{model.path}@{model.revision}", "openai", "chat.completions/v1"
        )

    @property
    def model(self) -> ModelIdentity:
        return self._identity

    def render(self, messages: Sequence[Message]) -> str:
        """Canonical JSON of the turns: the server applies a chat template that is not seen here."""
        return canonical([dict(message) for message in messages])

    def count_tokens(self, text: str) -> int:
        """White-space separated words: an endpoint does not offer its tokenizer."""
        return len(text.split())

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
        """Answer every request once; see the protocol. Errors after all retries are per request.

        Token ids are not part of the chat API: completions carry the text alone.
        """
        total = len(requests) if isinstance(requests, Sequence) else None
        waiting, done, tokens, begun = iter(requests), 0, 0, time.monotonic()
        # A window at a time keeps memory bounded and this a plain generator.
        while window := list(islice(waiting, 8 * self._concurrency)):
            for completion, generated in asyncio.run(self._window(window)):
                done, tokens = done + 1, tokens + generated
                if self._progress is not None:
                    self._progress(done, total, tokens / max(time.monotonic() - begun, 1e-9))
                yield completion

    def close(self) -> None:
        """Nothing is held between windows."""

    async def _window(self, requests: Sequence[GenerationRequest]) -> list[tuple[Completion, int]]:
        gate = asyncio.Semaphore(self._concurrency)
        async with AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._key,
            max_retries=self._retries,
            timeout=self._timeout,
        ) as client:
            return await asyncio.gather(*(self._ask(client, gate, item) for item in requests))

    async def _ask(
        self, client: AsyncOpenAI, gate: asyncio.Semaphore, request: GenerationRequest
    ) -> tuple[Completion, int]:
        """The completion and how many tokens were generated for it."""
        turns: list[Any] = [dict(message) for message in request.messages]
        messages: list[ChatCompletionMessageParam] = turns
        try:
            async with gate:
                answer = await client.chat.completions.create(
                    model=self._served_model,
                    messages=messages,
                    temperature=request.sampling.temperature,
                    top_p=request.sampling.top_p,
                    max_tokens=request.sampling.max_tokens,
                    seed=request.seed,
                )
        except (OpenAIError, ValueError) as error:
            text = " ".join(f"{error.__class__.__name__}: {error}".split())
            return Completion(request.request_key, error=text[:_ERROR_LENGTH]), 0
        if not answer.choices:
            return Completion(request.request_key, error="the server answered without a choice"), 0
        choice = answer.choices[0]
        if choice.finish_reason not in ("stop", "length"):
            error = f"the server ended with finish reason {choice.finish_reason}"
            return Completion(request.request_key, error=error), 0
        completion = Completion(
            request_key=request.request_key,
            text=choice.message.content or "",
            prompt_tokens=answer.usage.prompt_tokens if answer.usage else 0,
            finish_reason=choice.finish_reason,
        )
        return completion, answer.usage.completion_tokens if answer.usage else 0
