"""Random-weight Qwen2 models of a few thousand parameters, for tests of the real engines."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2ForSequenceClassification,
)

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
DIMENSIONS = ("coherence", "correctness", "helpfulness")


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level tokenizer with the chat format's special tokens."""
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*specials, *alphabet])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(specials)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
        additional_special_tokens=["<|im_start|>"],
        model_max_length=512,
    )


def _config(**extra: Any) -> Qwen2Config:
    return Qwen2Config(
        vocab_size=260,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
        **extra,
    )


def causal(folder: Path, seed: int = 0) -> Path:
    """Save a random causal model with tokenizer and chat template into `folder`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(_config())
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.3)
    model.generation_config.eos_token_id = 2
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def reward(folder: Path, seed: int = 0) -> Path:
    """Save a random sequence classifier with one output a rated dimension into `folder`."""
    labels = dict(enumerate(DIMENSIONS))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen2ForSequenceClassification(
            _config(
                num_labels=len(labels),
                id2label=labels,
                label2id={name: index for index, name in labels.items()},
                problem_type="regression",
            )
        )
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder
