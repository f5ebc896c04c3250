"""The one tokenizer of all mini models: Qwen2's byte-level BPE with a small vocabulary of its own.

Every digit is a token of its own (as in Qwen2), which small models need to learn arithmetic. Any
text in Unicode's NFC form round-trips; other text comes back in NFC. The four response tags are
added tokens but not special ones: decoding keeps them.
"""

import json
from collections.abc import Iterable
from typing import Any, cast

from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import AddedToken, Qwen2Tokenizer

END_OF_TEXT = "<|endoftext|>"
TURN_START = "<|im_start|>"
TURN_END = "<|im_end|>"
RESPONSE_TAGS = ("<think>", "</think>", "<answer>", "</answer>")

MAX_LENGTH = 1024
"""Longest sequence of the mini models, in tokens."""

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' -}}"
    "{%- if message['role'] == 'assistant' -%}"
    "{% generation %}{{- message['content'] + '<|im_end|>' -}}{% endgeneration %}"
    "{%- else -%}"
    "{{- message['content'] + '<|im_end|>' -}}"
    "{%- endif -%}"
    "{{- '\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
"""Qwen's chat format without its default system prompt; `generation` marks what training learns."""


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Qwen2Tokenizer:
    """Learn a BPE vocabulary of `vocabulary` tokens (added ones included) from `texts`.

    The class is Qwen2Tokenizer because transformers loads that one for every Qwen2 model, whatever
    class the files name.
    """
    learner = Tokenizer(BPE())
    rules = Qwen2Tokenizer().backend_tokenizer
    learner.normalizer, learner.pre_tokenizer = rules.normalizer, rules.pre_tokenizer
    trainer = BpeTrainer(
        vocab_size=vocabulary - len(RESPONSE_TAGS),
        special_tokens=[END_OF_TEXT, TURN_START, TURN_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    learned = json.loads(learner.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=cast("Any", [tuple(pair) for pair in learned["merges"]]),
        eos_token=TURN_END,
        pad_token=END_OF_TEXT,
        extra_special_tokens=[TURN_START],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        padding_side="right",
        model_max_length=MAX_LENGTH,
    )
    tags: Any = [AddedToken(tag, special=False, normalized=False) for tag in RESPONSE_TAGS]
    tokenizer.add_tokens(tags)
    return tokenizer


def render_prompt(user: str, system: str | None = None) -> str:
    """The text before the assistant's turn, as the chat template writes it."""
    head = f"{TURN_START}system\n{system}{TURN_END}\n" if system is not None else ""
    return f"{head}{TURN_START}user\n{user}{TURN_END}\n{TURN_START}assistant\n"
