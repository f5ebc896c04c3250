"""Rows by id in a scratch file: the side of a join that is looked up, when it outgrows memory."""

import pickle
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

_WINDOW = 500
"""Ids a query; SQLite takes 999 parameters in its oldest builds."""


class RowFile:
    """Rows in the SQLite file `path`, which must not exist; a context manager that removes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = sqlite3.connect(path, isolation_level=None)
        # The file is private and thrown away: it needs no journal and no patience of the disk.
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -32768"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute(
            "CREATE TABLE rows (id TEXT PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._path.unlink(missing_ok=True)

    def add(self, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Take rows with their ids; raises sqlite3.IntegrityError for an id that repeats."""
        self._database.execute("BEGIN")
        self._database.executemany(
            "INSERT INTO rows VALUES (?, ?)",
            ((row_id, pickle.dumps(dict(row), protocol=5)) for row_id, row in rows),
        )
        self._database.execute("COMMIT")

    def get(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The rows of `ids`, by id; ids that are not there are left out."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(ids), _WINDOW):
            window = ids[start : start + _WINDOW]
            marks = ",".join("?" * len(window))
            query = f"SELECT id, row FROM rows WHERE id IN ({marks})"
            found.update(
                (row_id, pickle.loads(data))
                for row_id, data in self._database.execute(query, tuple(window))
            )
        return found
