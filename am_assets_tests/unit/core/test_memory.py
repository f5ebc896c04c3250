"""The row memory: what was put is found by every process, until its owner is erased."""

import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.core import memory as memory_module
from am_assets.core.identity import digest
from am_assets.core.memory import Entry, RowMemory, RowMemoryError

KEYS = [digest("key", index) for index in range(4)]


def _entry(index: int, value: bytes = b"value", owner: str = "sample") -> Entry:
    return Entry(KEYS[index], value, owner)


def test_what_one_process_put_another_finds(tmp_path: Path) -> None:
    path = tmp_path / "new" / "memory.sqlite"
    RowMemory(path).put("generation", [_entry(0)])
    other = RowMemory(path)
    assert other.get("generation", [(KEYS[0], "x"), (KEYS[1], "x")]) == {KEYS[0]: b"value"}
    assert other.get("embedding", [(KEYS[0], "x")]) == {}


def test_a_later_result_replaces_an_earlier_one_of_the_same_key() -> None:
    memory = RowMemory()
    memory.put("generation", [_entry(0, b"short")])
    memory.put("generation", [_entry(0, b"long")])
    assert memory.get("generation", [(KEYS[0], "sample")]) == {KEYS[0]: b"long"}
    assert memory.counts() == {"generation": (1, 4)}


def test_erasing_a_sample_forgets_its_results_of_every_kind_and_no_others() -> None:
    memory = RowMemory()
    memory.put("generation", [_entry(0, owner="a"), _entry(1, owner="b")])
    memory.put("rating", [_entry(0, owner="a")])
    assert memory.erase(["a", "unknown"]) == 2
    assert memory.get("generation", [(KEYS[0], "a"), (KEYS[1], "b")]) == {KEYS[1]: b"value"}
    assert memory.get("rating", [(KEYS[0], "a")]) == {}


def test_whoever_is_served_an_entry_owns_it_too() -> None:
    memory = RowMemory()
    memory.put("generation", [_entry(0, owner="first")])
    memory.get("generation", [(KEYS[0], "second"), (KEYS[0], "third")])
    assert memory.erase(["third"]) == 1
    assert memory.get("generation", [(KEYS[0], "first")]) == {}


def test_what_is_erased_is_not_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    memory = RowMemory(path)
    secret = b"the text of a sample that was taken down" * 50
    memory.put("generation", [_entry(0, secret, "a"), _entry(1, b"other", "b")])
    memory.erase(["a"])
    files = [entry for entry in tmp_path.iterdir() if entry.name.startswith(path.name)]
    assert files
    assert not any(b"taken down" in entry.read_bytes() for entry in files)


def test_an_entry_is_put_whole_or_not_at_all() -> None:
    memory = RowMemory()
    with pytest.raises(ValueError, match="non-hexadecimal"):
        memory.put("generation", [_entry(0), Entry("no key", b"", "sample")])
    assert memory.get("generation", [(KEYS[0], "sample")]) == {}


def test_a_file_that_is_no_memory_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    path.write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(RowMemoryError, match="move the file away"):
        RowMemory(path).counts()


def test_a_memory_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    RowMemory(path).counts()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(RowMemoryError, match="version 99"):
        RowMemory(path).counts()


def test_a_forked_process_opens_the_file_for_itself(tmp_path: Path) -> None:
    memory = RowMemory(tmp_path / "memory.sqlite")
    memory.put("generation", [_entry(0)])
    child = os.fork()
    if child == 0:
        memory.put("generation", [_entry(1)])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(memory.get("generation", [(key, "sample") for key in KEYS])) == 2


def _put_forever(path: Path, seed: int) -> None:
    memory = RowMemory(path)
    for index in range(10**9):
        memory.put("generation", [Entry(digest(seed, index), b"v" * 500, f"{seed}")])


def test_processes_that_are_killed_while_they_write_lose_nothing_they_had_put(
    tmp_path: Path,
) -> None:
    path = tmp_path / "memory.sqlite"
    RowMemory(path).counts()
    context = multiprocessing.get_context("spawn")
    for kill in range(3):
        writers = [
            context.Process(target=_put_forever, args=(path, 10 * kill + index))
            for index in range(2)
        ]
        for writer in writers:
            writer.start()
        seen = RowMemory(path)
        before = sum(count for count, _ in seen.counts().values())
        while sum(count for count, _ in seen.counts().values()) < before + 50:
            time.sleep(0.01)
        for writer in writers:
            assert writer.pid is not None
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
    memory = RowMemory(path)
    for kill in range(3):
        for index in range(2):
            seed = 10 * kill + index
            keys = [(digest(seed, number), f"{seed}") for number in range(3000)]
            found = memory.get("generation", keys)
            # Without a gap: what was put before the last one is there.
            assert [key in found for key, _ in keys] == [
                number < len(found) for number in range(3000)
            ]


@given(st.dictionaries(st.integers(0, 3), st.binary(max_size=64)))
def test_values_come_back_as_they_were_put(values: dict[int, bytes]) -> None:
    memory = RowMemory()
    memory.put("k", [Entry(KEYS[index], value, "s") for index, value in values.items()])
    found = memory.get("k", [(key, "s") for key in KEYS])
    assert found == {KEYS[index]: value for index, value in values.items()}


def test_erasing_while_someone_reads_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_module, "_BUSY_S", 0.2)
    path = tmp_path / "memory.sqlite"
    memory = RowMemory(path)
    memory.put("generation", [_entry(0)])
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM results").fetchone()
    with pytest.raises(RowMemoryError, match="erase again"):
        memory.erase(["sample"])
    reader.close()
    memory.erase(["sample"])


def test_a_full_disk_is_named_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, opened = sqlite3.connect, list[sqlite3.Connection]()

    def noted(*args: Any, **settings: Any) -> sqlite3.Connection:
        opened.append(connect(*args, **settings))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", noted)
    memory = RowMemory()
    memory.counts()
    opened[-1].execute("PRAGMA max_page_count = 10")
    with pytest.raises(RowMemoryError, match="free some space"):
        memory.put("generation", [_entry(0, b"x" * 200_000)])
    memory.put("generation", [_entry(1)])
    assert list(memory.get("generation", [(key, "sample") for key in KEYS])) == [KEYS[1]]
