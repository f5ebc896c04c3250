"""Replies of a chat endpoint, read as what they are: bytes of a stranger.

An answer is taken only where the server says what the model said. Where it says nothing (no text,
and nothing that shows that the model itself said nothing) the attempt has failed: an error must
never become an empty answer.
"""

from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from am_assets.core.requests import Completion, GenerationRequest
from am_assets.engines.chat_tokenizer import ChatTokenizer
from am_assets.engines.openai.retrying import Failure

_THINK = "<think>"
_FILTERED = "content_filter"

Count = Annotated[int, Field(ge=0, lt=2**31)]
"""What the schemas' int32 columns hold."""


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    """The same as `reasoning`, as older servers call it."""


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None
    token_ids: list[Count] | None = None


class _PromptDetails(BaseModel):
    cached_tokens: Count | None = None


class _Usage(BaseModel):
    prompt_tokens: Count = 0
    completion_tokens: Count | None = None
    prompt_tokens_details: _PromptDetails | None = None


class _Reply(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None
    prompt_token_ids: list[Count] | None = None


class Card(BaseModel):
    """One model that a server lists."""

    id: str
    max_model_len: Annotated[int, Field(gt=0)] | None = None


class Listing(BaseModel):
    """The models that a server lists."""

    data: list[Card]
    has_more: bool = False

    def card(self, name: str) -> Card | None:
        """The card of a model, by its name, or its name without owner or tag."""
        for card in self.data:
            if card.id == name or card.id.endswith(f"/{name}") or card.id.startswith(f"{name}:"):
                return card
        return None

    def excludes(self, name: str) -> bool:
        """Whether the server says that it has no model of this name."""
        whole = bool(self.data) and not self.has_more
        return whole and self.card(name) is None and not any("*" in card.id for card in self.data)


def read_listing(body: bytes) -> Listing:
    """The reply to `GET /models`. Raises Failure."""
    try:
        return Listing.model_validate_json(body)
    except ValidationError as error:
        raise _garbled(error, body) from error


def read_reply(
    body: bytes, request: GenerationRequest, tokenizer: ChatTokenizer | None
) -> Completion:
    """The completion in the reply to `POST /chat/completions`. Raises Failure.

    A reasoning that the server splits off is joined back in front of the answer: from the token
    ids where they and the `tokenizer` are known, so that not a character differs, and as a think
    block otherwise.
    """
    try:
        reply = _Reply.model_validate_json(body)
    except ValidationError as error:
        raise _garbled(error, body) from error
    choice, usage = reply.choices[0], reply.usage or _Usage()
    if choice.message.refusal or choice.finish_reason == _FILTERED:
        reason = choice.message.refusal or f"finish reason {_FILTERED}"
        raise Failure("refused", f"the server turned the request down: {reason[:100]}")
    if choice.finish_reason not in ("stop", "length"):
        said = str(choice.finish_reason)[:40]
        raise _no_answer(f"the server ended with finish reason {said}")
    if tokenizer is not None and reply.prompt_token_ids is not None:
        _check_prompt(reply.prompt_token_ids, request, tokenizer)
    details = usage.prompt_tokens_details or _PromptDetails()
    token_ids = tuple(choice.token_ids or ())
    return Completion(
        request_key=request.request_key,
        text=_text(choice, usage, request, tokenizer),
        token_ids=token_ids,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=len(token_ids) or usage.completion_tokens or 0,
        cached_tokens=details.cached_tokens or 0,
        finish_reason=choice.finish_reason,
    )


def _text(
    choice: _Choice, usage: _Usage, request: GenerationRequest, tokenizer: ChatTokenizer | None
) -> str:
    """What the model said, where that can be told."""
    content = choice.message.content
    reasoning = choice.message.reasoning or choice.message.reasoning_content
    if choice.token_ids and tokenizer is not None and (reasoning or not content):
        return tokenizer.text_of(request.messages, choice.token_ids)
    if reasoning and not (content or "").lstrip().startswith(_THINK):
        # A reasoning that was cut has no end, as in the text of a server that splits nothing.
        cut = choice.finish_reason == "length" and not content
        return f"{_THINK}{reasoning}" if cut else f"{_THINK}{reasoning}</think>{content or ''}"
    if content:
        return content
    # The model may end at once. Tokens that a server counts and hides are another matter: then
    # the content is null, or the hidden ones took all the room and the finish reason is "length".
    ended = content == "" and choice.finish_reason == "stop"
    if ended and (choice.token_ids or usage.completion_tokens):
        return ""
    raise _no_answer("the server answered without a text")


def _check_prompt(told: list[int], request: GenerationRequest, tokenizer: ChatTokenizer) -> None:
    if told != tokenizer.prompt_ids(request.messages):
        raise Failure(
            "garbled",
            "the server reads the prompt as other tokens than the model in options.weights: "
            "name the weights it serves, or start it with their chat template",
            common=True,
        )


def _garbled(error: ValidationError, body: bytes) -> Failure:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    where = f" at {place}" if place else ""
    return _no_answer(f"the reply of {len(body)} bytes is no completion{where} ({first['msg']})")


def _no_answer(text: str) -> Failure:
    return Failure("garbled", text, passing=True, common=True)
