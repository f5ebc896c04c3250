"""Rating of conversations by a reward model: a sequence classifier with one output a dimension."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from am_assets.core.requests import Message, ModelIdentity
from am_assets.engines.models import model_digest

LOW, HIGH = 0.0, 4.0


class RewardModel:
    """A regression head over a chat; implements `core.requests.RewardEngine`.

    Each conversation is one forward pass of its own: the floats of a batched pass depend on who
    shares the batch, and a rating must not. Runs on a GPU when there is one.
    `dimensions` names the outputs where the model's own id2label does not.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        dtype: str = "float32",
        max_tokens: int | None = None,
        dimensions: Sequence[str] | None = None,
    ) -> None:
        import transformers

        self._tokenizer = AutoTokenizer.from_pretrained(str(folder))
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
            name, model_digest(folder), "transformers", transformers.__version__, dtype
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
        ratings = np.empty((len(conversations), len(self._dimensions)), dtype=np.float32)
        for row, conversation in enumerate(conversations):
            turns = [dict(message) for message in conversation]
            text = self._tokenizer.apply_chat_template(turns, tokenize=False)
            ids = self._tokenizer(text, add_special_tokens=False)["input_ids"][-self._max_tokens :]
            with torch.inference_mode():
                logits = self._model(input_ids=torch.tensor([ids], device=self._device)).logits
            ratings[row] = logits[0].float().cpu().numpy()
        return np.clip(ratings, LOW, HIGH)

    def close(self) -> None:
        """Free the weights."""
        self._model.to("meta")
