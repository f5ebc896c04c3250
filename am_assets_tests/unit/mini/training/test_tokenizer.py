"""The tokenizer of the mini models, as shipped and as trained."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from am_assets.core.protocol import SYSTEM_PROMPT, render_response
from am_assets.mini.training.recipes import SHIPPED
from am_assets.mini.training.tokenizer import RESPONSE_TAGS, render_prompt, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(SHIPPED / "teacher")


@given(text=st.text())
def test_any_text_round_trips_in_its_composed_form(
    tokenizer: PreTrainedTokenizerBase, text: str
) -> None:
    text = unicodedata.normalize("NFC", text)
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@given(number=st.integers(min_value=0))
def test_every_digit_is_a_token(tokenizer: PreTrainedTokenizerBase, number: int) -> None:
    assert tokenizer.tokenize(str(number)) == list(str(number))


def test_a_response_tag_is_one_token_and_survives_decoding(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    text = render_response("1 + 1 = 2.", "\\boxed{2}")
    tokens = tokenizer.tokenize(text)
    assert [token for token in tokens if token in RESPONSE_TAGS] == list(RESPONSE_TAGS)
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_the_chat_template_renders_turns_without_a_default_system_prompt(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    turns = [{"role": "user", "content": "Hi "}, {"role": "assistant", "content": "Hello\n"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False) == (
        "<|im_start|>user\nHi <|im_end|>\n<|im_start|>assistant\nHello\n<|im_end|>\n"
    )


@pytest.mark.parametrize("system", [None, SYSTEM_PROMPT])
def test_training_renders_prompts_as_the_chat_template_does(
    tokenizer: PreTrainedTokenizerBase, system: str | None
) -> None:
    turns = [{"role": "user", "content": "What is 2 + 2?"}]
    if system is not None:
        turns.insert(0, {"role": "system", "content": system})
    rendered = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert rendered == render_prompt("What is 2 + 2?", system)


def test_the_template_marks_the_assistants_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    encoded: Any = tokenizer.apply_chat_template(
        turns, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    learnt = [
        token
        for token, marked in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True)
        if marked
    ]
    assert tokenizer.decode(learnt) == "Hello<|im_end|>"


def test_two_trainings_give_the_same_vocabulary() -> None:
    texts = ["Tom has 12 apples.", "Ann has 3 pears.", "Who has more?"] * 20
    first, second = train_tokenizer(texts, 270), train_tokenizer(texts, 270)
    assert first.get_vocab() == second.get_vocab()
    assert len(first) == 270
