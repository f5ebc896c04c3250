import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from am_assets.core.config import Model
from am_assets.core.weights import weights_digest
from am_assets.engines.models import ModelMissing, locate_model, model_digest

TENSORS = {name: np.full((3, 2), index, np.float32) for index, name in enumerate("abc")}


def _model(folder: Path, shards: list[str] | None = None, **config: object) -> Path:
    folder.mkdir(exist_ok=True)
    for index, names in enumerate(shards or ["abc"]):
        shard = {name: TENSORS[name] for name in names}
        save_file(shard, folder / f"model-{index}.safetensors")
    (folder / "config.json").write_text(json.dumps({"hidden_size": 2, **config}))
    (folder / "tokenizer.json").write_text('{"vocab": {"a": 0}}')
    return folder


def test_sharding_and_files_beside_the_model_do_not_matter(tmp_path: Path):
    whole = _model(tmp_path / "whole")
    sharded = _model(tmp_path / "sharded", ["ca", "b"], transformers_version="5", _name_or_path="x")
    (sharded / "README.md").write_text("about")
    (sharded / "training_args.bin").write_bytes(b"args")
    assert weights_digest(whole) == weights_digest(sharded)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "chat_template.jinja"])
def test_tokenizer_config_and_chat_template_are_part_of_the_digest(tmp_path: Path, file: str):
    folder = _model(tmp_path / "model")
    before = weights_digest(folder)
    (folder / file).write_text('{"other": 1}')
    assert weights_digest(folder) != before


def test_one_changed_value_or_name_changes_the_digest(tmp_path: Path):
    before = weights_digest(_model(tmp_path / "model"))
    changed = TENSORS | {"a": TENSORS["a"] + 1e-6}
    save_file(changed, tmp_path / "model" / "model-0.safetensors")
    assert weights_digest(tmp_path / "model") != before
    renamed = {name.upper(): tensor for name, tensor in TENSORS.items()}
    save_file(renamed, tmp_path / "model" / "model-0.safetensors")
    assert weights_digest(tmp_path / "model") != before


def test_a_remembered_digest_follows_the_files(tmp_path: Path):
    folder = _model(tmp_path / "model")
    before = model_digest(folder)
    assert model_digest(folder) == before == weights_digest(folder)
    (folder / "tokenizer.json").write_text('{"vocab": {"a": 0, "b": 1}}')
    assert model_digest(folder) == weights_digest(folder) != before


def test_a_cut_off_file_is_named(tmp_path: Path):
    path = _model(tmp_path / "model") / "model-0.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"model-0\.safetensors is not a complete"):
        weights_digest(path.parent)
    path.write_bytes(b"abc")
    with pytest.raises(ValueError, match=r"model-0\.safetensors is not a complete"):
        weights_digest(path.parent)


def test_a_folder_without_weights_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match="no weights"):
        weights_digest(tmp_path)


def _declared(path: str) -> Model:
    return Model(path=path, engine="vllm")


def test_a_local_folder_is_used_as_it_is(tmp_path: Path):
    folder = _model(tmp_path / "model")
    assert locate_model(_declared(str(folder)), "teacher") == folder


@pytest.mark.parametrize("path", ["mini:no_such_model", "/no/such/folder", "./no_such_folder"])
def test_missing_weights_are_said_in_one_sentence(path: str):
    with pytest.raises(ModelMissing, match="teacher model") as caught:
        locate_model(_declared(path), "teacher")
    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_no_model_is_named(tmp_path: Path):
    with pytest.raises(ModelMissing, match=r"has no config\.json"):
        locate_model(_declared(str(tmp_path)), "base")


def test_a_hub_model_without_the_hub_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelMissing, match=r"models\.reward\.path") as caught:
        locate_model(_declared("no-such-owner/no-such-model"), "reward")
    assert "no-such-owner/no-such-model" in str(caught.value)
