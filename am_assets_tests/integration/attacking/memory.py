"""Attacks on a project's row memory: flipped bits, exchanged rows, older copies put back.

Each function takes a project folder whose memory holds something and works on a copy of that
memory.
"""

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from am_assets.core.memory import RowMemory
from am_assets.core.store import memory_path
from am_assets_tests.integration.attacking.copies import Attack, line_of

Kept = dict[tuple[str, str], bytes]
"""Values by (kind, key)."""


def flipped_bits(project: Path, flips: int = 100, seed: int = 11) -> list[str]:
    """Single flipped bits anywhere in the file, a line each: what is served is what was put."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        whole = _copy(project, Path(scratch))
        kept, draw = _everything(whole), random.Random(seed)
        data = whole.read_bytes()
        for number in range(flips):
            bit = draw.randrange(8 * len(data))
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            path = Path(scratch) / f"{number}.sqlite"
            path.write_bytes(flipped)

            def serve(path: Path = path) -> str | None:
                others = [one for one, value in _served(path, kept).items() if kept[one] != value]
                return f"another value of {others[0]} is served" if others else None

            lines.append(line_of(f"bit {bit} of the memory", serve))
            path.unlink()
    return lines


def changed_values(project: Path) -> list[str]:
    """One byte changed in every value: none is served."""

    def change(connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT rowid, value FROM results WHERE value != x''").fetchall()
        connection.executemany(
            "UPDATE results SET value = ? WHERE rowid = ?",
            [(bytes([value[0] ^ 1]) + value[1:], row) for row, value in rows],
        )

    return _after(project, change, "changed values")


def exchanged_values(project: Path) -> list[str]:
    """Values, and their checksums, moved to the next key of their kind: none is served."""

    def change(connection: sqlite3.Connection) -> None:
        for (kind,) in connection.execute("SELECT DISTINCT kind FROM results").fetchall():
            rows = connection.execute(
                "SELECT rowid, value, checksum FROM results WHERE kind = ? ORDER BY key", (kind,)
            ).fetchall()
            moved = zip(rows, [*rows[1:], rows[0]], strict=True)
            connection.executemany(
                "UPDATE results SET value = ?, checksum = ? WHERE rowid = ?",
                [(*other[1:], row[0]) for row, other in moved if other[1] != row[1]],
            )

    return _after(project, change, "exchanged values")


def older_copy(project: Path) -> list[str]:
    """A copy from before an erasure put back: nothing of who was erased is served."""
    with tempfile.TemporaryDirectory() as scratch:
        path = _copy(project, Path(scratch))
        kept = _everything(path)
        with closing(sqlite3.connect(path)) as connection:
            (owner,) = connection.execute("SELECT min(owner) FROM owners").fetchone()
            rows = connection.execute("SELECT kind, key FROM owners WHERE owner = ?", (owner,))
            gone = {(kind, key.hex()) for kind, key in rows.fetchall()}
        copy = shutil.copyfile(path, Path(scratch) / "backup")
        _erase(path, owner)
        shutil.copyfile(copy, path)
        served = _served(path, kept)
    if gone & served.keys():
        return ["broken: an older copy of the memory serves what was erased"]
    return [f"held: of an older copy put back, {len(gone)} erased entries are not served"]


def older_version(project: Path) -> list[str]:
    """A file of version 1, its own version lost, serves what it held."""
    with tempfile.TemporaryDirectory() as scratch:
        path = _copy(project, Path(scratch))
        kept = _everything(path)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("ALTER TABLE results DROP COLUMN checksum")
            connection.execute("PRAGMA user_version = 0")
        served = _served(path, kept)
    if served != kept:
        return [f"broken: {len(kept) - len(served)} entries of an older file are lost"]
    return [f"held: an older file's {len(kept)} entries are served"]


ATTACKS: dict[str, Attack] = {
    "bits of the memory that turn": flipped_bits,
    "values of the memory that change": changed_values,
    "values of the memory that change places": exchanged_values,
    "an older copy of the memory after an erasure": older_copy,
    "a memory of an older version": older_version,
}
"""Every attack by what it does; each takes the folder of a finished tiny project."""


def _after(project: Path, change: Callable[[sqlite3.Connection], None], what: str) -> list[str]:
    with tempfile.TemporaryDirectory() as scratch:
        path = _copy(project, Path(scratch))
        kept = _everything(path)
        with closing(sqlite3.connect(path)) as connection, connection:
            change(connection)
        served = _served(path, kept)
    if any(kept[one] != value for one, value in served.items()):
        return [f"broken: {what} in the memory are served"]
    return [f"held: {what} in the memory, {len(kept) - len(served)} of {len(kept)} asked again"]


def _copy(project: Path, scratch: Path) -> Path:
    """The project's memory as one file, its log brought in, of this program's version."""
    path = scratch / "memory.sqlite"
    source = sqlite3.connect(memory_path(project))
    with closing(source), closing(sqlite3.connect(path)) as target:
        source.backup(target)
    memory = RowMemory(path)
    memory.counts()
    memory.close()
    return path


def _erase(path: Path, owner: str) -> None:
    memory = RowMemory(path)
    memory.erase([owner])
    memory.close()


def _everything(path: Path) -> Kept:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT kind, key, value FROM results").fetchall()
    return {(kind, key.hex()): value for kind, key, value in rows}


def _served(path: Path, kept: Kept) -> Kept:
    memory, served = RowMemory(path), Kept()
    try:
        for kind in sorted({kind for kind, _ in kept}):
            wanted = [(key, "attack") for of, key in kept if of == kind]
            found = memory.get(kind, wanted)
            served |= {(kind, key): value for key, value in found.items()}
    finally:
        memory.close()
    return served
