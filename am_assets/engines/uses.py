"""What the results of a model follow from, by the use that is made of it.

A stage names the uses it makes of the profile's models, and its derivation holds what is given here
for each: a stage that only counts tokens does not depend on the precision of the weights.
docs/engines.md lists every field and option.
"""

from pathlib import Path

from am_assets.core.chat_templates import folder_uses_clock
from am_assets.core.identity import digest
from am_assets.core.settings.models import Model
from am_assets.engines.embedding import computed, device_of
from am_assets.engines.models import ModelMissing, locate_model, model_digest, precision
from am_assets.engines.openai.engine import precision_of, served_digest, server_of, weights_folder
from am_assets.engines.reward import known_options


def answers(model: Model, role: str) -> str:
    """What completions of a causal model follow from, but for the requests."""
    if model.engine == "openai":
        weights = served_digest(model, role)
    else:
        weights = model_digest(locate_model(model, role))
    return "/".join([weights, *_settings(model, role)])


def serving(model: Model, role: str) -> str:
    """The same without the weights: how a checkpoint of the model is served in its place."""
    server = [server_of(model, role)] if model.engine == "openai" else []
    return "/".join([*_settings(model, role), *server])


def tokens(model: Model, role: str) -> str:
    """What a causal model's count of tokens follows from."""
    folder = _folder(model, role)
    return "words" if folder is None else model_digest(folder)


def training(model: Model, role: str) -> str:
    """What a model trained from this one follows from, but for the recipe: weights and template.

    They are loaded in float32 whatever the model's `dtype` is for serving.
    """
    try:
        folder = _folder(model, role) or locate_model(model, role)
    except ModelMissing:
        if model.engine != "openai":
            raise
        # An endpoint's model that is nowhere to be trained from; training says so.
        return served_digest(model, role)
    return "/".join([model_digest(folder), *_date(model, folder)])


def vectors(model: Model, folder: Path) -> str:
    """What the vectors of an embedding model in `folder` follow from, but for `embedding`."""
    return f"{model_digest(folder)}/{computed(model.dtype, device_of(model))}"


def ratings(model: Model, role: str) -> str:
    """What a reward model's ratings follow from."""
    folder = locate_model(model, role)
    dimensions = known_options(model.options).get("dimensions")
    named = [digest("dimensions", dimensions)[:12]] if dimensions else []
    return "/".join(
        [model_digest(folder), model.dtype, *_context(model), *_date(model, folder), *named]
    )


def perplexities(model: Model, role: str) -> str:
    """What perplexities under a reference model follow from."""
    return "/".join([model_digest(locate_model(model, role)), model.dtype, *_context(model)])


def _settings(model: Model, role: str) -> list[str]:
    served = model.engine == "openai"
    how = precision_of(model, role) if served else precision(model.dtype, model.options)
    folder = _folder(model, role)
    date = _date(model, folder) if folder else []
    return [how, *_context(model), *date]


def _folder(model: Model, role: str) -> Path | None:
    """Folder with the model's files, None for an endpoint whose weights are not named."""
    if model.engine == "openai":
        return weights_folder(model, role)
    return locate_model(model, role)


def _context(model: Model) -> list[str]:
    return [] if model.max_model_len is None else [f"context {model.max_model_len}"]


def _date(model: Model, folder: Path) -> list[str]:
    return [f"on {model.template_date}"] if folder_uses_clock(folder) else []
