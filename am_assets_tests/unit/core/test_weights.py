import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from am_assets.core.settings.models import Model
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


MINI = {
    "base": "642e498196f573108191dd74ba772f2c0af242f17e9a89a077c3f0e14376c397",
    "instruct": "9f4290163be503bbc7b892d76faa47f71968e3c6f002cafc31f322bb23b31d0e",
    "reward": "8503e9c85566db81165e96bb35a33076ceb0d0ab1c16ed69f767024df8e9acaa",
    "teacher": "a1edc91016c86c703df6535ea79ad62865d47e70f57a74ae1123703c0062b5b2",
}


@pytest.mark.parametrize("name", MINI)
def test_the_shipped_models_keep_the_digests_they_always_had(name: str):
    assert weights_digest(locate_model(_declared(f"mini:{name}"), name)) == MINI[name]


@pytest.mark.parametrize(
    "file",
    [
        "modeling_special.py",
        "configuration_special.py",
        "code/deeper.py",
        "tekken.json",
        "hf_quant_config.json",
        "quantize_config.json",
        "adapter_config.json",
        "spiece.model",
        "tokenizer.model.v3",
        "vocab.txt",
        "chat_template.json",
        "additional_chat_templates/tool_use.jinja",
        "1_Pooling/config.json",
        "2_Normalize/config.json",
        "2_Dense/pytorch_model.bin",
        "generation_config.json",
        "a_kind_of_file_of_next_year.xyz",
    ],
)
def test_every_file_that_may_be_loaded_counts(tmp_path: Path, file: str):
    folder = _model(tmp_path / "model")
    path = folder / file
    before = weights_digest(folder), model_digest(folder)
    path.parent.mkdir(exist_ok=True)
    path.write_text("one")
    added = weights_digest(folder), model_digest(folder)
    path.write_text("another")
    changed = weights_digest(folder), model_digest(folder)
    assert len({before, added, changed}) == 3
    assert all(plain == remembered for plain, remembered in (before, added, changed))


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        "readme.txt",
        "LICENSE",
        "License.txt",
        "USE_POLICY.md",
        ".gitattributes",
        ".cache/huggingface/x.metadata",
        "plot.png",
        "training_args.bin",
        "optimizer.pt",
        "scheduler.pt",
        "rng_state_0.pth",
        "trainer_state.json",
        "events.out.tfevents.1",
        "runs/day/events.out.tfevents.2",
        "checkpoint-100/config.json",
        "metrics.json",
        "adapter/adapter_config.json",
        "original/params.json",
        "model.safetensors.index.json",
        "pytorch_model.bin.index.json",
        "pytorch_model.bin",
        "tf_model.h5",
        "onnx/model.onnx",
    ],
)
def test_what_nothing_loads_does_not_count(tmp_path: Path, file: str):
    folder = _model(tmp_path / "model")
    before = weights_digest(folder)
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text("beside")
    assert weights_digest(folder) == before


def test_tensors_of_a_module_in_a_folder_count_however_they_are_sharded(tmp_path: Path):
    def dense(name: str, shards: list[str], **changed: np.ndarray) -> Path:
        folder = _model(tmp_path / name)
        (folder / "2_Dense").mkdir()
        for index, names in enumerate(shards):
            shard = {key: (TENSORS | changed)[key] for key in names}
            save_file(shard, folder / "2_Dense" / f"model-{index}.safetensors")
        return folder

    whole, sharded = dense("whole", ["ab"]), dense("sharded", ["b", "a"])
    other = dense("other", ["ab"], a=TENSORS["a"] + 1)
    assert weights_digest(whole) == weights_digest(sharded)
    assert len({weights_digest(one) for one in (_model(tmp_path / "bare"), whole, other)}) == 3


def test_a_model_of_pickled_weights_alone_has_a_digest_of_their_bytes(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"one")
    before = weights_digest(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"two")
    assert weights_digest(tmp_path) != before
