"""Generation by any server that speaks the OpenAI chat API (vLLM, SGLang, llama.cpp, a cloud)."""

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from am_assets.core.identity import canonical, digest
from am_assets.core.model_name import model_name
from am_assets.core.requests import Completion, GenerationRequest, Message, ModelIdentity
from am_assets.core.settings.models import Model
from am_assets.engines.chat_tokenizer import ChatTokenizer
from am_assets.engines.models import (
    ModelMissing,
    locate_model,
    model_digest,
    precision,
)
from am_assets.engines.openai.background import Ask, answers_in_background
from am_assets.engines.openai.endpoint import Endpoint, EndpointOptions, connect
from am_assets.engines.openai.retrying import Failure, Pause, Retrying


class OpenAIEngine:
    """A model behind an OpenAI-compatible endpoint; implements `core.requests.GenerationEngine`.

    `model.path` is the name the server knows the model by; see `EndpointOptions` for the options.

    With `weights` the model is what those files are: it has their digest, tokenizer and chat
    template, so that requests and their seeds are those of `VllmEngine`, and with `server: vllm`
    so are the answers. Without, it is known by its served name and revision alone: a server that
    swaps the weights behind a name cannot be told apart.

    `folder` holds weights that must be the ones served (a trained checkpoint). Raises ValueError
    for options that cannot be used, ModelMissing where weights are not there or not served.
    """

    def __init__(self, model: Model, role: str, folder: Path | None = None) -> None:
        self._role = role
        self._served_model = model.path
        self._options = _options(model, role)
        self._key = os.environ.get(self._options.api_key_env, "")
        weights = _weights(model, role, self._options)
        self._tokenizer = None if weights is None else ChatTokenizer(weights, model.template_date)
        if self._tokenizer and self._tokenizer.pinned_template and self._options.server != "vllm":
            raise ValueError(
                f"the chat template of models.{role}.options.weights prints today's date, and only "
                f"vLLM's server can be told another one: serve it with `vllm serve "
                f"--trust-request-chat-template` and set models.{role}.options.server to vllm"
            )
        self._identity = ModelIdentity(
            role if folder else model_name(model),
            served_digest(model, role),
            "openai",
            "chat.completions/v1",
            precision_of(model, role),
            model.max_model_len,
        )
        if folder and (weights is None or model_digest(folder) != model_digest(weights)):
            raise ModelMissing(
                f"{self._options.base_url} serves other weights than the checkpoint to be asked: "
                "set engine: vllm for the model it was trained from"
            )
        self._pause = Pause()

    @property
    def model(self) -> ModelIdentity:
        return self._identity

    @property
    def gpus(self) -> int:
        """None that we know of."""
        return 0

    def render(self, messages: Sequence[Message]) -> str:
        """The chat template applied; without `weights`, canonical JSON of the turns."""
        if self._tokenizer is not None:
            return self._tokenizer.render(messages)
        return canonical([dict(message) for message in messages])

    def text_of(self, messages: Sequence[Message], token_ids: Sequence[int]) -> str | None:
        """See the protocol; None without `weights`."""
        if self._tokenizer is not None:
            return self._tokenizer.text_of(messages, token_ids)
        return None

    def count_tokens(self, text: str) -> int:
        """Tokens; without `weights` words, since an endpoint does not offer its tokenizer."""
        if self._tokenizer is not None:
            return self._tokenizer.count_tokens(text)
        return len(text.split())

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
        """Answer every request once, as it finishes; see the protocol.

        What may pass (no connection, a timeout, HTTP 408, 409, 429 and 5xx, a reply that is none)
        is tried again; a refusal is not. When the endpoint itself fails request after request,
        the rest fail at once. Raises ModelMissing where the server lists its models, and not this
        one.
        """
        return answers_in_background(requests, self._session, self._options.concurrency)

    def close(self) -> None:
        """Nothing is held between two `generate`."""

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Ask[GenerationRequest, Completion]]:
        options = self._options
        retrying = Retrying(
            options.retries, options.backoff, max(8, 2 * options.concurrency), self._pause
        )
        async with connect(options, self._key) as client:
            endpoint = Endpoint(
                client, self._served_model, self._role, options, self._tokenizer, self._key
            )
            yield partial(_answer, endpoint, retrying)


async def _answer(endpoint: Endpoint, retrying: Retrying, request: GenerationRequest) -> Completion:
    try:
        return await retrying.run(lambda: endpoint.complete(request))
    except Failure as failure:
        return Completion(request.request_key, error=failure.text, cause=failure.cause)


def served_digest(model: Model, role: str) -> str:
    """Digest of the model behind an endpoint: of its weights where they are named.

    Only vLLM's server answers as vLLM in process does; the same weights behind another server are
    another model. Raises ValueError for options that cannot be used, ModelMissing where the weights
    are not there.
    """
    options = _options(model, role)
    weights = _weights(model, role, options)
    if weights is not None:
        known = model_digest(weights)
        return known if options.server == "vllm" else digest("served", known)
    return f"served:{model.path}@{model.revision}"


def server_of(model: Model, role: str) -> str:
    """Which sort of server answers for `model`."""
    return _options(model, role).server


def precision_of(model: Model, role: str) -> str:
    """How the server computes, as far as the profile says it."""
    return precision(model.dtype, _options(model, role).served_with)


def weights_folder(model: Model, role: str) -> Path | None:
    """Folder with the weights that an endpoint's model is said to serve, None where none is named.

    Raises ValueError for options that cannot be used, ModelMissing where the weights are not there.
    """
    return _weights(model, role, _options(model, role))


def _options(model: Model, role: str) -> EndpointOptions:
    try:
        return EndpointOptions.model_validate(model.options)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(EndpointOptions.model_fields))
            problem = f"the openai engine knows no {key}, only {known}"
        elif first["type"] == "missing":
            problem = f"the openai engine needs {key}"
        else:
            problem = f"{key}: {first['msg']}"
        raise ValueError(f"models.{role}.options: {problem}") from error


def _weights(model: Model, role: str, options: EndpointOptions) -> Path | None:
    """Folder with the weights that the endpoint is said to serve."""
    if options.weights is None:
        return None
    try:
        return locate_model(model.model_copy(update={"path": options.weights}), role)
    except ModelMissing as problem:
        # The path at fault is not the model's, which is a name that the server knows.
        key = f"models.{role}.options.weights"
        raise ModelMissing(str(problem).replace(f"models.{role}.path", key)) from problem
