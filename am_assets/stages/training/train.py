"""`train`: a checkpoint by the method of its recipe."""

import json
import os
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pyarrow as pa

from am_assets.core.chat_templates import TEMPLATE_DATE
from am_assets.core.settings.training import Recipe
from am_assets.core.weights import weights_digest
from am_assets.stages.training.job import Job, Progress, TrainingMetrics
from am_assets.stages.training.methods import METHODS

METRICS_FILE = "metrics.json"


def train(
    sft: pa.Table,
    recipe: Recipe,
    base: Path,
    out: Path,
    *,
    template_date: date = TEMPLATE_DATE,
    threads: int | None = None,
    progress: Progress | None = None,
) -> TrainingMetrics:
    """Train the model in folder `base` on the kept rows of `sft` (schema SFT) into folder `out`.

    `out` gets weights, config, tokenizer and metrics.json; a LoRA training is merged, and its
    adapter is kept in `adapter/`. The recipe `base` copies the base model. Where the chat template
    prints today's date, it is `template_date`. Raises ValueError when there is nothing to train on.
    """
    out.mkdir(parents=True, exist_ok=True)
    workers = threads or len(os.sched_getaffinity(0))
    metrics = METHODS[recipe.kind](Job(sft, recipe, base, out, template_date, workers, progress))
    text = json.dumps(asdict(metrics), indent=1, sort_keys=True)
    (out / METRICS_FILE).write_text(text + "\n", encoding="utf-8")
    return metrics


def checkpoint_root(folder: Path) -> str:
    """Root of a checkpoint: over its tensors, tokenizer and config, not its metrics or adapter."""
    return weights_digest(folder)
