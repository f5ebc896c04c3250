"""checkpoint: the base model trained on the SFT dataset by one recipe (AM 3.2)."""

import json
from pathlib import Path

from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.stage import RECIPE_WEEK, Built, Key
from am_assets.defs.artifact import Pictures, artifact
from am_assets.defs.assets.sft_dataset import sft_dataset
from am_assets.stages import plots
from am_assets.stages.training.train import METRICS_FILE, checkpoint_root, train

UNTRAINED = "no-base-model"
"""Root of the partition of a profile that has no model to train."""


def _config(profile: Profile, key: Key) -> dict[str, object]:
    return {"recipe": profile.recipes[key["recipe"]].model_dump(mode="json")}


def _loss_curve(folder: Path) -> dict[str, bytes]:
    path = folder / METRICS_FILE
    losses = json.loads(path.read_text())["loss"] if path.is_file() else []
    return {"training loss": plots.curve(losses, "training loss")} if losses else {}


@artifact(
    RECIPE_WEEK,
    reads=(sft_dataset.same(),),
    config=_config,
    models=("base:training",),
    pictures=Pictures(of_files=_loss_curve),
    group_name="training",
    kinds={"dvc", "huggingface", "pytorch"},
    pool="training",
)
def checkpoint(run: Run, sft_dataset: Inputs) -> Built:
    """Full or LoRA fine-tuning with TRL's SFTTrainer, loss on the response only. The recipe `base`
    is the base model itself, scored like the others.
    """
    base, model = run.engines.folder("base"), run.profile.models.base
    if base is None or model is None:
        run.log("The profile has no base model (models.base): training is off")
        return Built([], root=UNTRAINED, counts={"trained": False})
    recipe = run.profile.recipes[run.key["recipe"]]

    def progress(step: int, steps: int, loss: float | None) -> None:
        if loss is not None and (step == steps or step % max(1, steps // 10) == 0):
            run.log(f"training {run.key['recipe']}: step {step} of {steps}, loss {loss:.3f}")

    metrics = train(
        sft_dataset.read(),
        recipe,
        base,
        run.folder,
        template_date=model.template_date,
        progress=progress,
    )
    return Built(
        [],
        root=checkpoint_root(run.folder),
        counts={
            "trained": True,
            "examples": metrics.examples,
            "steps": metrics.steps,
            "first_loss": round(metrics.loss[0], 4) if metrics.loss else None,
            "last_loss": round(metrics.loss[-1], 4) if metrics.loss else None,
            "threads": metrics.threads,
            "device": metrics.device,
        },
    )
