"""Row memory: what was paid for once, found again by what determines it.

One SQLite file for all profiles of a project. Every result of an engine is an entry under a kind
("generation", "embedding", …) and a key that hashes all it follows from, so that any later run,
week, source or partition that asks the same finds it. Each `put` is a transaction: a killed
process loses what it had not put, and nothing else. Processes share the file.

A value is stored with a checksum over its kind, its key and itself. What fails it is never served:
it is forgotten, so that it is asked again, and said. What was erased stays erased, whatever older
copy of the file is put back; see `core.erasures`.

The file serves the processes of one machine: SQLite's write-ahead log does not work over a network
file system. Work spread over machines comes back to the process that asked, which remembers it.
"""

import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from am_assets.core.erasures import Erasures

_VERSION = 2
"""1 had no checksums."""
_BUSY_S = 120.0
_WINDOW = 500
"""Keys a query; SQLite takes 999 parameters in its oldest builds."""

_RESULTS = """
CREATE TABLE IF NOT EXISTS results (
    kind TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, checksum BLOB,
    PRIMARY KEY (kind, key)
)"""
_OWNERS = """
CREATE TABLE IF NOT EXISTS owners (
    owner TEXT NOT NULL, kind TEXT NOT NULL, key BLOB NOT NULL, PRIMARY KEY (owner, kind, key)
) WITHOUT ROWID"""
_CHECKSUM = "checksum_of(CAST(kind AS BLOB), CAST(key AS BLOB), CAST(value AS BLOB))"
_DAMAGED = f"(checksum IS NULL OR CAST(checksum AS BLOB) IS NOT {_CHECKSUM})"


_DAMAGE = ("malformed", "not a database", "decode", "unsupported file format", "no such")
"""Words of SQLite's errors about a file whose bytes are not what it wrote."""


class RowMemoryError(RuntimeError):
    """The row memory cannot be used; the message names the file and the remedy."""


class Entry(NamedTuple):
    """One result. `key` is 32 hex digits, `owner` the sample (or benchmark item) it is about."""

    key: str
    value: bytes
    owner: str


