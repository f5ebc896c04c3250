"""One recipe a model: what it starts from, what it reads, for how many steps, and how it is saved.

`base` is trained from scratch and is the trunk of the three others, which start from its saved
(bfloat16) weights. Sizes and step counts suit two CPU cores.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import torch
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2ForSequenceClassification,
)

from am_assets.mini.training import corpus, instructions, ratings, teacher
from am_assets.mini.training.batches import causal_batches, rated_batches
from am_assets.mini.training.loop import causal_loss, rating_loss, train
from am_assets.mini.training.tokenizer import MAX_LENGTH, train_tokenizer

ModelName = Literal["base", "teacher", "instruct", "reward"]
MODEL_NAMES: tuple[ModelName, ...] = get_args(ModelName)

SHIPPED = Path(__file__).parent.parent / "models"
"""Where the trained models lie in the package."""

SEED = 20250325
VOCABULARY = 2048
RATING_NAMES = ("coherence", "correctness", "helpfulness")

_EXAMPLES = {
    "base": corpus.base_examples,
    "teacher": teacher.teacher_examples,
    "instruct": instructions.instruct_examples,
}


@dataclass(frozen=True)
class Recipe:
    """Optimiser steps, padded tokens a step, and peak learning rate."""

    steps: int
    tokens: int
    rate: float


RECIPES: dict[ModelName, Recipe] = {
    "base": Recipe(steps=2400, tokens=6144, rate=4e-3),
    "teacher": Recipe(steps=500, tokens=6144, rate=1.5e-3),
    "instruct": Recipe(steps=1600, tokens=6144, rate=2e-3),
    "reward": Recipe(steps=300, tokens=6144, rate=1e-3),
}


def _config(tokenizer: PreTrainedTokenizerBase) -> Qwen2Config:
    return Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=MAX_LENGTH,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        use_sliding_window=False,
        eos_token_id=cast("int", tokenizer.eos_token_id),
        pad_token_id=cast("int", tokenizer.pad_token_id),
    )


def _new_base(scale: float) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    texts = corpus.tokenizer_texts(max(50, round(6000 * scale)), SEED)
    tokenizer = train_tokenizer(texts, VOCABULARY)
    torch.manual_seed(SEED)
    return Qwen2ForCausalLM(_config(tokenizer)), tokenizer


def _from_base(name: ModelName, base: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    tokenizer = AutoTokenizer.from_pretrained(base)
    if name != "reward":
        return Qwen2ForCausalLM.from_pretrained(base, dtype=torch.float32), tokenizer
    torch.manual_seed(SEED)
    model = Qwen2ForSequenceClassification.from_pretrained(
        base,
        dtype=torch.float32,
        num_labels=len(RATING_NAMES),
        id2label=dict(enumerate(RATING_NAMES)),
        label2id={rating: number for number, rating in enumerate(RATING_NAMES)},
        problem_type="regression",
    )
    return model, tokenizer


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write weights (bfloat16 safetensors), config, generation config and tokenizer."""
    model.set_attn_implementation("sdpa")
    # The annotation of transformers' `to` is a wrapper's.
    cast("torch.nn.Module", model).to(dtype=torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if isinstance(model, Qwen2ForCausalLM):
        GenerationConfig(
            eos_token_id=[tokenizer.eos_token_id, tokenizer.pad_token_id],
            pad_token_id=tokenizer.pad_token_id,
            do_sample=True,
            temperature=0.6,
            top_p=0.95,
        ).save_pretrained(folder)


def train_model(name: ModelName, out: Path, *, scale: float = 1.0) -> Path:
    """Train one model into `out/name` and return that folder.

    Models other than `base` start from `out/base`; FileNotFoundError says so when it is missing.
    `scale` multiplies the number of steps; anything but 1 gives a model for trying things out.
    """
    recipe = RECIPES[name]
    base = out / "base"
    if name != "base" and not (base / "config.json").is_file():
        raise FileNotFoundError(f"{base} holds no base model to start from: train `base` first.")
    model, tokenizer = _new_base(scale) if name == "base" else _from_base(name, base)
    # Plain attention is faster than the fused kernel for these short rows on a CPU.
    model.set_attn_implementation("eager")
    steps = max(1, round(recipe.steps * scale))
    order = corpus.rng_for("order", name, SEED)
    if name == "reward":
        rated = rated_batches(ratings.rated_answers(SEED), tokenizer, recipe.tokens, order)
        train(
            cast("Qwen2ForSequenceClassification", model),
            rated,
            rating_loss,
            steps=steps,
            rate=recipe.rate,
            title=name,
        )
    else:
        causal = causal_batches(_EXAMPLES[name](SEED), tokenizer, recipe.tokens, order)
        train(
            cast("Qwen2ForCausalLM", model),
            causal,
            causal_loss,
            steps=steps,
            rate=recipe.rate,
            title=name,
        )
    folder = out / name
    save(model, tokenizer, folder)
    return folder
