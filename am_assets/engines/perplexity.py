"""Perplexity of a prompt and its answer under a reference causal model (DD 2.5)."""

import math
from pathlib import Path
from typing import Any

from am_assets.core.requests import ModelIdentity
from am_assets.engines.models import model_digest


class Perplexity:
    """A causal model that scores text, one text a forward pass.

    A score therefore does not depend on its neighbors. Runs on a GPU when there is one.
    """

    def __init__(
        self, folder: Path, name: str, *, dtype: str = "float32", max_tokens: int | None = None
    ) -> None:
        # Importing these takes seconds.
        import torch
        import transformers

        self._tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=getattr(torch, dtype)
        )
        self._model.to(self._device).eval()
        positions = getattr(self._model.config, "max_position_embeddings", 4096)
        self._max_tokens = min(max_tokens or positions, positions)
        self._identity = ModelIdentity(
            name, model_digest(folder), "transformers", transformers.__version__, dtype
        )

    @property
    def model(self) -> ModelIdentity:
        return self._identity

    def score(self, prompt: str, answer: str) -> float:
        """exp of the mean negative log-likelihood of prompt and answer, joined by a new line.

        Text beyond the model's context is left out. A text of fewer than two tokens has
        perplexity 1: nothing in it was predicted.
        """
        import torch
        from torch.nn.functional import cross_entropy

        text = f"{prompt}\n{answer}"
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"][: self._max_tokens]
        if len(ids) < 2:
            return 1.0
        tokens = torch.tensor([ids], device=self._device)
        with torch.inference_mode():
            logits = self._model(input_ids=tokens).logits[0, :-1].float()
            loss = cross_entropy(logits, tokens[0, 1:])
        return math.exp(min(float(loss), 700.0))

    def close(self) -> None:
        """Free the weights."""
        self._model.to("meta")
