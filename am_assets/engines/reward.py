"""Rating of conversations by a reward model: a sequence classifier with one output a dimension."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from am_assets.core.chat_templates import TEMPLATE_DATE, folder_uses_clock
from am_assets.core.code.libraries import versions
from am_assets.core.requests import Message, ModelIdentity
from am_assets.engines.chat_tokenizer import ChatTokenizer
from am_assets.engines.models import model_digest

LOW, HIGH = 0.0, 4.0
OPTIONS = ("dimensions",)
"""Options of a reward model in a profile."""


class RewardModel:
    """A regression head over a chat; implements `core.requests.RewardEngine`.

    Each conversation is one forward pass of its own: the floats of a batched pass depend on who
    shares the batch, and a rating must not. Runs on a GPU when there is one.
    The option `dimensions` names the outputs where the model's own id2label does not. Raises
    ValueError for options that cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        dtype: str = "float32",
        max_tokens: int | None = None,
        options: Mapping[str, Any] | None = None,
        template_date: date = TEMPLATE_DATE,
    ) -> None:
        # Importing these takes seconds.
        import torch
        from transformers import AutoModelForSequenceClassification

        dimensions = known_options(options or {}).get("dimensions")
        self._tokenizer = ChatTokenizer(folder, template_date)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = AutoModelForSequenceClassification.from_pretrained(
            str(folder), dtype=getattr(torch, dtype)
        )
        self._model.to(self._device).eval()
        labels = self._model.config.id2label
        self._dimensions = tuple(dimensions or (str(labels[index]) for index in sorted(labels)))
        if len(self._dimensions) != len(labels):
            raise ValueError(
                f"the reward model in {folder} rates {len(labels)} dimensions, but the profile "
                f"names {len(self._dimensions)}: correct models.reward.options.dimensions"
            )
        positions = getattr(self._model.config, "max_position_embeddings", 4096)
        self._max_tokens = min(max_tokens or positions, positions)
        self._identity = ModelIdentity(
            name,
            model_digest(folder),
            "transformers",
            versions("transformers", "tokenizers", "torch"),
            _computed(dtype, folder, template_date),
        )

    @property
    def model(self) -> ModelIdentity:
        return self._identity

    @property
    def dimensions(self) -> tuple[str, ...]:
        return self._dimensions

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    def rate(self, conversations: Sequence[Sequence[Message]]) -> np.ndarray:
        """Ratings clipped to 0..4, float32, shape (len(conversations), len(dimensions)).

        Of a conversation longer than the model's context, the last tokens are rated.
        """
        import torch

        ratings = np.empty((len(conversations), len(self._dimensions)), dtype=np.float32)
        for row, conversation in enumerate(conversations):
            text = self._tokenizer.render(conversation, to_continue=False)
            ids = self._tokenizer.token_ids(text)[-self._max_tokens :]
            with torch.inference_mode():
                logits = self._model(input_ids=torch.tensor([ids], device=self._device)).logits
            ratings[row] = logits[0].float().cpu().numpy()
        return np.clip(ratings, LOW, HIGH)

    def close(self) -> None:
        """Free the weights."""
        self._model.to("meta")


def _computed(dtype: str, folder: Path, template_date: date) -> str:
    """How ratings are computed: their precision, and the day it is where the template asks."""
    return f"{dtype} on {template_date}" if folder_uses_clock(folder) else dtype


def known_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """`options`, when a reward model has them all. Raises ValueError naming one that it has not."""
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise ValueError(
            f"models.reward.options has no {unknown[0]}, only {', '.join(OPTIONS)}: correct or "
            "remove it"
        )
    return options
