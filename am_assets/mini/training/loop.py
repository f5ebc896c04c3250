"""The optimisation loop: bf16 autocast on the CPU, Muon for matrices, AdamW for the rest."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm
from transformers import Qwen2ForCausalLM, Qwen2ForSequenceClassification

from am_assets.mini.training.batches import CausalBatch, RatedBatch

Batch = TypeVar("Batch")
Model = TypeVar("Model", bound=nn.Module)

WARM_UP = 0.03
"""Share of the steps over which the learning rate rises; afterwards it falls linearly to 0."""


def causal_loss(model: Qwen2ForCausalLM, batch: CausalBatch) -> Tensor:
    """Mean cross-entropy over the learnt tokens; logits are computed at those positions only."""
    hidden = model.model(input_ids=batch.inputs, use_cache=False).last_hidden_state
    logits = model.lm_head(hidden.flatten(0, 1)[batch.at])
    return F.cross_entropy(logits.float(), batch.targets)


def rating_loss(model: Qwen2ForSequenceClassification, batch: RatedBatch) -> Tensor:
    """Mean squared error of the ratings, read at each row's last real token."""
    hidden = model.model(input_ids=batch.inputs, use_cache=False).last_hidden_state
    last = hidden[torch.arange(len(batch.last)), batch.last]
    return F.mse_loss(model.score(last).float(), batch.ratings)


def _optimizers(model: nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers; AdamW for embeddings, heads, norms and biases."""
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, parameter in model.named_parameters():
        inner = parameter.ndim == 2 and ".layers." in name
        (matrices if inner else others).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]


def rate_factor(step: int, steps: int) -> float:
    """Share of the peak learning rate at a step: linear warm-up, then linear decay."""
    warm_up = max(1, round(WARM_UP * steps))
    return min((step + 1) / warm_up, (steps - step) / max(1, steps - warm_up))


def train(
    model: Model,
    batches: Iterator[Batch],
    loss_of: Callable[[Model, Batch], Tensor],
    *,
    steps: int,
    rate: float,
    title: str,
) -> None:
    """Train `model` in place for `steps` batches, with a progress bar of loss and time left."""
    optimizers = _optimizers(model, rate)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(each, lambda step: rate_factor(step, steps))
        for each in optimizers
    ]
    model.train()
    shown = 0.0
    with tqdm(total=steps, desc=title, unit="step", mininterval=2.0) as bar:
        for step in range(steps):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = loss_of(model, next(batches))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            for schedule in schedules:
                schedule.step()
            shown = loss.item() if step == 0 else 0.95 * shown + 0.05 * loss.item()
            bar.set_postfix(loss=f"{shown:.3f}", refresh=False)
            bar.update()
    model.eval()
