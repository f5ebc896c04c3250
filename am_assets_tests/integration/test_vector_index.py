import multiprocessing
from pathlib import Path

import numpy as np
import pyarrow as pa

from am_assets.core.schema import embedding_schema
from am_assets.stages.vector_index import VectorIndex

WEEKS = ["2026-01-05", "2026-01-12"]


def embeddings(source: str, week: str, rows: int, seed: int = 0) -> pa.Table:
    vectors = np.random.default_rng([seed, len(source), rows]).normal(size=(rows, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return embedding_schema(8).table(
        {
            "sample_id": f"{source}{week}{i:03d}",
            "source": source,
            "week": week,
            "prompt_hash": "h",
            "vector": vector,
            "pieces": 1,
        }
        for i, vector in enumerate(vectors)
    )


def load(uri: str, source: str) -> None:
    index = VectorIndex(uri)
    for week in WEEKS:
        for version in range(2):
            table = embeddings(source, week, 20 + version)
            index.replace_partition(table, source, week, f"{version:064x}")


def test_two_processes_write_their_partitions_at_once(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=load, args=(str(tmp_path), name)) for name in ("numbers", "it's")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    index = VectorIndex(str(tmp_path))
    assert index.count() == 2 * len(WEEKS) * 21
    assert index.root("numbers", WEEKS[0]) == f"{1:064x}"


def test_a_partition_is_replaced_as_a_whole(tmp_path: Path):
    index = VectorIndex(str(tmp_path))
    index.replace_partition(embeddings("a", WEEKS[0], 5), "a", WEEKS[0], "1" * 64)
    index.replace_partition(embeddings("b", WEEKS[0], 4), "b", WEEKS[0], "2" * 64)
    index.replace_partition(embeddings("a", WEEKS[0], 0), "a", WEEKS[0], "3" * 64)
    assert index.count() == 4
    assert index.root("a", WEEKS[0]) == "3" * 64
    index.rebuild([(embeddings("a", WEEKS[0], 3), "a", WEEKS[0], "1" * 64)])
    assert (index.count(), index.root("b", WEEKS[0])) == (3, None)


def test_neighbours_are_exact(tmp_path: Path):
    index = VectorIndex(str(tmp_path))
    assert index.neighbours(np.ones(8, dtype=np.float32), 3) == []
    table = embeddings("a", WEEKS[0], 50)
    index.replace_partition(table, "a", WEEKS[0], "1" * 64)
    vectors = np.array(table["vector"].to_pylist(), dtype=np.float32)
    best = np.argsort(-(vectors @ vectors[7]))[:5]
    found = index.neighbours(vectors[7], 5)
    assert [sample for sample, _ in found] == [table["sample_id"][int(i)].as_py() for i in best]
    assert abs(found[0][1] - 1) < 1e-6
