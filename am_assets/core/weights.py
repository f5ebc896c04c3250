"""Digest of a model folder: what its weights, tokenizer, code and config say, not how they lie.

Two folders with equal tensors have one digest, however the tensors are sharded and whoever saved
them. Every other file counts, since a new kind of file that changes what is loaded must not be
missed, but those that nothing loads: `README`, training state, metrics, weights for other
libraries.
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from am_assets.core.identity import canonical, merkle

if TYPE_CHECKING:
    from _hashlib import HASH

_CHUNK = 1 << 22
_NEVER_LOADED = re.compile(
    r"""
    \..* | __pycache__                                  # .git, .gitattributes, .cache
    | (readme|licen[cs]e|notice|use_policy|changelog|citation)\b.*
    | .*\.(md|png|jpe?g|gif|svg|webp|pdf|pyc|lock)
    | .*\.(h5|msgpack|ot|onnx|gguf|tflite|mlmodel|pb)   # weights for other libraries
    | original | onnx | openvino | coreml
    | .*\.(safetensors|bin)\.index\.json                # how tensors are sharded
    | training_args\.bin | trainer_state\.json | data_config\.json
    | (optimizer|scheduler|scaler)\.(pt|bin|safetensors) | rng_state.*\.pth
    | events\.out\.tfevents.* | runs | checkpoint-\d+
    | metrics\.json | (all|train|eval)_results\.json
    | adapter                                           # kept beside weights it is merged into
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Names of files and folders that nothing loads with a model: the one list that needs care."""
_PICKLED = re.compile(r"pytorch_model.*\.bin")
_PICKLED_ADAPTER = "adapter_model.bin"
# Who wrote a config and where it came from change nothing about what the model answers.
_PROVENANCE_KEYS = frozenset(
    {"_name_or_path", "name_or_path", "transformers_version", "__version__", "is_local"}
)


class _Tensor(NamedTuple):
    name: str
    dtype: str
    shape: list[int]
    path: Path
    start: int
    length: int


def weights_digest(folder: Path) -> str:
    """64 hex digits over the folder's tensors (by name) and every file that may be loaded.

    Streams: memory stays at a few MB whatever the model's size. Raises ValueError naming the
    folder when it holds no weights or a broken safetensors file.
    """
    return merkle(_leaves(folder))


def model_files(folder: Path) -> list[Path]:
    """Files of a model folder that may change what is loaded, weights included, by their names."""
    return [
        path
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())
        if path.is_file() and not any(map(_NEVER_LOADED.fullmatch, path.relative_to(folder).parts))
    ]


def file_digest(path: Path) -> str:
    """64 hex digits over a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _leaves(folder: Path) -> Iterator[bytes]:
    files = model_files(folder)
    tensor_files = [path for path in files if path.suffix == ".safetensors"]
    tensors = [tensor for path in tensor_files for tensor in _tensors(path, folder)]
    for tensor in sorted(tensors):
        head = ["tensor", tensor.name, tensor.dtype, tensor.shape]
        hasher = hashlib.sha256(canonical(head).encode())
        _update(hasher, tensor.path, tensor.start, tensor.length)
        yield hasher.digest()
    # Beside tensors their pickled double is not loaded.
    doubled = {path.parent for path in tensor_files}
    pickled = [path for path in files if _PICKLED.fullmatch(path.name)]
    weights = [path for path in pickled if path.parent not in doubled]
    if not (tensor_files or weights or any(path.name == _PICKLED_ADAPTER for path in files)):
        raise ValueError(f"model folder {folder} has no weights: no *.safetensors file in it")
    rest = [path for path in files if path not in {*tensor_files, *pickled}]
    for path in [*weights, *rest]:
        yield _file_leaf(path, path.relative_to(folder).as_posix())


def _file_leaf(path: Path, name: str) -> bytes:
    hasher = hashlib.sha256(canonical(["file", name]).encode())
    content = _canonical_json(path) if path.suffix == ".json" else None
    if content is not None:
        hasher.update(content)
    else:
        _update(hasher, path, 0, path.stat().st_size)
    return hasher.digest()


def _canonical_json(path: Path) -> bytes | None:
    """A JSON file's content but for provenance, None where it is no JSON."""
    try:
        value = _without_provenance(json.loads(path.read_bytes()))
        return canonical(value).encode("utf-8", "surrogatepass")
    except ValueError:
        return None


def _without_provenance(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in value.items() if key not in _PROVENANCE_KEYS}


def _tensors(path: Path, folder: Path) -> Iterator[_Tensor]:
    # A module in a folder of its own names its tensors for itself.
    within = path.parent.relative_to(folder).as_posix()
    prefix = "" if within == "." else f"{within}/"
    try:
        with path.open("rb") as stream:
            header, start = _header(stream)
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                yield _Tensor(
                    prefix + name, entry["dtype"], entry["shape"], path, start + begin, end - begin
                )
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise ValueError(f"{path} is not a complete safetensors file: fetch it again") from error


def _header(stream: BinaryIO) -> tuple[dict[str, Any], int]:
    # Layout: 8 bytes little-endian header length, JSON header, tensor data.
    # https://huggingface.co/docs/safetensors/index#format
    (length,) = struct.unpack("<Q", stream.read(8))
    if length > 100_000_000:
        raise ValueError("header too long")
    return json.loads(stream.read(length)), 8 + length


def _update(hasher: "HASH", path: Path, start: int, length: int) -> None:
    with path.open("rb") as stream:
        stream.seek(start)
        while length:
            chunk = stream.read(min(length, _CHUNK))
            if not chunk:
                raise ValueError(f"{path} is not a complete safetensors file: fetch it again")
            hasher.update(chunk)
            length -= len(chunk)
