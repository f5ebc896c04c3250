"""No training: the base model itself, to be scored like the others."""

import shutil

from am_assets.stages.training.job import Job, TrainingMetrics


def untrained(job: Job) -> TrainingMetrics:
    """Copy the base model."""
    shutil.copytree(job.base, job.out, dirs_exist_ok=True)
    return TrainingMetrics(examples=0, steps=0, loss=[], threads=0, device="none")
