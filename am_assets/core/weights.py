"""Digest of a model folder: what its weights, tokenizer and config say, not how they are filed.

Two folders with equal tensors have one digest, however the tensors are sharded, whoever saved them
and whatever else (README, training arguments, metrics, optimizer state) lies beside them.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from am_assets.core.identity import canonical, merkle

_CHUNK = 1 << 22
_FILES = (
    "1_Pooling/config.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "config_sentence_transformers.json",
    "generation_config.json",
    "merges.txt",
    "modules.json",
    "preprocessor_config.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
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
    """64 hex digits over the folder's tensors (by name), tokenizer and config files.

    Streams: memory stays at a few MB whatever the model's size. Raises ValueError naming the
    folder when it holds no weights or a broken safetensors file.
    """
    return merkle(_leaves(folder))


def _leaves(folder: Path) -> Iterator[bytes]:
    safetensors = sorted(folder.glob("*.safetensors"))
    if safetensors:
        tensors = [tensor for path in safetensors for tensor in _tensors(path)]
        for tensor in sorted(tensors):
            head = ["tensor", tensor.name, tensor.dtype, tensor.shape]
            hasher = hashlib.sha256(canonical(head).encode())
            _update(hasher, tensor.path, tensor.start, tensor.length)
            yield hasher.digest()
    else:
        pickled = sorted(folder.glob("pytorch_model*.bin"))
        if not pickled:
            raise ValueError(f"model folder {folder} has no weights: no *.safetensors file in it")
        for path in pickled:
            hasher = hashlib.sha256(canonical(["file", path.name]).encode())
            _update(hasher, path, 0, path.stat().st_size)
            yield hasher.digest()
    for name in _FILES:
        path = folder / name
        if path.is_file():
            yield hashlib.sha256(canonical(["file", name]).encode() + _content(path)).digest()


def _content(path: Path) -> bytes:
    raw = path.read_bytes()
    if path.suffix != ".json":
        return raw
    try:
        return canonical(_without_provenance(json.loads(raw))).encode("utf-8", "surrogatepass")
    except ValueError:
        return raw


def _without_provenance(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in value.items() if key not in _PROVENANCE_KEYS}


def _tensors(path: Path) -> Iterator[_Tensor]:
    try:
        with path.open("rb") as stream:
            header, start = _header(stream)
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                yield _Tensor(
                    name, entry["dtype"], entry["shape"], path, start + begin, end - begin
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


def _update(hasher: "hashlib._Hash", path: Path, start: int, length: int) -> None:
    with path.open("rb") as stream:
        stream.seek(start)
        while length:
            chunk = stream.read(min(length, _CHUNK))
            if not chunk:
                raise ValueError(f"{path} is not a complete safetensors file: fetch it again")
            hasher.update(chunk)
            length -= len(chunk)
