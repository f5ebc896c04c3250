"""Labels and the teacher's responses."""

from typing import Literal

from pydantic import Field

from am_assets.core.requests import Sampling
from am_assets.core.settings.section import Section, Share

Difficulty = Literal["very easy", "easy", "medium", "hard", "very hard"]


class Labels(Section):
    """Labels by an instruct model and down-sampling (AM 2.1.2, 2.1.3, 2.2.4)."""

    template: str
    categories: list[str]
    max_tokens: int = Field(default=64, ge=1)
    keep: dict[Difficulty, Share] = Field(default_factory=dict)
    """Share kept of each difficulty; absent ones are kept whole."""


class Responses(Section):
    """Distillation (AM 2.2, DD 2.3)."""

    samples: int = Field(default=4, ge=1)
    sampling: Sampling = Sampling(max_tokens=32768)
