"""Engines by the name a profile gives them."""

from am_assets.core.config import Model
from am_assets.engines.models import locate_model
from am_assets.engines.openai_engine import OpenAIEngine
from am_assets.engines.vllm_engine import Progress, VllmEngine


def open_generation(
    model: Model, role: str, progress: Progress | None = None
) -> VllmEngine | OpenAIEngine:
    """The generation engine of `model`; close() it when done.

    `role` (teacher, instruct, …) names it in errors. Raises ModelMissing without its weights, and
    ValueError for an engine that does not generate.
    """
    if model.engine == "vllm":
        return VllmEngine(
            locate_model(model, role),
            model.path,
            dtype=model.dtype,
            max_model_len=model.max_model_len,
            options=model.options,
            progress=progress,
        )
    if model.engine == "openai":
        return OpenAIEngine(model.path, model.path, model.options)
    raise ValueError(
        f"models.{role}.engine is {model.engine}, which generates no text: use vllm or openai"
    )
