"""Supervised fine-tuning of the base model on the selected responses (AM 3.2), with TRL.

On one CPU type with one thread count, two trainings on the same rows give bit-equal weights.
Loss is on the response alone; the prompt is led by the protocol's system prompt.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from am_assets.core.chat_templates import pinned
from am_assets.core.identity import digest
from am_assets.core.schema import kept
from am_assets.core.settings.training import Recipe
from am_assets.stages.generation import with_system_prompt
from am_assets.stages.training.job import Job, Progress, TrainingMetrics

ADAPTER_FOLDER = "adapter"


def fine_tuned(job: Job, adapter: Any = None) -> TrainingMetrics:
    """Fine-tune on the kept rows; with `adapter`, a peft config, that alone, merged in the end.

    Raises ValueError when there is no row.
    """
    examples = _examples(job.sft, job.recipe.seed)
    if not examples:
        raise ValueError("the SFT dataset has no kept row: there is nothing to train on")
    with _deterministic(job.threads):
        return _fit(examples, job, adapter)


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
def _deterministic(threads: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    # cuBLAS needs a fixed workspace to be deterministic; read when its first handle is made.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


def _fit(examples: list[dict[str, Any]], job: Job, adapter: Any) -> TrainingMetrics:
    import torch
    from datasets import Dataset, disable_progress_bars
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.trainer_callback import PrinterCallback
    from transformers.utils import logging as transformers_logging
    from trl.trainer.sft_trainer import SFTTrainer

    # Progress is the caller's business; these bars would fill a run's log.
    disable_progress_bars()
    transformers_logging.disable_progress_bar()
    tokenizer: Any = AutoTokenizer.from_pretrained(str(job.base))
    template = tokenizer.chat_template
    if template:
        tokenizer.chat_template = pinned(tokenizer.get_chat_template(), job.template_date)
    model = AutoModelForCausalLM.from_pretrained(str(job.base), dtype=torch.float32)
    with TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=model,
            args=_arguments(job.recipe, scratch),
            train_dataset=Dataset.from_list(examples),
            processing_class=tokenizer,
            peft_config=adapter,
            callbacks=[_reporter(job.progress)] if job.progress is not None else None,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    trained: Any = trainer.model
    if isinstance(trained, PeftModel):
        trained.save_pretrained(str(job.out / ADAPTER_FOLDER))
        trained = trained.merge_and_unload()
    # Trainer switches the cache off in the config it trains with; a served model wants it.
    trained.config.use_cache = True
    trained.save_pretrained(str(job.out))
    tokenizer.chat_template = template
    tokenizer.save_pretrained(str(job.out))
    losses = [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    return TrainingMetrics(
        examples=len(examples),
        steps=trainer.state.global_step,
        loss=losses,
        threads=job.threads,
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
