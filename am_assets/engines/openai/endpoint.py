"""One chat endpoint: what is sent to it, and one attempt at a time to have an answer."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from am_assets.core.profile import Section
from am_assets.core.requests import Completion, GenerationRequest
from am_assets.engines.chat_tokenizer import ChatTokenizer
from am_assets.engines.models import ModelMissing
from am_assets.engines.openai.failures import failure_of, one_line
from am_assets.engines.openai.reply import Card, read_listing, read_reply
from am_assets.engines.openai.retrying import Failure

if TYPE_CHECKING:
    from openai import AsyncAPIResponse, AsyncOpenAI

_CONNECT_S = 30.0
_LARGEST_REPLY = 2**28
"""Bytes; a reply that does not end must not take this process along."""

_VLLM = {
    "return_token_ids": True,
    # What is not told here, a server takes from the model's generation_config.json.
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
_ABSENT = ("unreachable", "timeout", "rate_limited")
"""Failures to list the models that leave open whether they are listed."""


class EndpointOptions(Section):
    """`models.<role>.options` of a model behind an endpoint."""

    base_url: str = Field(pattern=r"^https?://")
    """Address up to and with `/v1`."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; "none" is sent where it is unset."""
    server: Literal["openai", "vllm"] = "openai"
    """`vllm` is asked for token ids, and told every sampling parameter."""
    weights: str | None = None
    """Folder, `mini:<name>` or hub id (at the model's revision) of what the server serves."""
    served_with: dict[str, Any] = Field(default_factory=dict)
    """Options of vLLM that the server was started with, counted as those of `engine: vllm`."""
    concurrency: int = Field(default=16, ge=1, le=1000)
    """Requests in flight."""
    retries: int = Field(default=5, ge=0)
    """Attempts after the first."""
    backoff: float = Field(default=2.0, gt=0)
    """Seconds between the first attempt and the second; doubles with each."""
    timeout: float = Field(default=1800.0, gt=0)
    """Seconds for one attempt; must be enough for the longest answer."""


def connect(options: EndpointOptions, key: str) -> "AsyncOpenAI":
    """A client of the endpoint that tries nothing twice and leaves time to its caller."""
    # Importing this takes a second.
    from openai import AsyncOpenAI, Timeout

    return AsyncOpenAI(
        base_url=options.base_url,
        api_key=key or "none",
        max_retries=0,
        timeout=Timeout(None, connect=min(_CONNECT_S, options.timeout)),
    )


class Endpoint:
    """A served model, as long as `client` is open. Not for use by several event loops."""

    def __init__(
        self,
        client: "AsyncOpenAI",
        served_model: str,
        role: str,
        options: EndpointOptions,
        tokenizer: ChatTokenizer | None,
        secret: str,
    ) -> None:
        self._client = client
        self._model = served_model
        self._role = role
        self._options = options
        self._tokenizer = tokenizer
        self._secret = secret
        self._extra = extra_body(options, tokenizer)
        self._listed: asyncio.Task[Card | None] | None = None

    async def complete(self, request: GenerationRequest) -> Completion:
        """One attempt. Raises Failure, or ModelMissing where the server does not have the model."""
        card = await self._card()
        turns: list[Any] = [dict(message) for message in request.messages]
        limit = request.sampling.max_tokens
        if self._options.server == "vllm" and card is not None and card.max_model_len is not None:
            # Refused where it exceeds the context; shortened to what is left of that otherwise.
            limit = min(limit, card.max_model_len)
        body = await self._fetch(
            self._client.with_streaming_response.chat.completions.create(
                model=self._model,
                messages=turns,
                temperature=request.sampling.temperature,
                top_p=request.sampling.top_p,
                max_tokens=limit,
                seed=request.seed,
                extra_body=self._extra,
            )
        )
        try:
            return self._checked(read_reply(body, request, self._tokenizer), request)
        except Failure as failure:
            failure.text = one_line(failure.text, self._secret)
            raise

    def _checked(self, answer: Completion, request: GenerationRequest) -> Completion:
        """The answer, if it is one to this request. Raises Failure."""
        if answer.completion_tokens > request.sampling.max_tokens:
            said = f"{answer.completion_tokens} tokens, {request.sampling.max_tokens} were asked"
            raise Failure("garbled", f"the server answered with {said} for", common=True)
        if self._options.server == "vllm" and not answer.token_ids:
            text = "the server does not tell token ids: it is no vLLM, or one that is too old"
            raise Failure("garbled", text, common=True)
        return answer

    async def _card(self) -> Card | None:
        """What the server lists about the model, None where it lists nothing; asked once."""
        if self._listed is None or (self._listed.done() and self._listed.exception() is not None):
            self._listed = asyncio.create_task(self._look_up())
        # One of the requests that wait for it may be cancelled.
        return await asyncio.shield(self._listed)

    async def _look_up(self) -> Card | None:
        try:
            listing = read_listing(
                await self._fetch(self._client.with_streaming_response.models.list())
            )
        except Failure as failure:
            failure.text = one_line(failure.text, self._secret)
            # Not every server lists its models; vLLM does, and may be starting.
            if self._options.server == "vllm" or failure.cause in _ABSENT:
                raise
            return None
        if listing.excludes(self._model):
            names = ", ".join(card.id for card in listing.data[:5])
            raise ModelMissing(
                f"models.{self._role}.path: {self._options.base_url} serves no {self._model}: "
                f"name one of what it lists ({one_line(names, self._secret)}), or correct "
                f"models.{self._role}.options.base_url"
            )
        return listing.card(self._model)

    async def _fetch(self, call: "AbstractAsyncContextManager[AsyncAPIResponse[Any]]") -> bytes:
        """The body of the reply. Raises Failure."""
        body, begun = bytearray(), False
        try:
            async with asyncio.timeout(self._options.timeout), call as response:
                begun = True
                async for part in response.iter_bytes():
                    body += part
                    if len(body) > _LARGEST_REPLY:
                        break
        except TimeoutError as error:
            text = f"no answer within {self._options.timeout:g} s"
            raise Failure("timeout", text, passing=True, common=True) from error
        except Exception as error:  # what broken bytes raise, the client leaves as it is
            if not begun:
                raise failure_of(error, self._secret) from error
            text = one_line(f"the reply broke off ({error.__class__.__name__})", self._secret)
            raise Failure("garbled", text, passing=True, common=True) from error
        if len(body) > _LARGEST_REPLY:
            text = f"the reply is longer than {_LARGEST_REPLY:,} bytes"
            raise Failure("garbled", text, passing=True, common=True)
        return bytes(body)


def extra_body(options: EndpointOptions, tokenizer: ChatTokenizer | None) -> dict[str, Any] | None:
    """What is sent beside the parameters that every server knows."""
    if options.server != "vllm":
        return None
    template = tokenizer.pinned_template if tokenizer else None
    # The server's own would print the date of the day.
    return {**_VLLM, **({"chat_template": template} if template else {})}
