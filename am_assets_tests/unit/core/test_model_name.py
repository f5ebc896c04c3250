"""A model is called by its weights, not by where they lie or what runs them."""

from pathlib import Path
from typing import Any

import pytest

from am_assets.core.model_name import model_name
from am_assets.core.settings.models import Model


def _model(path: str, **settings: Any) -> Model:
    return Model.model_validate({"path": path, "engine": "vllm", **settings})


def test_a_folder_is_called_by_its_own_name_wherever_it_lies(tmp_path: Path) -> None:
    for parent in ("one", "two"):
        (tmp_path / parent / "teacher-7b").mkdir(parents=True)
        assert model_name(_model(str(tmp_path / parent / "teacher-7b"))) == "teacher-7b"
    assert model_name(_model("/not/here/teacher-7b")) == "teacher-7b"


@pytest.mark.parametrize("name", ["org/teacher-7b", "mini:teacher"])
def test_names_that_are_no_folders_stay(name: str) -> None:
    assert model_name(_model(name, revision="r" * 40)) == name


def test_an_endpoint_is_called_by_the_weights_it_serves(tmp_path: Path) -> None:
    (tmp_path / "teacher-7b").mkdir()
    for weights in (str(tmp_path / "teacher-7b"), "org/teacher-7b"):
        served = _model("alias", engine="openai", options={"weights": weights})
        assert model_name(served) == model_name(_model(weights, revision="r" * 40))
