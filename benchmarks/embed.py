"""Speed of embedding against plain sentence-transformers, on the same prompts in one run.

    python benchmarks/embed.py --data FILE.jsonl [--column question] [--prompts N] [--rounds N]

Rates are prompts a second of wall time, and a CPU second of all threads, the best of the rounds,
which take turns. The peer is `SentenceTransformer.encode` with batches of 32 in float32. Of each
way the cosine to the peer's
vectors is printed, and what it makes of pairs near a threshold: by how much their similarities
change, and how many cross it. Last what remembering 100,000 vectors costs, and finding them again.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from am_assets.core.memory import RowMemory
from am_assets.core.settings.models import Model
from am_assets.core.settings.prompts import Embedding
from am_assets.engines.embedding import PACKAGED, embedding_folder, load_embedding_engine
from am_assets.stages.embedding.remembered import embed_texts

_PRECISIONS = ("float32", "bfloat16")
_NEAR = 0.02
"""Pairs whose similarity is so near a threshold are looked at."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of embedding.")
    parser.add_argument("--data", type=Path, required=True, help="JSONL with prompts")
    parser.add_argument("--column", default="question")
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with arguments.data.open(encoding="utf-8") as file:
        rows = (json.loads(line)[arguments.column] for line in file)
        texts = list(islice(dict.fromkeys(rows), arguments.prompts))
    print(
        f"{len(texts)} prompts, {np.mean([len(text) for text in texts]):.0f} characters on average"
    )

    ways: dict[str, Callable[[list[str]], np.ndarray]] = {"plain encode, float32": _peer()}
    for precision in _PRECISIONS:
        model = Model(path=PACKAGED, engine="sentence-transformers", dtype=precision)
        engine = load_embedding_engine(model, Embedding(), Path())
        ways[f"ours, {precision}"] = engine.embed
    for embed in ways.values():
        embed(texts[:64])
    best = dict.fromkeys(ways, (float("inf"), float("inf")))
    vectors: dict[str, np.ndarray] = {}
    for _ in range(arguments.rounds):
        for name, embed in ways.items():
            begun, used = time.monotonic(), time.process_time()
            vectors[name] = embed(texts)
            wall, cpu = best[name]
            taken = time.monotonic() - begun, time.process_time() - used
            best[name] = min(wall, taken[0]), min(cpu, taken[1])
    (peer, plain), *_ = vectors.items()
    print(f"{'':24} prompts/s  ratio  a CPU second  ratio  least cosine  mean cosine")
    for name, (wall, cpu) in best.items():
        cosines = (vectors[name].astype(np.float64) * plain).sum(axis=1)
        print(
            f"{name:24} {len(texts) / wall:9.0f} {best[peer][0] / wall:6.2f} "
            f"{len(texts) / cpu:13.0f} {best[peer][1] / cpu:6.2f} "
            f"{cosines.min():13.6f} {cosines.mean():12.6f}"
        )
    _thresholds(plain, vectors["ours, bfloat16"])
    _memory(texts)


def _peer() -> Callable[[list[str]], np.ndarray]:
    import sentence_transformers

    folder = embedding_folder(Model(path=PACKAGED, engine="sentence-transformers"), Path())
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    return lambda texts: model.encode(texts, batch_size=32, normalize_embeddings=True)


def _thresholds(plain: np.ndarray, other: np.ndarray) -> None:
    """What another precision makes of pairs near a threshold."""
    left, right = np.triu_indices(len(plain), 1)
    exact, changed = (plain @ plain.T)[left, right], (other @ other.T)[left, right]
    print(f"bfloat16: similarities of all {len(left):,} pairs change by at most ", end="")
    print(f"{np.abs(exact - changed).max():.5f}, {np.abs(exact - changed).mean():.6f} on average")
    for threshold in (0.7, 0.8, 0.85, 0.9):
        near = np.abs(exact - threshold) < _NEAR
        crossing = ((exact > threshold) != (changed > threshold)).sum()
        above = (exact > threshold).sum()
        print(
            f"  at {threshold}: {above} pairs above, {near.sum()} within {_NEAR}, "
            f"{crossing} cross it"
        )


def _memory(texts: list[str]) -> None:
    """What remembered vectors cost: written once, found again."""

    class Given:
        """Vectors at no cost."""

        model = load_embedding_engine(
            Model(path=PACKAGED, engine="sentence-transformers"), Embedding(), Path()
        ).model
        dimension, gpus = 384, 0.0

        def embed(self, texts: Sequence[str]) -> np.ndarray:
            return np.full((len(texts), 384), 0.05, dtype=np.float32)

    many = [f"{text} {number}" for number in range(-(-100_000 // len(texts))) for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        memory = RowMemory(Path(folder) / "memory.sqlite")
        for what in ("remembered", "found again"):
            begun = time.monotonic()
            embed_texts(many, Given(), memory, Path(folder) / "vectors", config=Embedding())
            print(f"{len(many):,} vectors {what}: {len(many) / (time.monotonic() - begun):,.0f}/s")


if __name__ == "__main__":
    main()
