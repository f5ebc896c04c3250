"""Small tables and a word-count embedding for tests of comparing stages."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from am_assets.core.identity import prompt_hash
from am_assets.core.memory import RowMemory
from am_assets.core.requests import ModelIdentity, WindowedEngine
from am_assets.core.schema import embedding_schema
from am_assets.core.settings.prompts import Embedding
from am_assets.core.usage import Meter
from am_assets.stages.embedding.embed import embed_prompts


class WordCountEngine:
    """Embeds a text as its word counts: similar texts share words."""

    dimension = 64
    gpus = 0.0
    model = ModelIdentity("word-count", "0" * 32, "test", "1")

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in text.lower().split():
                row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % self.dimension] += 1
        return unit(vectors)

    def pieces(self, texts: Sequence[str]) -> list[int]:
        return [1] * len(texts)


def unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


def prompt_row(sample: str, prompt: str, source: str = "numbers", **columns: Any) -> dict[str, Any]:
    """A kept row of PROMPTS."""
    return {
        "sample_id": sample,
        "source": source,
        "week": "2026-01-05",
        "kind": "math",
        "prompt": prompt,
        "prompt_hash": prompt_hash(prompt),
        "decision": "kept",
        **columns,
    }


def embedded(
    prompts: pa.Table, engine: WindowedEngine, memory: RowMemory | None = None
) -> pa.Table:
    """The embedding table that embedding `prompts` writes."""
    rows: list[Mapping[str, Any]] = []
    memory = memory or RowMemory()
    embed_prompts([prompts], engine, memory, Embedding(), rows.append, Meter("embedding"))
    return embedding_schema(engine.dimension).table(rows)
