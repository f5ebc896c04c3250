"""Fine-tuning of an adapter of low rank."""

from am_assets.stages.training.job import Job, TrainingMetrics
from am_assets.stages.training.sft import fine_tuned


def lora(job: Job) -> TrainingMetrics:
    """Fine-tune an adapter and merge it into the base model."""
    from peft import LoraConfig

    adapter = LoraConfig(
        r=job.recipe.lora_rank,
        lora_alpha=job.recipe.lora_alpha,
        target_modules=job.recipe.lora_targets,
        task_type="CAUSAL_LM",
    )
    return fine_tuned(job, adapter)
