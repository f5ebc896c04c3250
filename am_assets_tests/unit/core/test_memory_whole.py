"""The row memory serves what was put and nothing else, whatever happened to its file since."""

import multiprocessing
import random
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from am_assets.core.identity import digest
from am_assets.core.memory import Entry, RowMemory, RowMemoryError

KEYS = [digest("key", index) for index in range(40)]
VALUES = {key: f"the answer to {index} is {7 * index}".encode() for index, key in enumerate(KEYS)}
WANTED = [(key, f"sample{index}") for index, key in enumerate(KEYS)]


def _entries() -> list[Entry]:
    return [Entry(key, VALUES[key], owner) for key, owner in WANTED]


def _filled(path: Path) -> Path:
    memory = RowMemory(path)
    memory.put("generation", _entries())
    memory.put("embedding", [Entry(key, VALUES[key][::-1], owner) for key, owner in WANTED])
    memory.close()
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return _filled(tmp_path / "memory.sqlite")


def _sql(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def _flip_digit(path: Path) -> None:
    _sql(path, "UPDATE results SET value = CAST(replace(value, 'is 7', 'is 8') AS BLOB) "
         f"WHERE kind = 'generation' AND key = x'{KEYS[1]}'")  # fmt: skip


def test_a_changed_digit_is_not_served_but_forgotten_and_said(path: Path) -> None:
    _flip_digit(path)
    memory, said = RowMemory(path), []
    memory.say = said.append
    found = memory.get("generation", WANTED)
    assert found == {key: value for key, value in VALUES.items() if key != KEYS[1]}
    assert len(said) == 1
    assert "1 damaged entries of kind generation" in said[0]
    assert memory.counts()["generation"][0] == len(KEYS) - 1


def test_what_was_damaged_is_served_again_once_it_is_put_again(path: Path) -> None:
    _flip_digit(path)
    memory = RowMemory(path)
    assert KEYS[1] not in memory.get("generation", WANTED)
    memory.put("generation", [_entries()[1]])
    assert memory.get("generation", WANTED) == VALUES
    assert memory.erase(["sample1"]) == 2


@pytest.mark.parametrize("column", ["value", "value, checksum"])
def test_the_values_of_two_keys_changed_over_are_noticed(path: Path, column: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    select = f"SELECT {column} FROM results WHERE kind = 'generation' AND key = ?"
    keys = [bytes.fromhex(key) for key in KEYS[:2]]
    rows = [connection.execute(select, (key,)).fetchone() for key in keys]
    names = ", ".join(f"{name} = ?" for name in column.split(", "))
    for key, row in zip(keys, reversed(rows), strict=True):
        connection.execute(f"UPDATE results SET {names} WHERE key = ?", (*row, key))
    connection.close()
    assert RowMemory(path).get("generation", WANTED[:2]) == {}


def test_an_entry_under_another_kind_is_not_served(path: Path) -> None:
    _sql(path, "UPDATE results SET kind = 'rating' WHERE kind = 'embedding'")
    assert RowMemory(path).get("rating", WANTED) == {}


def test_verifying_reads_every_entry_and_forgets_the_damaged(path: Path) -> None:
    _flip_digit(path)
    memory = RowMemory(path)
    assert memory.verify() == (2 * len(KEYS), 1)
    assert memory.verify() == (2 * len(KEYS) - 1, 0)


def test_verifying_names_a_file_that_is_damaged_as_a_whole(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:6000] = bytes(1904)
    path.write_bytes(data)
    with pytest.raises(RowMemoryError, match="move the file away"):
        RowMemory(path).verify()


def test_no_flipped_bit_anywhere_in_the_file_makes_it_serve_anything_else(tmp_path: Path) -> None:
    whole = _filled(tmp_path / "whole.sqlite").read_bytes()
    draw = random.Random(11)
    harmless = named = 0
    for number in range(400):
        data, path = bytearray(whole), tmp_path / f"{number}.sqlite"
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        memory = RowMemory(path)
        try:
            found = memory.get("generation", WANTED)
            backwards = memory.get("embedding", WANTED)
            harmless += 1
        except RowMemoryError:
            named += 1
        else:
            assert all(VALUES[key] == value for key, value in found.items())
            assert all(VALUES[key] == value[::-1] for key, value in backwards.items())
        memory.close()
    assert harmless > named > 0


# Files of version 1 -----------------------------------------------------------------------------


def _version_1(path: Path) -> Path:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(
        """
        CREATE TABLE results (
            kind TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)
        );
        CREATE TABLE owners (
            owner TEXT NOT NULL, kind TEXT NOT NULL, key BLOB NOT NULL,
            PRIMARY KEY (owner, kind, key)
        ) WITHOUT ROWID;
        PRAGMA user_version = 1;
        """
    )
    keys = [(bytes.fromhex(entry.key), entry) for entry in _entries()]
    connection.executemany(
        "INSERT INTO results VALUES ('generation', ?, ?)", [(key, e.value) for key, e in keys]
    )
    connection.executemany(
        "INSERT INTO owners VALUES (?, 'generation', ?)", [(e.owner, key) for key, e in keys]
    )
    connection.close()
    return path


def test_a_file_without_checksums_gets_them_when_it_is_opened(tmp_path: Path) -> None:
    path = _version_1(tmp_path / "memory.sqlite")
    assert RowMemory(path).get("generation", WANTED) == VALUES
    assert RowMemory(path).verify() == (len(KEYS), 0)
    _flip_digit(path)
    assert KEYS[1] not in RowMemory(path).get("generation", WANTED)


def _open_and_read(path: Path, results: "multiprocessing.Queue[int]") -> None:
    results.put(len(RowMemory(path).get("generation", WANTED)))


def test_processes_that_open_an_older_file_at_once_all_find_everything(tmp_path: Path) -> None:
    path = _version_1(tmp_path / "memory.sqlite")
    context = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[int] = context.Queue()
    workers = [context.Process(target=_open_and_read, args=(path, results)) for _ in range(6)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=60) for _ in workers] == [len(KEYS)] * 6
    for worker in workers:
        worker.join()


def test_an_upgrade_that_broke_off_leaves_the_older_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _version_1(tmp_path / "memory.sqlite")
    with monkeypatch.context() as patched:
        patched.setattr("am_assets.core.memory._CHECKSUM", "checksum_of(key)")
        with pytest.raises(RowMemoryError):
            RowMemory(path).counts()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()
    assert RowMemory(path).get("generation", WANTED) == VALUES


def test_a_file_that_lost_its_version_loses_nothing_else(tmp_path: Path) -> None:
    for path in (_version_1(tmp_path / "1.sqlite"), _filled(tmp_path / "2.sqlite")):
        _sql(path, "PRAGMA user_version = 0")
        assert RowMemory(path).get("generation", WANTED) == VALUES


# Erasures ---------------------------------------------------------------------------------------


def _texts(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def _others(owner: str) -> dict[str, bytes]:
    return {key: VALUES[key] for key, other in WANTED if other != owner}


@pytest.fixture
def said() -> list[str]:
    return []


def test_an_older_copy_put_back_serves_nothing_of_who_was_erased_since(
    path: Path, tmp_path: Path, said: list[str]
) -> None:
    copy = shutil.copyfile(path, tmp_path / "copy")
    RowMemory(path).erase(["sample3", "sample4"])
    copy.rename(path)
    memory = RowMemory(path)
    memory.say = said.append
    found = memory.get("generation", WANTED)
    assert found == {k: v for k, v in _others("sample3").items() if k != KEYS[4]}
    assert "4 entries of 2 erased samples are erased again" in said[0]
    memory.close()
    assert VALUES[KEYS[3]] not in _texts(path.parent)


def test_an_older_log_put_back_serves_nothing_of_who_was_erased_since(
    path: Path, tmp_path: Path
) -> None:
    memory = RowMemory(path)
    memory.put("rating", [Entry(KEYS[3], b"rated", "sample3")])
    log = path.with_name(path.name + "-wal")
    copy = shutil.copyfile(log, tmp_path / "copy")
    memory.erase(["sample3"])
    memory.close()
    shutil.copyfile(copy, log)
    again = RowMemory(path)
    for kind in ("rating", "generation") * 2:
        # A log of another time may tear the file's pages apart, which is named.
        with suppress(RowMemoryError):
            assert KEYS[3] not in again.get(kind, WANTED)


def test_a_whole_other_file_put_in_place_serves_nothing_of_who_was_erased(
    path: Path, tmp_path: Path
) -> None:
    RowMemory(path).erase(["sample3"])
    _filled(tmp_path / "elsewhere.sqlite").rename(path)
    assert RowMemory(path).get("generation", WANTED) == _others("sample3")


def test_an_erasure_that_was_killed_before_it_was_done_is_done_at_the_next_opening(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("am_assets.core.memory._erase", killed)
        with pytest.raises(KeyboardInterrupt):
            RowMemory(path).erase(["sample3"])
    assert RowMemory(path).get("generation", WANTED) == _others("sample3")


def test_who_is_asked_about_again_is_remembered_again(path: Path, said: list[str]) -> None:
    memory = RowMemory(path)
    memory.erase(["sample3", "sample4"])
    memory.put("generation", [_entries()[3]])
    memory.put("rating", [Entry(KEYS[0], b"rated", "another")])
    memory.get("rating", [(KEYS[0], "sample4")])
    memory.close()
    memory.say = said.append
    assert memory.get("generation", WANTED[3:5]) == {KEYS[3]: VALUES[KEYS[3]]}
    assert memory.get("rating", [(KEYS[0], "x")]) == {KEYS[0]: b"rated"}
    assert said == []
    assert memory.erase(["sample3"]) == 1
    memory.close()
    assert memory.get("generation", WANTED[3:4]) == {}


def test_a_line_of_the_record_that_was_cut_short_spoils_no_other(path: Path) -> None:
    memory = RowMemory(path)
    memory.erase(["sample1"])
    memory.close()
    record = path.with_name(path.name + "-erased")
    record.write_bytes(record.read_bytes() + b"- samp")
    RowMemory(path).erase(["sample2"])
    _filled(path.with_name("elsewhere.sqlite")).rename(path)
    found = RowMemory(path).get("generation", WANTED[:4])
    assert found == {KEYS[0]: VALUES[KEYS[0]], KEYS[3]: VALUES[KEYS[3]]}
