"""What other libraries find of the pairs above a similarity; one method a process.

    python benchmarks/dedup_peers.py METHOD VECTORS.npy THRESHOLD OUT.npy

Needs numpy and the method's own library only, so it runs in an environment of its own (see
benchmarks/dedup.py, which calls it). Prints one line of JSON: seconds, peak memory, and the share
of the rows that were asked about where a method is too slow for all. OUT holds pairs of rows.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Found = tuple[np.ndarray, float]
"""Pairs of row numbers, shape (pairs, 2), and the share of rows they were asked for."""


def faiss_flat(vectors: np.ndarray, threshold: float) -> Found:
    """FAISS IndexFlatIP, range search in batches."""
    import faiss  # pyright: ignore[reportMissingImports]

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    parts = []
    for start in range(0, len(vectors), 4096):
        limits, _, found = index.range_search(vectors[start : start + 4096], threshold)
        rows = np.repeat(np.arange(len(limits) - 1), np.diff(limits.astype(np.int64))) + start
        parts.append(np.stack([rows, found], axis=1))
    return np.concatenate(parts), 1.0


def faiss_hnsw(vectors: np.ndarray, threshold: float) -> Found:
    """FAISS IndexHNSWFlat(32) as it comes, the 64 nearest of each row."""
    import faiss  # pyright: ignore[reportMissingImports]

    index = faiss.IndexHNSWFlat(vectors.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efSearch = 64
    index.add(vectors)
    similarity, found = index.search(vectors, 64)
    rows, places = np.nonzero(similarity > threshold)
    return np.stack([rows, found[rows, places]], axis=1), 1.0


def semhash(vectors: np.ndarray, threshold: float) -> Found:
    """SemHash as it comes; its pairs are those of a dropped record and its duplicates."""
    import semhash  # pyright: ignore[reportMissingImports]

    class Given:
        def encode(self, inputs: object, **_: object) -> np.ndarray:
            raise AssertionError("all vectors are given")

    records = [str(row) for row in range(len(vectors))]
    hashed = semhash.SemHash.from_embeddings(vectors, records, Given())
    dropped = hashed.self_deduplicate(threshold=threshold).filtered
    pairs = [
        (int(one.record), int(other[0] if isinstance(other, tuple) else other))
        for one in dropped
        for other in one.duplicates
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2), 1.0


def semdedup(vectors: np.ndarray, threshold: float) -> Found:
    """SemDeDup (arXiv 2303.09540): k-means, then all products within each cluster."""
    import faiss  # pyright: ignore[reportMissingImports]

    # Published: 440 million rows in 50,000 clusters, some 8,800 rows each.
    clusters = max(1, len(vectors) // 8800)
    kmeans = faiss.Kmeans(vectors.shape[1], clusters, niter=20, spherical=True)
    kmeans.train(vectors)
    cluster = kmeans.index.search(vectors, 1)[1][:, 0]
    parts = [np.zeros((0, 2), dtype=np.int64)]
    for number in range(kmeans.k):
        rows = np.flatnonzero(cluster == number)
        left, right = np.nonzero(vectors[rows] @ vectors[rows].T > threshold)
        parts.append(np.stack([rows[left], rows[right]], axis=1))
    return np.concatenate(parts), 1.0


def lancedb_flat(vectors: np.ndarray, threshold: float) -> Found:
    """LanceDB without an index, a query a row, for a sample of 200 rows."""
    import tempfile

    import lancedb
    import pyarrow as pa

    asked = np.linspace(0, len(vectors) - 1, 200).astype(np.int64)
    with tempfile.TemporaryDirectory() as folder:
        column = pa.FixedSizeListArray.from_arrays(vectors.reshape(-1), vectors.shape[1])
        table = lancedb.connect(folder).create_table(
            "v", pa.table({"row": np.arange(len(vectors)), "vector": column})
        )
        parts = []
        for row in asked.tolist():
            query: Any = table.search(vectors[row])
            query = query.distance_type("cosine").select(["row", "_distance"])
            found = query.distance_range(upper_bound=1 - threshold).limit(10_000).to_arrow()
            rows = found["row"].to_numpy()
            parts.append(np.stack([np.full_like(rows, row), rows], axis=1))
    return np.concatenate(parts), len(asked) / len(vectors)


METHODS: dict[str, Callable[[np.ndarray, float], Found]] = {
    "faiss-flat": faiss_flat,
    "faiss-hnsw": faiss_hnsw,
    "semhash": semhash,
    "semdedup": semdedup,
    "lancedb-flat": lancedb_flat,
}


def peak_mb() -> float:
    """Most memory this process has held; getrusage would count what it was forked from."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("needs Linux's /proc/self/status to tell peak memory")


def main() -> None:
    method, source, threshold, out = sys.argv[1:]
    vectors = np.load(source)
    start = time.perf_counter()
    pairs, share = METHODS[method](vectors, float(threshold))
    seconds = time.perf_counter() - start
    np.save(out, pairs)
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "share": share}))


if __name__ == "__main__":
    main()
