import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from am_assets.core.schema import embedding_schema
from am_assets.stages.embedding.index import Partition, VectorIndex, VectorIndexError

WEEKS = ["2026-01-05", "2026-01-12"]
CONTEXT = multiprocessing.get_context("spawn")


def partition(
    folder: Path, source: str, week: str, rows: int, version: int = 1, size: int = 8
) -> Partition:
    """An embedding artifact of invented unit vectors; another version holds other vectors."""
    vectors = np.random.default_rng([version, len(source), rows]).normal(size=(rows, size))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    path = folder / f"{source} {week} {rows} {version}.parquet"
    table = embedding_schema(size).table(
        {
            "sample_id": f"{source}{week}{i:05d}",
            "source": source,
            "week": week,
            "prompt_hash": "h",
            "vector": vector,
            "pieces": 1,
        }
        for i, vector in enumerate(vectors)
    )
    partial = path.with_suffix(f".{os.getpid()}")
    pq.write_table(table, partial)
    partial.replace(path)
    return Partition(source, week, f"{version:064x}", path)


def load(folder: Path, source: str, rows: int = 20) -> None:
    index = VectorIndex(str(folder / "index"))
    for week in WEEKS:
        for version in (0, 1):
            index.replace_partition(partition(folder, source, week, rows + version, version))


def everything(folder: Path) -> bytes:
    """All bytes that lie in the index's folder, and in folders beside it."""
    return b"".join(path.read_bytes() for path in folder.glob("index*/**/*") if path.is_file())


@pytest.mark.parametrize("sources", [("numbers", "it's"), ("numbers", "numbers")])
def test_two_processes_write_at_once(tmp_path: Path, sources: tuple[str, str]):
    writers = [CONTEXT.Process(target=load, args=(tmp_path, source)) for source in sources]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    index = VectorIndex(str(tmp_path / "index"))
    expected = [partition(tmp_path, s, week, 21) for s in set(sources) for week in WEEKS]
    assert index.differences(expected) == []
    assert index.count() == 21 * len(expected)


def _replace_without_end(folder: Path) -> None:
    index = VectorIndex(str(folder / "index"))
    while True:
        for version in (0, 1):
            index.replace_partition(partition(folder, "a", WEEKS[0], 300, version))


@pytest.mark.attack
def test_a_killed_writer_leaves_an_index_that_tells_no_lies_and_can_be_written(tmp_path: Path):
    index = VectorIndex(str(tmp_path / "index"))
    other = partition(tmp_path, "b", WEEKS[0], 50)
    index.replace_partition(other)
    chance = random.Random(3)
    for _ in range(4):
        writer = CONTEXT.Process(target=_replace_without_end, args=(tmp_path,))
        writer.start()
        before = index.count()
        while index.count() == before and writer.is_alive():
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.2))
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert index.holds(other)
        for version in (0, 1):
            written = partition(tmp_path, "a", WEEKS[0], 300, version)
            if index.holds(written):
                assert index.differences([written, other]) == []
        index.replace_partition(partition(tmp_path, "a", WEEKS[0], 10, 2))
        assert index.differences([partition(tmp_path, "a", WEEKS[0], 10, 2), other]) == []


def test_a_partition_is_replaced_as_a_whole(tmp_path: Path):
    index = VectorIndex(str(tmp_path / "index"))
    other = partition(tmp_path, "b", WEEKS[0], 4)
    for rows in (5, 3, 0, 6):
        new = partition(tmp_path, "a", WEEKS[0], rows, version=rows)
        for _ in range(2):
            index.replace_partition(new)
        index.replace_partition(other)
        assert index.differences([new, other]) == []
        assert index.count() == rows + 4


def test_what_is_replaced_or_dropped_leaves_the_disk(tmp_path: Path):
    index = VectorIndex(str(tmp_path / "index"))
    first = partition(tmp_path, "a", WEEKS[0], 40, size=384)
    other = partition(tmp_path, "b", WEEKS[0], 41, size=384)
    index.replace_partition(first)
    index.replace_partition(other)
    deleted, sample = index.vector(f"a{WEEKS[0]}00007"), f"a{WEEKS[0]}00030".encode()
    assert deleted is not None
    assert deleted.tobytes() in everything(tmp_path)
    assert sample in everything(tmp_path)
    index.replace_partition(partition(tmp_path, "a", WEEKS[0], 20, 2, size=384))
    assert deleted.tobytes() not in everything(tmp_path)
    assert sample not in everything(tmp_path)
    assert index.bring_in_line([other]) == 1
    assert f"a{WEEKS[0]}".encode() not in everything(tmp_path)
    assert index.differences([other]) == []


