"""What a training is given, and what it says it did."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from am_assets.core.settings.training import Recipe

Progress = Callable[[int, int, float | None], None]
"""Called with optimizer steps done, steps in all, and the last loss."""


@dataclass(frozen=True)
class TrainingMetrics:
    """What a training did. `loss` has one mean loss an optimizer step; `threads` is CPU threads."""

    examples: int
    steps: int
    loss: list[float]
    threads: int
    device: str


@dataclass(frozen=True)
class Job:
    """One training: rows of schema SFT, how, from the model in `base`, into the folder `out`."""

    sft: pa.Table
    recipe: Recipe
    base: Path
    out: Path
    template_date: date
    threads: int
    progress: Progress | None


Method = Callable[[Job], TrainingMetrics]
"""Leaves weights, config and tokenizer in `Job.out`. Raises ValueError when there is nothing to
train on."""
