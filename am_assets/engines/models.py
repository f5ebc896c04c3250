"""Where a profile's model weights lie on this machine, and their digest."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from am_assets.core.identity import digest
from am_assets.core.settings.models import Model
from am_assets.core.weights import file_digest, model_files, weights_digest

PACKAGED = "mini:"
_PICKLED_AND_FOREIGN = ("*.msgpack", "*.h5", "*.ot", "*.onnx", "*.gguf", "original/*", "onnx/*")

WITHOUT_EFFECT = frozenset(
    {
        "cpu_offload_gb",
        "data_parallel_size",
        "disable_log_stats",
        "distributed_executor_backend",
        "gpu_memory_utilization",
        "in_flight",
        "kv_cache_gib",
        "kv_cache_memory_bytes",
        "max_num_batched_tokens",
        "max_num_seqs",
        "pipeline_parallel_size",
        "threads",
    }
)
"""Options of vLLM that leave a seeded request's answer as it is: where, how fast, how many."""
WITH_EFFECT = frozenset({"batch_invariant", "enforce_eager", "tensor_parallel_size"})
"""Options that only seem to be of that sort: kernels and the order of sums change with them."""
FIELDS_OF_THEIR_OWN = {
    "model": "path",
    "tokenizer": "path",
    "revision": "revision",
    "code_revision": "revision",
    "tokenizer_revision": "revision",
    "dtype": "dtype",
    "max_model_len": "max_model_len",
}
"""Arguments of vLLM that a field of the profile sets; as options they would go past the digest."""
_DEFAULTS: Mapping[str, Any] = {
    "batch_invariant": False,
    "enforce_eager": False,
    "tensor_parallel_size": 1,
}


class ModelMissing(RuntimeError):
    """Weights that cannot be found; the message names the model, where it was sought, a remedy."""


def locate_model(model: Model, role: str) -> Path:
    """Folder with the weights of `model`, fetched from the hub if it is a hub id.

    `path` is a local folder, `mini:<name>` (shipped with the package) or a hub id, fetched at
    `revision` into the Hugging Face cache. Raises ModelMissing.
    """
    if model.path.startswith(PACKAGED):
        name = model.path.removeprefix(PACKAGED)
        folder = Path(str(resources.files("am_assets.mini") / "models" / name))
        if not (folder / "config.json").is_file():
            raise ModelMissing(
                f"{role} model {model.path} is not in {folder}: the package ships without it, "
                "train it with `python -m am_assets.mini.train`"
            )
        return folder
    local = Path(model.path).expanduser()
    if local.is_dir():
        if not (local / "config.json").is_file():
            raise ModelMissing(
                f"{role} model folder {local} has no config.json: name the folder that a model "
                "was saved into"
            )
        return local
    if local.is_absolute() or model.path.startswith((".", "~")):
        raise ModelMissing(
            f"{role} model folder {local} does not exist: correct models.{role}.path in the profile"
        )
    return _from_hub(model, role)


def precision(dtype: str, options: Mapping[str, Any]) -> str:
    """How vLLM computes with the weights: `dtype`, and a digest of options that change answers.

    Every option counts (quantization, kv_cache_dtype, hf_overrides, …) but those that only say
    where and how fast. One that names a file or folder counts by what is in it. Raises ValueError
    for an option that is a field of its own.
    """
    for name, field in FIELDS_OF_THEIR_OWN.items():
        if name in options:
            raise ValueError(
                f"the vLLM option {name} of a model is set by its field {field}: remove it from "
                f"the model's options and set {field}"
            )
    counting = {
        name: _by_content(value)
        for name, value in options.items()
        if name not in WITHOUT_EFFECT and not (name in _DEFAULTS and _DEFAULTS[name] == value)
    }
    return f"{dtype}+{digest('options', counting)[:12]}" if counting else dtype


def _by_content(value: Any) -> Any:
    """An option's value with what its paths lead to in place of the paths."""
    if isinstance(value, Mapping):
        return {name: _by_content(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_by_content(item) for item in value]
    if not (isinstance(value, str) and value.startswith(("/", ".", "~"))):
        return value
    path = Path(value).expanduser()
    if path.is_file():
        return file_digest(path)
    if path.is_dir():
        return [[str(file.relative_to(path)), file_digest(file)] for file in model_files(path)]
    return value


def model_digest(folder: Path) -> str:
    """Digest over tensors, tokenizer, code and config of a folder; see `weights_digest`.

    Remembered within the process for as long as no file of the folder changes.
    """
    stamps = tuple(
        (str(path), status.st_size, status.st_mtime_ns)
        for path in model_files(folder)
        for status in [path.stat()]
    )
    return _digest(folder.resolve(), stamps)


@lru_cache(maxsize=64)
def _digest(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> str:
    del stamps  # only part of the cache key
    return weights_digest(folder)


def _from_hub(model: Model, role: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            model.path, revision=model.revision, ignore_patterns=list(_PICKLED_AND_FOREIGN)
        )
    except Exception as error:  # the hub client raises from five libraries
        raise ModelMissing(
            f"{role} model {model.path} is neither a local folder nor could it be fetched from "
            f"the model hub ({error.__class__.__name__}): go online, fetch it into the Hugging "
            f"Face cache beforehand, or set models.{role}.path to a local folder"
        ) from error
    return Path(folder)
