"""A LanceDB table over all embeddings: derived from the embedding artifacts, made again any time.

The sorted Parquet files are the truth; this index answers nearest-neighbour questions about them.
Each partition (source and week) is replaced as a whole, and a tag says which root it holds. The
search is flat: an approximate index would answer differently each time it is built.
"""

import hashlib
import random
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar, cast

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.query import LanceVectorQueryBuilder

_TABLE = "prompts"
_COLUMNS = ["sample_id", "source", "week", "vector"]
_ATTEMPTS = 12
# Lance 7: declares a key, without which two concurrent merges of one id both insert it.
_PRIMARY_KEY = {b"lance-schema:unenforced-primary-key": b"true"}

T = TypeVar("T")


class VectorIndexError(RuntimeError):
    """The index could not be written; one sentence with the remedy."""


class VectorIndex:
    """The index at `uri` (a folder). Several processes may write different partitions at once."""

    def __init__(self, uri: str) -> None:
        self._database = lancedb.connect(uri)

    def replace_partition(self, table: pa.Table, source: str, week: str, root: str) -> None:
        """Make the partition hold exactly the rows of `table`, an embedding table with `root`.

        Does nothing when the partition has that root already. Raises VectorIndexError when other
        writers leave no turn.
        """
        if self.root(source, week) == root:
            return
        rows = _rows(table)
        self._retry(lambda: self._ensure(rows.schema))
        # The tag goes first: a writer killed in between leaves no tag that is untrue.
        self._retry(lambda: self._untag(source, week))
        self._retry(lambda: self._merge(rows, source, week))
        self._retry(lambda: self._tag(source, week, root))

    def rebuild(self, partitions: Iterable[tuple[pa.Table, str, str, str]]) -> None:
        """Drop everything and load (table, source, week, root) of every partition anew."""
        if _TABLE in self._database.list_tables().tables:
            self._database.drop_table(_TABLE)
        for table, source, week, root in partitions:
            self.replace_partition(table, source, week, root)

    def root(self, source: str, week: str) -> str | None:
        """Root of the artifact that the partition holds, None when it is not loaded."""
        if _TABLE not in self._database.list_tables().tables:
            return None
        prefix = _prefix(source, week)
        names = [name for name in self._open().tags.list() if name.startswith(prefix)]
        return names[0].removeprefix(prefix) if len(names) == 1 else None

    def count(self) -> int:
        """Rows of all partitions."""
        if _TABLE not in self._database.list_tables().tables:
            return 0
        return self._open().count_rows()

    def neighbours(self, vector: np.ndarray, k: int) -> list[tuple[str, float]]:
        """The `k` nearest samples, exactly: (sample_id, cosine similarity), nearest first."""
        if _TABLE not in self._database.list_tables().tables:
            return []
        query = cast(
            LanceVectorQueryBuilder,
            self._open().search(vector.astype(np.float32), vector_column_name="vector"),
        )
        found = (
            query.distance_type("cosine")
            .bypass_vector_index()
            .limit(k)
            .select(["sample_id", "_distance"])
            .to_list()
        )
        pairs = [(row["sample_id"], 1.0 - float(row["_distance"])) for row in found]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def _open(self) -> lancedb.table.Table:
        return self._database.open_table(_TABLE)

    def _ensure(self, schema: pa.Schema) -> None:
        self._database.create_table(_TABLE, schema=schema, exist_ok=True)

    def _merge(self, rows: pa.Table, source: str, week: str) -> None:
        partition = f"source = '{_quoted(source)}' AND week = '{_quoted(week)}'"
        (
            self._open()
            .merge_insert("sample_id")
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .when_not_matched_by_source_delete(partition)
            .execute(rows, timeout=timedelta(minutes=10))
        )

    def _untag(self, source: str, week: str) -> None:
        tags = self._open().tags
        for name in list(tags.list()):
            if name.startswith(_prefix(source, week)):
                tags.delete(name)

    def _tag(self, source: str, week: str, root: str) -> None:
        table = self._open()
        table.tags.create(_prefix(source, week) + root, table.version)

    def _retry(self, work: Callable[[], T]) -> T:
        """Do `work`, again after a commit conflict with another writer."""
        # Seeded by nothing: writers that collided must not wait equally long.
        chance = random.Random()
        for attempt in range(_ATTEMPTS):
            try:
                return work()
            except (OSError, RuntimeError, ValueError) as error:
                if not _is_conflict(error) or attempt == _ATTEMPTS - 1:
                    detail = " ".join(str(error).split())[:200]
                    raise VectorIndexError(
                        f"the vector index cannot be written ({detail}): it is derived, "
                        "so delete its folder and materialize the embeddings again"
                    ) from error
                time.sleep(chance.uniform(0, min(2.0, 0.02 * 2**attempt)))
        raise AssertionError("unreachable: the last attempt returns or raises")


def _is_conflict(error: Exception) -> bool:
    text = str(error).lower()
    return any(word in text for word in ("conflict", "concurrent", "already exists", "retry"))


def _rows(table: pa.Table) -> pa.Table:
    # Parquet names a list's items otherwise than Arrow does.
    vectors = pa.list_(pa.float32(), table.schema.field("vector").type.list_size)
    fields = [
        pa.field("sample_id", pa.string(), nullable=False, metadata=_PRIMARY_KEY),
        pa.field("source", pa.string()),
        pa.field("week", pa.string()),
        pa.field("vector", vectors),
    ]
    columns = {name: table[name].combine_chunks() for name in _COLUMNS}
    columns["vector"] = columns["vector"].cast(vectors)
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


def _prefix(source: str, week: str) -> str:
    """Tag names allow few characters; a digest of the partition tells `a-b`/`c` from `a`/`b-c`."""
    return hashlib.sha256(f"{source}\x00{week}".encode()).hexdigest()[:16] + "."


def _quoted(text: str) -> str:
    return text.replace("'", "''")
