"""Writing a table larger than memory: rows in any order, out as Parquet sorted by id.

Rows wait in a SQLite file of the scratch folder, which sorts them; then they are read back, a
bounded number of bytes at a time, into row groups and into the artifact's root.
"""

import pickle
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from am_assets.core.id_set import Cells, IdCounter
from am_assets.core.identity import leaves, merkle
from am_assets.core.ledger import Ledger, tally
from am_assets.core.schema import TableSchema
from am_assets.core.store import PARQUET

_GROUP_ROWS = 8192
_GROUP_BYTES = 64 << 20
_FLUSH_ROWS = 1024
_FLUSH_BYTES = 16 << 20


@dataclass(frozen=True)
class WrittenTable:
    """A table that lies in its artifact's folder already."""

    schema: TableSchema
    num_rows: int
    root: str
    fates: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """Rows by decision and reason, for schemas that have them."""
    ids: dict[str, Cells] | None = None
    """Sample ids by decision, for tables of samples that have one."""

    def ledger(self, rows_in: int | None = None) -> Ledger:
        """The ledger of these rows; see `core.ledger.tally`."""
        return tally(self.fates, rows_in)


class TableWriter:
    """Collects the rows of one table and writes them to `folder` on `finish`.

    Use as a context manager: the scratch file goes away at its end. Memory is bounded by a row
    group, whatever the number of rows.
    """

    def __init__(self, schema: TableSchema, folder: Path, scratch: Path) -> None:
        self._schema = schema
        self._folder = folder
        self._scratch = scratch / f"{schema.name}.rows"
        self._names = set(schema.arrow.names)
        self._fates: Counter[tuple[str, str | None]] = Counter()
        self._has_fate = schema.has_fate
        self._ids = IdCounter() if schema.has_sample_fate else None
        self._rows = 0
        self._waiting: list[tuple[str, bytes]] = []
        self._waiting_bytes = 0
        self._scratch.unlink(missing_ok=True)  # a killed run's, where the folder is used again
        self._database = sqlite3.connect(self._scratch, isolation_level=None)
        # The file is private and thrown away: it needs no journal and no patience of the disk.
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -32768"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute("CREATE TABLE rows (id TEXT NOT NULL, row BLOB NOT NULL)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._database.close()
        self._scratch.unlink(missing_ok=True)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take one row; columns it leaves out are null.

        Raises KeyError for a column the schema does not have.
        """
        if not self._names.issuperset(row):
            unknown = ", ".join(sorted(set(row) - self._names))
            raise KeyError(f"table {self._schema.name} has no column {unknown}")
        data = pickle.dumps(dict(row), protocol=5)
        self._waiting.append((row[self._schema.id_column], data))
        self._waiting_bytes += len(data)
        if self._has_fate:
            self._fates[row["decision"], row.get("reason")] += 1
        if self._ids is not None:
            self._ids.add(row["decision"], row["source"], row["week"], row["sample_id"])
        self._rows += 1
        if len(self._waiting) == _FLUSH_ROWS or self._waiting_bytes >= _FLUSH_BYTES:
            self._flush()

    def finish(self) -> WrittenTable:
        """Write `<name>.parquet`, sorted by id; raises ValueError for an id that repeats."""
        self._flush()
        try:
            # Sorting once costs less than keeping a tree in order row by row.
            self._database.execute("CREATE UNIQUE INDEX by_id ON rows (id)")
        except sqlite3.IntegrityError as error:
            (row_id,) = self._database.execute(
                "SELECT id FROM rows GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 1"
            ).fetchone()
            raise ValueError(
                f"id {row_id} occurs twice in one table; ids must be unique"
            ) from error
        root = merkle(self._write())
        ids = None if self._ids is None else self._ids.cells()
        return WrittenTable(self._schema, self._rows, root, self._fates, ids)

    def _flush(self) -> None:
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO rows VALUES (?, ?)", self._waiting)
        self._database.execute("COMMIT")
        self._waiting, self._waiting_bytes = [], 0

    def _write(self) -> Iterator[bytes]:
        """Write the row groups; gives the leaves of the root in the order of the ids."""
        schema = self._schema
        path = self._folder / f"{schema.name}.parquet"
        with pq.ParquetWriter(path, schema.arrow, **PARQUET) as writer:
            for group in self._groups():
                writer.write_table(group)
                yield from leaves(group, schema.id_column)

    def _groups(self) -> Iterator[pa.Table]:
        rows: list[dict[str, Any]] = []
        size = 0
        for (data,) in self._database.execute("SELECT row FROM rows ORDER BY id"):
            rows.append(pickle.loads(data))
            size += len(data)
            if len(rows) == _GROUP_ROWS or size >= _GROUP_BYTES:
                yield self._schema.table(rows)
                rows, size = [], 0
        if rows:
            yield self._schema.table(rows)