def test_a_rebuilt_index_equals_the_one_written_in_steps_and_answers_alike(tmp_path: Path):
    index = VectorIndex(str(tmp_path / "index"))
    parts = [partition(tmp_path, "a", week, 30, version=2) for week in WEEKS]
    for old in (partition(tmp_path, "a", WEEKS[0], 35), *parts):
        index.replace_partition(old)
    query = index.vector(f"a{WEEKS[1]}00003")
    assert query is not None
    before = index.neighbors(query, 50)
    index.rebuild(reversed(parts))
    assert index.differences(parts) == []
    assert index.neighbors(query, 50) == before
    assert not (tmp_path / "index.new").exists()
    index.rebuild([])
    assert (index.count(), index.neighbors(query, 3), index.differences([])) == (0, [], [])


def test_every_difference_is_told(tmp_path: Path):
    index = VectorIndex(str(tmp_path / "index"))
    held, stray = partition(tmp_path, "a", WEEKS[0], 5), partition(tmp_path, "b", WEEKS[0], 5)
    index.rebuild([held, stray])
    other_root = Partition(held.source, held.week, "f" * 64, held.parquet)
    assert index.differences([other_root, stray]) == [
        f"a {WEEKS[0]} is not tagged with its root ffffffffffff",
        "1 tags name roots that are not published",
    ]
    changed = Partition(
        "a", WEEKS[0], held.root, partition(tmp_path, "a", WEEKS[0], 5, version=3).parquet
    )
    assert index.differences([changed, stray]) == [
        f"a {WEEKS[0]} differs in vector from the sample a{WEEKS[0]}00000 on"
    ]
    shorter = Partition("a", WEEKS[0], held.root, partition(tmp_path, "a", WEEKS[0], 0).parquet)
    assert index.differences([shorter]) == [
        f"a {WEEKS[0]} has 5 rows, published are 0",
        "1 tags name roots that are not published",
        f"b {WEEKS[0]} is not published",
    ]


def test_bringing_in_line_touches_only_what_differs(tmp_path: Path):
    index = VectorIndex(str(tmp_path / "index"))
    parts = [partition(tmp_path, "a", week, 5) for week in WEEKS]
    assert index.bring_in_line(parts) == 2
    assert index.bring_in_line(parts) == 0
    parts[0] = partition(tmp_path, "a", WEEKS[0], 4, version=2)
    assert index.bring_in_line(parts) == 1
    assert index.differences(parts) == []


def test_another_models_vectors_do_not_stand_beside_the_old_ones(tmp_path: Path):
    index = VectorIndex(str(tmp_path / "index"))
    index.replace_partition(partition(tmp_path, "a", WEEKS[0], 5))
    new = partition(tmp_path, "b", WEEKS[0], 5, size=16)
    index.replace_partition(new)
    assert index.differences([new]) == []
    with pytest.raises(VectorIndexError, match="length 16 and the model gives 8"):
        index.neighbors(np.ones(8, dtype=np.float32), 3)


def test_a_sample_unknown_to_the_index_has_no_vector(tmp_path: Path):
    index = VectorIndex(str(tmp_path / "index"))
    assert index.vector("a") is None
    index.replace_partition(partition(tmp_path, "a", WEEKS[0], 5))
    assert index.vector("it's; --") is None


@settings(max_examples=10)
@given(st.integers(0, 5), st.integers(1, 60))
def test_neighbors_are_those_of_brute_force_with_ties_by_id(tmp_path_factory, seed: int, k: int):
    folder = tmp_path_factory.mktemp("ties")
    index = VectorIndex(str(folder / "index"))
    # The same vectors twice, under other ids: each similarity is there twice, to the bit.
    parts = [partition(folder, "a", WEEKS[0], 25, seed), partition(folder, "b", WEEKS[0], 25, seed)]
    for part in parts:
        index.replace_partition(part)
    tables = [pq.read_table(part.parquet) for part in parts]
    names = [name for table in tables for name in table["sample_id"].to_pylist()]
    vectors = np.array([v for table in tables for v in table["vector"].to_pylist()], np.float64)
    query = vectors[7]
    cosines = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    order = sorted(range(50), key=lambda i: (-round(cosines[i], 12), names[i]))[:k]
    found = index.neighbors(query.astype(np.float32), k)
    assert [item.sample_id for item in found] == [names[i] for i in order]
    assert [item.similarity for item in found] == pytest.approx(cosines[order], abs=1e-9)
