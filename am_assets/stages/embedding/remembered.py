"""Vectors of texts, remembered: a text is embedded once by a model and its settings.

`embed_texts` is for files of people's own: a stream of texts of any length becomes a file of
vectors, one row a text.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from am_assets.core.code.libraries import versions_of
from am_assets.core.identity import digest
from am_assets.core.memory import Entry, RowMemory
from am_assets.core.requests import EmbeddingEngine, ModelIdentity
from am_assets.core.settings.prompts import Embedding

KIND = "embedding"
"""Kind of the row memory's entries that are vectors, float32 in little-endian order."""

_WINDOW_TEXTS = 2048
_WINDOW_CHARACTERS = 1 << 21
"""A window is embedded, and remembered, at a time; tokens take many times a character's memory."""

T = TypeVar("T")


def embed_texts(
    texts: Iterable[str],
    engine: EmbeddingEngine,
    memory: RowMemory,
    out: Path,
    progress: Callable[[int], None] | None = None,
    *,
    config: Embedding,
) -> np.ndarray:
    """Unit vectors of `texts` in their order, float32, shape (texts, dimension), read-only.

    They are written to `out` and mapped from it (`np.memmap`, or an empty array where there are no
    texts), so that memory does not grow with the texts. `config` is what `engine` was made with.
    Equal texts are embedded once, and so are those that `memory` knows: an interrupted run goes on
    where it was. `progress` is called with the number of texts so far. Raises ValueError where the
    model gives numbers that are not finite.
    """
    done = 0
    with out.open("wb") as file:
        for window in windows(texts, len):
            vectors, _ = remembered_vectors(window, engine, memory, config)
            file.write(vectors.tobytes())
            done += len(window)
            if progress is not None:
                progress(done)
    shape = (done, engine.dimension)
    return np.memmap(out, dtype="<f4", mode="r", shape=shape) if done else np.zeros(shape, "<f4")


def _vector_key(model: ModelIdentity, config: Embedding, text: str) -> str:
    """What a text's vector follows from: the text, the model and its settings, the libraries."""
    return digest(
        KIND, model.digest, model.dtype, config.model_dump(mode="json"), _libraries(), text
    )


@cache
def _libraries() -> dict[str, str]:
    return versions_of(("sentence_transformers",))


def remembered_vectors(
    texts: Sequence[str],
    engine: EmbeddingEngine,
    memory: RowMemory,
    config: Embedding,
    owners: Sequence[str] | None = None,
) -> tuple[np.ndarray, int]:
    """The texts' vectors, remembered or embedded now, and how many were remembered.

    Vectors are float32, shape (texts, dimension). `owners` are the samples that the texts belong
    to. Raises ValueError where the model gives numbers that are not finite.
    """
    keys = [_vector_key(engine.model, config, text) for text in texts]
    # Else each text owns its vector: one owner of all would be looked up with all of them.
    owners = keys if owners is None else owners
    known = memory.get(KIND, zip(keys, owners, strict=True))
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        embedded = engine.embed(list(missing.values())).astype("<f4")
        if not np.isfinite(embedded).all():
            raise ValueError(
                f"embedding model {engine.model.name} gives vectors that are not finite: compute "
                "it in float32 (models.embedding.dtype)"
            )
        fresh = {key: row.tobytes() for key, row in zip(missing, embedded, strict=True)}
        pairs = zip(keys, owners, strict=True)
        memory.put(KIND, [Entry(key, fresh[key], owner) for key, owner in pairs if key in fresh])
        known |= fresh
    vectors = np.frombuffer(b"".join(known[key] for key in keys), dtype="<f4")
    return vectors.reshape(len(texts), engine.dimension), len(texts) - len(missing)


def windows(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """The items in lists of bounded number and bounded characters (`size` of an item)."""
    window: list[T] = []
    characters = 0
    for item in items:
        if window and characters + size(item) > _WINDOW_CHARACTERS:
            yield window
            window, characters = [], 0
        window.append(item)
        characters += size(item)
        if len(window) == _WINDOW_TEXTS:
            yield window
            window, characters = [], 0
    if window:
        yield window
