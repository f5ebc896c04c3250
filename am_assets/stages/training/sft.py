"""Supervised fine-tuning of the base model on the selected responses (AM 3.2), with TRL.

On one CPU type with one thread count, two trainings on the same rows give bit-equal weights.
Loss is on the response alone; the prompt is led by the protocol's system prompt.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from am_assets.core.chat_templates import TEMPLATE_DATE, pinned
from am_assets.core.identity import digest
from am_assets.core.schema import kept
from am_assets.core.settings.training import Recipe
from am_assets.core.weights import weights_digest
from am_assets.stages.generation import with_system_prompt

METRICS_FILE = "metrics.json"
ADAPTER_FOLDER = "adapter"
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
    if recipe.kind == "base":
        shutil.copytree(base, out, dirs_exist_ok=True)
        metrics = TrainingMetrics(examples=0, steps=0, loss=[], threads=0, device="none")
    else:
        examples = _examples(sft, recipe.seed)
        if not examples:
            raise ValueError("the SFT dataset has no kept row: there is nothing to train on")
        with _deterministic(threads or len(os.sched_getaffinity(0))) as fixed:
            metrics = _fit(examples, recipe, base, out, fixed, progress, template_date)
    text = json.dumps(asdict(metrics), indent=1, sort_keys=True)
    (out / METRICS_FILE).write_text(text + "\n", encoding="utf-8")
    return metrics


def checkpoint_root(folder: Path) -> str:
    """Root of a checkpoint: over its tensors, tokenizer and config, not its metrics or adapter."""
    return weights_digest(folder)


def _examples(sft: pa.Table, seed: int) -> list[dict[str, Any]]:
    """Prompt/completion conversations in an order that follows from ids and seed alone."""
    rows = kept(sft, ["sample_id", "messages", "response"]).to_pylist()
    rows.sort(key=lambda row: digest("sft", seed, row["sample_id"]))
    return [
        {
            "prompt": with_system_prompt(row["messages"]),
            "completion": [{"role": "assistant", "content": row["response"]}],
        }
        for row in rows
    ]


@contextmanager
def _deterministic(threads: int) -> Iterator[int]:
    import torch

    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    # cuBLAS needs a fixed workspace to be deterministic; read when its first handle is made.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        yield threads
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


def _fit(
    examples: list[dict[str, Any]],
    recipe: Recipe,
    base: Path,
    out: Path,
    threads: int,
    progress: Progress | None,
    template_date: date,
) -> TrainingMetrics:
    import torch
    from datasets import Dataset, disable_progress_bars
    from peft import LoraConfig, PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.trainer_callback import PrinterCallback
    from transformers.utils import logging as transformers_logging
    from trl.trainer.sft_trainer import SFTTrainer

    # Progress is the caller's business; these bars would fill a run's log.
    disable_progress_bars()
    transformers_logging.disable_progress_bar()
    tokenizer: Any = AutoTokenizer.from_pretrained(str(base))
    template = tokenizer.chat_template
    if template:
        tokenizer.chat_template = pinned(tokenizer.get_chat_template(), template_date)
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
    lora = None
    if recipe.kind == "lora":
        lora = LoraConfig(
            r=recipe.lora_rank,
            lora_alpha=recipe.lora_alpha,
            target_modules=recipe.lora_targets,
            task_type="CAUSAL_LM",
        )
    with TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=model,
            args=_arguments(recipe, scratch),
            train_dataset=Dataset.from_list(examples),
            processing_class=tokenizer,
            peft_config=lora,
            callbacks=[_reporter(progress)] if progress is not None else None,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    trained: Any = trainer.model
    if isinstance(trained, PeftModel):
        trained.save_pretrained(str(out / ADAPTER_FOLDER))
        trained = trained.merge_and_unload()
    # Trainer switches the cache off in the config it trains with; a served model wants it.
    trained.config.use_cache = True
    trained.save_pretrained(str(out))
    tokenizer.chat_template = template
    tokenizer.save_pretrained(str(out))
    losses = [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    return TrainingMetrics(
        examples=len(examples),
        steps=trainer.state.global_step,
        loss=losses,
        threads=threads,
        device="cuda" if torch.cuda.is_available() else "cpu",
    )


def _arguments(recipe: Recipe, scratch: str) -> Any:
    import torch
    from trl.trainer.sft_config import SFTConfig

    return SFTConfig(
        output_dir=scratch,
        learning_rate=recipe.learning_rate,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        max_length=recipe.max_length,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": recipe.min_lr_ratio},
        warmup_steps=recipe.warmup_ratio,
        max_grad_norm=recipe.max_grad_norm,
        weight_decay=recipe.weight_decay,
        seed=recipe.seed,
        data_seed=recipe.seed,
        bf16=recipe.bf16,
        use_cpu=not torch.cuda.is_available(),
        completion_only_loss=True,
        gradient_checkpointing=torch.cuda.is_available(),
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def _reporter(progress: Progress) -> Any:
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **logged: Any) -> None:
            loss = (logged.get("logs") or {}).get("loss")
            if loss is not None:
                progress(state.global_step, state.max_steps, float(loss))

    return Reporter()
