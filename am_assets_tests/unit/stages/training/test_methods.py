"""Each kind of recipe has its method."""

import runpy
from pathlib import Path
from typing import Literal, get_args

import pytest

from am_assets.core.schema import SFT
from am_assets.core.settings import training
from am_assets.core.settings.training import Recipe, RecipeKind
from am_assets.stages.training import methods
from am_assets.stages.training.methods import METHODS
from am_assets.stages.training.train import METRICS_FILE, train


def test_every_kind_of_recipe_is_in_the_table():
    assert tuple(METHODS) == get_args(RecipeKind)


def test_a_kind_that_is_forgotten_ends_the_import(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training, "RecipeKind", Literal["base", "full", "lora", "preference"])
    with pytest.raises(AssertionError, match="preference"):
        runpy.run_path(str(methods.__file__))


def test_the_recipe_base_is_the_base_model_with_metrics(tmp_path: Path):
    base, out = tmp_path / "base", tmp_path / "out"
    base.mkdir()
    (base / "model.safetensors").write_bytes(b"weights")
    metrics = train(SFT.table([]), Recipe(kind="base"), base, out)
    assert (metrics.examples, metrics.steps, metrics.device) == (0, 0, "none")
    assert sorted(path.name for path in out.iterdir()) == [METRICS_FILE, "model.safetensors"]


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_without_a_kept_row_there_is_nothing_to_train_on(kind: RecipeKind, tmp_path: Path):
    with pytest.raises(ValueError, match="no kept row"):
        train(SFT.table([]), Recipe(kind=kind), tmp_path, tmp_path / "out")
