"""Selection of what is learned from, and recipes."""

from typing import Literal

from pydantic import Field

from am_assets.core.settings.section import Section, Share

RecipeKind = Literal["base", "full", "lora"]


class Sft(Section):
    """Selection and corpus-wide rules (AM 2.2.3, DD 2.5)."""

    template_tokens: int = Field(default=20, ge=2)
    template_occurrences: int = Field(default=20, ge=1)
    perplexity_limit: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class Recipe(Section):
    """One training recipe; `base` trains nothing and is scored like the others."""

    kind: RecipeKind
    learning_rate: float = Field(default=4e-5, gt=0)
    epochs: float = Field(default=5, gt=0)
    batch_size: int = Field(default=8, ge=1)
    gradient_accumulation: int = Field(default=1, ge=1)
    max_length: int = Field(default=32768, ge=16)
    warmup_ratio: Share = 0.03
    min_lr_ratio: Share = 0.1
    max_grad_norm: float = Field(default=0.2, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    seed: int = 17
    bf16: bool = False
    lora_rank: int = Field(default=16, ge=1)
    lora_alpha: int = Field(default=32, ge=1)
    lora_targets: list[str] | Literal["all-linear"] = "all-linear"
