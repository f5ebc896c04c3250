import json
from pathlib import Path
from typing import Any

import pytest

from am_assets.core.requests import GenerationRequest, Sampling
from am_assets.engines.chat_tokenizer import ChatTokenizer
from am_assets.engines.openai.reply import Card, Listing, read_reply
from am_assets.engines.openai.retrying import Failure
from am_assets_tests.support import tiny_models

TURNS = ({"role": "user", "content": "2 + 3?"},)
REQUEST = GenerationRequest("ab" * 16, TURNS, Sampling(), 0, 7)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> ChatTokenizer:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    tiny_models.tokenizer().save_pretrained(folder)
    return ChatTokenizer(folder)


def _body(
    message: dict[str, Any],
    finish_reason: str | None = "stop",
    tokens: int | None = 4,
    token_ids: list[int] | None = None,
    **fields: Any,
) -> bytes:
    choice = {"message": message, "finish_reason": finish_reason, "token_ids": token_ids}
    usage = {} if tokens is None else {"usage": {"prompt_tokens": 9, "completion_tokens": tokens}}
    return json.dumps({"choices": [choice], **usage, **fields}).encode()


def _text(body: bytes, tokenizer: ChatTokenizer | None = None) -> str:
    return read_reply(body, REQUEST, tokenizer).text


def test_usage_and_tokens_are_read():
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 5},
    }
    answer = read_reply(_body({"content": "hi"}, usage=usage), REQUEST, None)
    counts = (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens)
    assert counts == (9, 4, 5)
    assert answer.token_ids == ()
    answer = read_reply(_body({"content": "hi"}, token_ids=[5, 6, 7]), REQUEST, None)
    assert (answer.token_ids, answer.completion_tokens) == ((5, 6, 7), 3)


def test_a_model_that_ends_at_once_gives_an_empty_answer():
    assert _text(_body({"content": ""}, tokens=1)) == ""
    assert _text(_body({"content": ""}, tokens=None, token_ids=[2])) == ""


@pytest.mark.parametrize(
    "body",
    [
        _body({"content": ""}, tokens=0),
        _body({"content": ""}, tokens=None),
        _body({"content": ""}, finish_reason="length"),
        _body({"content": None}),
        _body({}),
        _body({"content": "hi"}, finish_reason=None),
        _body({"content": "hi"}, finish_reason="tool_calls"),
        _body({"content": [{"type": "text", "text": "hi"}]}),
        _body({"content": "hi"}, tokens=-1),
        _body({"content": "hi"}, tokens=2**40),
        _body({"content": "hi"}, token_ids=[-1]),
        b'{"choices": [{"finish_reason": "stop", "message": {"content": "\\ud800"}}]}',
        b"null",
        b"",
    ],
)
def test_a_reply_that_does_not_say_what_the_model_said_is_no_answer(body: bytes):
    with pytest.raises(Failure) as failure:
        _text(body)
    assert (failure.value.cause, failure.value.passing) == ("garbled", True)


def test_a_refusal_is_told_as_one():
    with pytest.raises(Failure, match="I cannot help") as failure:
        _text(_body({"content": None, "refusal": "I cannot help"}))
    assert (failure.value.cause, failure.value.passing) == ("refused", False)


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_a_reasoning_split_off_is_joined_back_in_front(field: str):
    split = {field: "2 and 3 make 5", "content": "<answer>5</answer>"}
    assert _text(_body(split)) == "<think>2 and 3 make 5</think><answer>5</answer>"
    cut = {field: "2 and", "content": None}
    assert _text(_body(cut, finish_reason="length")) == "<think>2 and"
    whole = {field: "2", "content": "<think>2</think>5"}
    assert _text(_body(whole)) == "<think>2</think>5"


def test_token_ids_tell_what_a_split_or_hidden_text_was(tokenizer: ChatTokenizer):
    said = "<think>2 and 3</think>\n<answer>5</answer>"
    token_ids = tiny_models.tokenizer()(said)["input_ids"]
    split = {"reasoning": "2 and 3", "content": "<answer>5</answer>"}
    assert _text(_body(split, token_ids=token_ids), tokenizer) == said
    hidden = _body({"content": None}, "length", token_ids=token_ids)
    assert _text(hidden, tokenizer) == said
    assert _text(_body({"content": None}, token_ids=[2]), tokenizer) == ""


def test_a_server_that_reads_the_prompt_otherwise_serves_another_model(tokenizer: ChatTokenizer):
    prompt = tokenizer.prompt_ids(TURNS)
    assert _text(_body({"content": "5"}, prompt_token_ids=prompt), tokenizer) == "5"
    with pytest.raises(Failure, match=r"options\.weights") as failure:
        _text(_body({"content": "5"}, prompt_token_ids=[1, *prompt]), tokenizer)
    assert not failure.value.passing
    assert failure.value.common


def test_a_listing_excludes_only_what_it_surely_does_not_hold():
    listing = Listing(data=[Card(id="models/one"), Card(id="two:latest"), Card(id="three")])
    assert not any(map(listing.excludes, ["one", "two", "three", "models/one"]))
    assert listing.excludes("four")
    assert not Listing(data=[]).excludes("four")
    assert not Listing(data=[Card(id="openai/*")]).excludes("four")
    assert not Listing(data=[Card(id="three")], has_more=True).excludes("four")
