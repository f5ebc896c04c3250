"""All pairs above a similarity: ours, the bare products, and other libraries, on the same vectors.

    python benchmarks/dedup.py [--rows N] [--threshold T] [--rounds N] [--data FOLDER]
                               [--peers-python PATH] [--week N | --million]

Data: embeddings of the prompts in FOLDER's JSONL files (packaged MiniLM, remembered as by
`am-assets dedup`), or synthetic vectors of similar structure, and perturbed copies of them, some
within 1e-6 of the threshold. Every method runs in a process of its own, so peak memory is its own;
seconds are without imports and loading. The floor is bfloat16 products of each pair once, in the
best of several block shapes, with nothing done to them; `ours` and it take turns, and the ratio is
the median over the rounds. Recall and precision are against float64 products of all pairs.
Peers live in an environment of their own: python -m venv PEERS && PEERS/bin/pip install faiss-cpu
semhash lancedb pyarrow numpy, then --peers-python PEERS/bin/python; a missing one is named.
--week N compares the last N rows with all others; --million is 1,000,000 synthetic rows against
themselves, with the floor taken from a part of its products.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from dedup_peers import METHODS, peak_mb
from tqdm import tqdm

from am_assets.core.memory import RowMemory
from am_assets.core.settings.models import Model
from am_assets.core.settings.prompts import Embedding
from am_assets.engines.embedding import PACKAGED, load_embedding_engine
from am_assets.stages.embedding.remembered import embed_texts
from am_assets.stages.similarity import Pairs, pairs_above, pairs_within

_SHAPES = ((1024, 2048), (1024, 8192), (2048, 4096))
_PROMPT_COLUMNS = ("prompt", "question", "problem", "text", "Question", "instruction", "content")
_FLOOR_ROWS = 100_000
"""Rows that the floor of many more rows is taken from."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Exact dedup against the floor and peers.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--threshold", type=float, default=0.85)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="folder of JSONL files with prompts")
    parser.add_argument("--peers-python", type=Path, help="interpreter that has the peers")
    parser.add_argument("--week", type=int, default=0, help="compare so many rows with the others")
    parser.add_argument("--million", action="store_true", help="1,000,000 synthetic rows")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        method, source, threshold, out = arguments.one
        print(json.dumps(_measured(method, Path(source), float(threshold), arguments.week, out)))
        return
    rows = 1_000_000 if arguments.million else arguments.rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "vectors.npy"
        base = (
            _prompts(arguments.data, folder)
            if arguments.data
            else _synthetic(min(20_000, rows // 5))
        )
        _write(source, base, rows, arguments.threshold)
        print(
            f"{rows} vectors, {len(base)} of them not perturbed, {torch.get_num_threads()} threads"
        )
        _compare(source, rows, arguments, folder)


def _compare(source: Path, rows: int, arguments: argparse.Namespace, folder: Path) -> None:
    week, threshold, found = arguments.week, arguments.threshold, folder / "ours.npy"
    rounds = 1 if rows > 300_000 and not week else arguments.rounds
    ratios, ours = [], {"seconds": 0.0}
    for _ in range(rounds):
        floor = _run("floor-bfloat16", source, threshold, folder / "none.npy", week)
        ours = _run("ours", source, threshold, found, week)
        ratios.append(ours["seconds"] / floor["seconds"])
        _say("floor bfloat16", floor)
        _say("ours", ours)
    print(f"ours / floor: {statistics.median(ratios):.2f} (median of {rounds})")
    for kind in ("float32", "int8"):
        if rows <= 300_000:
            _say(f"floor {kind}", _run(f"floor-{kind}", source, threshold, folder / "n.npy", week))
    if rows > 300_000 or week:
        return
    truth = folder / "truth.npy"
    _say("float64, all products", _run("truth", source, threshold, truth, week))
    expected = np.load(truth)
    _score("ours", np.load(found), expected, 1.0, rows)
    if arguments.peers_python is None:
        print("peers not measured: name their interpreter by --peers-python")
        return
    for method in METHODS:
        out = folder / f"{method}.npy"
        peer = [str(arguments.peers_python), str(Path(__file__).parent / "dedup_peers.py")]
        done = subprocess.run(
            [*peer, method, str(source), str(threshold), str(out)], capture_output=True, text=True
        )
        if done.returncode:
            print(f"{method}: missing ({done.stderr.strip().splitlines()[-1]})")
            continue
        result = json.loads(done.stdout.strip().splitlines()[-1])
        whole = result["seconds"] / result["share"]
        note = "" if result["share"] == 1 else f" (extrapolated from {result['share']:.2%} of rows)"
        print(
            f"{method}: {whole:.1f} s{note}, {result['peak_mb']:.0f} MB,"
            f" {whole / ours['seconds']:.1f} times ours"
        )
        _score(method, np.load(out), expected, result["share"], rows)


def _run(method: str, source: Path, threshold: float, out: Path, week: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--week", str(week)]
    done = subprocess.run(
        [*command, "--one", method, str(source), str(threshold), str(out)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _say(name: str, result: dict[str, float]) -> None:
    print(f"{name}: {result['seconds']:.1f} s, {result['peak_mb']:.0f} MB", flush=True)


def _score(name: str, pairs: np.ndarray, truth: np.ndarray, share: float, rows: int) -> None:
    """Recall and precision; of a method that was asked about a sample, of the rows asked."""
    asked = np.unique(pairs[:, 0]) if share < 1 else None
    keys = [_keys(side, rows, asked) for side in (pairs, truth)]
    both = len(np.intersect1d(*keys, assume_unique=True))
    recall, precision = both / max(1, len(keys[1])), both / max(1, len(keys[0]))
    print(
        f"  {name}: {len(keys[0])} of {len(keys[1])} pairs, recall {recall:.6f},"
        f" precision {precision:.6f}",
        flush=True,
    )


def _keys(pairs: np.ndarray, rows: int, asked: np.ndarray | None) -> np.ndarray:
    """One number for each pair of two rows; the smaller row first."""
    left, right = pairs.min(axis=1).astype(np.int64), pairs.max(axis=1).astype(np.int64)
    chosen = left != right
    if asked is not None:
        chosen &= np.isin(left, asked) | np.isin(right, asked)
    return np.unique(left[chosen] * rows + right[chosen])


def _measured(method: str, source: Path, threshold: float, week: int, out: str) -> dict[str, float]:
    """Run one method in this process."""
    vectors = np.load(source, mmap_mode="r")
    start = time.perf_counter()
    if method.startswith("floor-"):
        seconds = _floor(vectors, method.removeprefix("floor-"), week)
    else:
        pairs = _truth(vectors, threshold) if method == "truth" else _ours(vectors, threshold, week)
        seconds = time.perf_counter() - start
        np.save(out, pairs)
    return {"seconds": seconds, "peak_mb": peak_mb()}


def _ours(vectors: np.ndarray, threshold: float, week: int) -> np.ndarray:
    def search() -> Iterator[Pairs]:
        if week:
            return pairs_above(vectors[-week:], vectors[:-week], threshold)
        return pairs_within(vectors, threshold)

    parts = [np.zeros((0, 2), dtype=np.int64)]
    total = week or len(vectors)
    with tqdm(total=total, unit="row", disable=len(vectors) <= 300_000) as bar:
        for pairs in search():
            parts.append(np.stack([pairs.left, pairs.right], axis=1))
            if len(pairs.left):
                bar.update(int(pairs.left.max()) - bar.n)
    return np.concatenate(parts)


def _truth(vectors: np.ndarray, threshold: float) -> np.ndarray:
    wide = torch.from_numpy(np.array(vectors)).double()
    wide /= wide.norm(dim=1, keepdim=True)
    parts = []
    for start in range(0, len(wide), 1000):
        products = wide[start : start + 1000] @ wide[start:].T
        parts.append(torch.nonzero((products > threshold).triu(1)).numpy() + start)
    return np.concatenate(parts)


def _floor(vectors: np.ndarray, kind: str, week: int) -> float:
    """Seconds of the bare products of each pair once; of many rows, worked out from a part."""
    rows = min(len(vectors), _FLOOR_ROWS)
    few = np.array(vectors[:rows])
    if kind == "int8":
        codes = torch.from_numpy(np.rint(few * 127).astype(np.int8))
    else:
        codes = torch.from_numpy(few).to(getattr(torch, kind))
    own = codes[:week] if week else codes
    shape = min(_SHAPES, key=lambda shape: _products(codes[:8192], codes[:8192], shape, True))
    seconds = _products(own, codes, shape, not week)
    ours = week * (len(vectors) - week) if week else len(vectors) ** 2
    return seconds * ours / (week * rows if week else rows**2)


def _products(
    left: torch.Tensor, right: torch.Tensor, shape: tuple[int, int], within: bool
) -> float:
    kind = torch.int32 if left.dtype == torch.int8 else left.dtype
    buffer = torch.empty(shape[0] * shape[1], dtype=kind)
    start = time.perf_counter()
    for row in range(0, len(left), shape[0]):
        a = left[row : row + shape[0]]
        for column in range(row if within else 0, len(right), shape[1]):
            b = right[column : column + shape[1]]
            out = buffer[: len(a) * len(b)].view(len(a), len(b))
            if kind == torch.int32:
                torch._int_mm(a, b.T, out=out)  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
            else:
                torch.mm(a, b.T, out=out)
    return time.perf_counter() - start


def _prompts(data: Path, folder: Path) -> np.ndarray:
    """Vectors of all prompts found in the folder's JSONL files."""
    from am_assets.standalone.embedding import cache_folder

    texts: dict[str, None] = {}
    for path in sorted(data.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line) if line.strip() else {}
            found = [row[column] for column in _PROMPT_COLUMNS if column in row]
            if found and isinstance(found[0], str):
                texts[found[0]] = None
    settings = Embedding()
    model = Model(path=PACKAGED, engine="sentence-transformers")
    engine = load_embedding_engine(model, settings, Path())
    memory = RowMemory(cache_folder() / "vectors.sqlite")
    with tqdm(total=len(texts), unit="prompt") as bar:

        def progress(done: int) -> None:
            bar.update(done - bar.n)

        vectors = embed_texts(texts, engine, memory, folder / "prompts", progress, config=settings)
    return np.array(vectors)


def _synthetic(rows: int, dimension: int = 384) -> np.ndarray:
    """Vectors of topics and of unequal principal directions, as prompts have."""
    generator = np.random.default_rng(0)
    spectrum = 1 / np.sqrt(1 + np.arange(dimension))
    topics = 0.7 * generator.normal(size=(50, dimension)) * spectrum
    vectors = topics[generator.integers(0, 50, rows)]
    vectors = vectors + generator.normal(size=(rows, dimension)) * spectrum
    rotation = np.linalg.qr(generator.normal(size=(dimension, dimension)))[0]
    return _unit(vectors @ rotation)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _write(path: Path, base: np.ndarray, rows: int, threshold: float) -> None:
    """`base` and perturbed copies of it, `rows` in all, shuffled within parts."""
    out = np.lib.format.open_memmap(path, "w+", np.float32, (rows, base.shape[1]))
    generator = np.random.default_rng(1)
    step = 50_000
    for start in range(0, rows, step):
        count = min(step, rows - start)
        originals = base[generator.integers(0, len(base), count)].astype(np.float64)
        away = generator.normal(size=originals.shape)
        others = base[generator.integers(0, len(base), (2, count))].astype(np.float64)
        # Half of the copies go off in any direction, half the way prompts differ.
        along = generator.random((count, 1)) < 0.5
        away = np.where(along, others[0] - others[1], away)
        away -= (away * originals).sum(axis=1, keepdims=True) * originals
        away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)
        cosine = generator.uniform(0.75, 0.999, (count, 1))
        cosine[::100] = threshold + generator.uniform(-1e-6, 1e-6, (len(cosine[::100]), 1))
        part = _unit(cosine * originals + np.sqrt(1 - cosine**2) * away)
        kept = max(0, min(count, len(base) - start))
        part[:kept] = base[start : start + kept]
        out[start : start + count] = part[generator.permutation(count)]
    out.flush()


if __name__ == "__main__":
    main()