class RowMemory:
    """Results by kind and key, in the SQLite file `path`, or for this object's life without one.

    Safe to share between threads and processes. Raises RowMemoryError. `say` takes one line of
    what a person should know: that entries were damaged, or erased again.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.say: Callable[[str], None] = lambda line: None
        self._path = path
        self._erasures = Erasures(path)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def get(self, kind: str, wanted: Iterable[tuple[str, str]]) -> dict[str, bytes]:
        """The remembered values, by key, of those (key, owner) that are there and whole.

        Whoever finds an entry owns it too from then on: `erase` of any of its owners erases it.
        A damaged entry is forgotten.
        """
        asked = list(wanted)
        found: dict[str, bytes] = {}
        damaged: list[bytes] = []
        with self._open() as connection:
            for window in _windows(sorted({key for key, _ in asked})):
                marks = ",".join("?" * len(window))
                # Cast, because a flipped bit may say that a value is a number.
                rows = connection.execute(
                    "SELECT CAST(key AS BLOB), CAST(value AS BLOB), CAST(checksum AS BLOB) "
                    f"FROM results WHERE kind = ? AND key IN ({marks})",
                    (kind, *map(bytes.fromhex, window)),
                )
                for key, value, checksum in rows:
                    if checksum and checksum == _checksum(kind.encode(), key, value):
                        found[key.hex()] = value
                    else:
                        damaged.append(key)
            if damaged:
                self._forget(connection, kind, damaged)
            self._own(connection, kind, [item for item in asked if item[0] in found])
        return found

    def put(self, kind: str, entries: Iterable[Entry]) -> None:
        """Remember `entries`, all or none; an entry of the same key is replaced."""
        listed = list(entries)
        values: list[tuple[str, bytes, bytes, bytes | None]] = []
        for entry in listed:
            key = bytes.fromhex(entry.key)
            values.append((kind, key, entry.value, _checksum(kind.encode(), key, entry.value)))
        owners = [(entry.owner, kind, bytes.fromhex(entry.key)) for entry in listed]
        named = {entry.owner for entry in listed}
        with self._open() as connection, self._returning(named), transaction(connection):
            connection.executemany("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", values)
            connection.executemany("INSERT OR IGNORE INTO owners VALUES (?, ?, ?)", owners)

    def erase(self, owners: Iterable[str]) -> int:
        """Forget every entry of `owners`, on disk as well; gives how many there were.

        That they are erased is recorded outside the file, before they are.
        """
        listed = list(owners)
        with self._open() as connection:
            with self._erasures.held():
                self._erasures.erased(listed)
                erased = _erase(connection, listed)
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise RowMemoryError(
                f"the row memory {self._path} is being read, so that erased entries are still in "
                "its log: erase again when no run is going on"
            )
        return erased

    def verify(self) -> tuple[int, int]:
        """Read every entry; gives how many there were, and how many were damaged and forgotten.

        Raises RowMemoryError where the file itself is damaged.
        """
        with self._open() as connection:
            (entries,) = connection.execute("SELECT count(*) FROM results NOT INDEXED").fetchone()
            with transaction(connection):
                damaged = connection.execute(f"DELETE FROM results WHERE {_DAMAGED}").rowcount
            (found, *_) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(f"malformed: {' '.join(found.split())}")
        return entries, damaged

    def counts(self) -> dict[str, tuple[int, int]]:
        """Entries and bytes by kind."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT kind, count(*), sum(length(value)) FROM results GROUP BY kind ORDER BY kind"
            )
            return {kind: (entries, size) for kind, entries, size in rows}

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def _own(
        self, connection: sqlite3.Connection, kind: str, found: Iterable[tuple[str, str]]
    ) -> None:
        """Add the owners of `found` (key, owner) that are new; known ones must not write."""
        wanted = {(owner, kind, bytes.fromhex(key)) for key, owner in found}
        known: set[tuple[str, str, bytes]] = set()
        names = sorted({owner for owner, _, _ in wanted})
        for window in _windows(names):
            marks = ",".join("?" * len(window))
            known.update(
                connection.execute(
                    f"SELECT owner, kind, key FROM owners WHERE owner IN ({marks}) AND kind = ?",
                    (*window, kind),
                )
            )
        if missing := sorted(wanted - known):
            with self._returning({owner for owner, _, _ in missing}), transaction(connection):
                connection.executemany("INSERT OR IGNORE INTO owners VALUES (?, ?, ?)", missing)

    def _forget(self, connection: sqlite3.Connection, kind: str, damaged: list[bytes]) -> None:
        """Delete those of the entries that are damaged still: another process may have healed one.

        Their owners stay known: what is asked again is theirs too.
        """
        with transaction(connection):
            connection.executemany(
                f"DELETE FROM results WHERE kind = ? AND key = ? AND {_DAMAGED}",
                [(kind, key) for key in damaged],
            )
        self.say(
            f"The row memory {self._path or ''} held {len(damaged)} damaged entries of kind {kind}:"
            " they are forgotten, and asked again where they are needed"
        )

    @contextmanager
    def _returning(self, owners: set[str]) -> Iterator[None]:
        """While something is remembered for `owners`: those that were erased are so no longer."""
        if owners.isdisjoint(self._erasures.gone()):
            yield
            return
        with self._erasures.held():
            yield
            # Last: an owner whose return is not recorded is erased again, and asked again.
            self._erasures.returned(owners)

    def _erase_again(self, connection: sqlite3.Connection) -> None:
        """Erase what the record says is gone, of whichever copy of the file this is."""
        gone = self._erasures.gone()
        if not _owning(connection, gone):
            return
        with self._erasures.held():
            owners = _owning(connection, self._erasures.gone())
            erased = _erase(connection, owners)
        # Without waiting for others that read: nothing in the log is served any more.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self.say(
            f"The row memory {self._path} was a copy from before an erasure: {erased} entries of "
            f"{len(owners)} erased samples are erased again"
        )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None or self._process != os.getpid():
                    # A connection must not be carried over a fork.
                    connection = self._connect()
                    self._erase_again(connection)
                    self._connection, self._process = connection, os.getpid()
                yield self._connection
            except sqlite3.Error as error:
                raise RowMemoryError(self._explain(error)) from error

    def _connect(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            # SQLite's name for a file that is private, and goes to disk when it outgrows the cache.
            self._path or "",
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        _turn_log_on(connection)
        # What a killed process wrote is kept; a power cut may cost the last entries, not the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        # Pages of the log before they are brought into the file, which waits for the disk.
        connection.execute("PRAGMA wal_autocheckpoint = 8192")
        # Overwrites what is deleted or replaced, instead of leaving it in free pages.
        connection.execute("PRAGMA secure_delete = ON")
        connection.create_function("checksum_of", 3, _checksum, deterministic=True)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in range(_VERSION + 1):
            connection.close()
            raise RowMemoryError(
                f"the row memory {self._path} has version {version}, this program knows "
                f"{_VERSION}: use the program that wrote it, or move the file away"
            )
        if version < _VERSION:
            # Whole or not at all; a process that waited for another finds nothing left to do.
            with transaction(connection):
                _upgrade(connection)
        return connection

    def _explain(self, error: sqlite3.Error) -> str:
        text = str(error)
        if "full" in text:
            remedy = "free some space and run again; all that was remembered is kept"
        elif "locked" in text:
            remedy = f"another process held it for over {_BUSY_S:.0f} s; end it and run again"
        elif any(word in text for word in _DAMAGE):
            remedy = "move the file away; its answers are asked again where they are needed"
        else:
            remedy = "see that the folder can be written and lies on a local disk"
        return f"the row memory {self._path or ''} failed ({text}): {remedy}"


def _turn_log_on(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; unlike statements this does not wait for other processes."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything or nothing; other writers wait."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        # SQLite has rolled back by itself where the disk was full.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _checksum(kind: bytes | None, key: bytes | None, value: bytes | None) -> bytes | None:
    """Eight bytes that bind a value to its kind and key; None where one is missing."""
    if kind is None or key is None or value is None:
        return None
    head = len(kind).to_bytes(4) + kind + len(key).to_bytes(4) + key
    return hashlib.blake2b(head + value, digest_size=8).digest()


def _upgrade(connection: sqlite3.Connection) -> None:
    """Bring a file of version 1, or a new one, to this version.

    What a file of version 1 holds gets its checksums from what is there: what was damaged before
    cannot be known.
    """
    connection.execute(_RESULTS)
    connection.execute(_OWNERS)
    columns = {row[1] for row in connection.execute("PRAGMA table_info(results)")}
    if "checksum" not in columns:
        connection.execute("ALTER TABLE results ADD COLUMN checksum BLOB")
        connection.execute(f"UPDATE results SET checksum = {_CHECKSUM}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _owning(connection: sqlite3.Connection, owners: Iterable[str]) -> list[str]:
    """Those of `owners` that have entries."""
    found: set[str] = set()
    for window in _windows(sorted(owners)):
        marks = ",".join("?" * len(window))
        rows = connection.execute(
            f"SELECT DISTINCT owner FROM owners WHERE owner IN ({marks})", tuple(window)
        )
        found.update(owner for (owner,) in rows)
    return sorted(found)


def _erase(connection: sqlite3.Connection, owners: Iterable[str]) -> int:
    """Delete the entries of `owners`; gives how many there were."""
    erased = 0
    with transaction(connection):
        for owner in owners:
            keys = connection.execute(
                "SELECT kind, key FROM owners WHERE owner = ?", (owner,)
            ).fetchall()
            for key in keys:
                erased += connection.execute(
                    "DELETE FROM results WHERE kind = ? AND key = ?", key
                ).rowcount
                connection.execute("DELETE FROM owners WHERE kind = ? AND key = ?", key)
    return erased


def _windows(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _WINDOW):
        yield items[start : start + _WINDOW]
