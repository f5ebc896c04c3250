"""The models of a profile."""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from am_assets.core.chat_templates import TEMPLATE_DATE
from am_assets.core.settings.calibration import Calibration
from am_assets.core.settings.section import Section


class Model(Section):
    """Where a model's weights are and how its engine runs.

    Which of it is identity, and of what, docs/engines.md lists field by field.
    """

    path: str
    """Folder, hub id, or `mini:<name>` for a model shipped with the package."""
    revision: str | None = None
    dtype: str = "float32"
    max_model_len: int | None = None
    engine: Literal["vllm", "openai", "sentence-transformers", "transformers"]
    options: dict[str, Any] = Field(default_factory=dict)
    """Passed to the engine as they are (tensor_parallel_size, base_url, …)."""
    template_date: date = TEMPLATE_DATE
    """The day it is for a chat template that prints today's date."""


class EmbeddingModel(Model):
    """An embedding model, with the thresholds that belong to it."""

    calibration: Calibration | None = None
    """Null for the packaged MiniLM is the one in the profile `files`."""


class Models(Section):
    """The models of a profile; all but the embedding model are optional."""

    embedding: EmbeddingModel
    teacher: Model | None = None
    instruct: Model | None = None
    reward: Model | None = None
    base: Model | None = None
    reference: Model | None = None
    """Causal model for the perplexity rule."""
