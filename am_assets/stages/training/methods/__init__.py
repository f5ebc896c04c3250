"""The methods of recipes, one file a method, and the table of them; `full` is all of `sft`."""

from collections.abc import Mapping
from typing import assert_never, get_args

from am_assets.core.settings.training import RecipeKind
from am_assets.stages.training.job import Method
from am_assets.stages.training.methods.base import untrained
from am_assets.stages.training.methods.lora import lora
from am_assets.stages.training.sft import fine_tuned


def _method(kind: RecipeKind) -> Method:
    match kind:
        case "base":
            return untrained
        case "full":
            return fine_tuned
        case "lora":
            return lora
    # A kind that is forgotten here is an error of types, and ends this module's import.
    assert_never(kind)


METHODS: Mapping[RecipeKind, Method] = {kind: _method(kind) for kind in get_args(RecipeKind)}
"""Every kind of recipe."""
