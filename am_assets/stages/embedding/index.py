"""A LanceDB table over all embeddings: derived from the embedding artifacts, made again any time.

The sorted Parquet files are the truth; this index answers nearest-neighbor questions about them.
Each partition (source and week) is replaced as a whole, and a tag says which root it holds. The
search reads every vector: an approximate index would answer differently each time it is built.

One writer works at a time and readers wait for it: a lock beside the table sees to that, and goes
with a process that is killed. After each write the table's files are summed (`index_files`), and
who reads compares them first: `check`. A partition is deleted and appended, not merged, because
Lance's merge reads the whole table into memory. There is no index on the ids: at 100,000 rows it
finds a sample no faster than the scan does.
"""

import fcntl
import hashlib
import shutil
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from am_assets.stages.embedding import index_files
from am_assets.stages.similarity import exact_similarity

if TYPE_CHECKING:
    from lancedb import DBConnection
    from lancedb.table import Table

_TABLE = "prompts"
_COLUMNS = ("sample_id", "source", "week", "vector")
_BATCH_ROWS = 4096
_MARGIN = 1e-3
"""More than float32 products of unit vectors of up to 8,192 numbers are off by, in any order."""
# Lance 7: declares the key of a row.
_PRIMARY_KEY = {b"lance-schema:unenforced-primary-key": b"true"}


class VectorIndexError(RuntimeError):
    """The index cannot be used; one sentence with the remedy."""


@dataclass(frozen=True, order=True)
class Partition:
    """A published embedding artifact: `parquet` holds its rows, sorted by id, with this `root`."""

    source: str
    week: str
    root: str
    parquet: Path

    @property
    def tag(self) -> str:
        """Tag of the index that says that it holds this root."""
        return _prefix(self.source, self.week) + self.root


class Neighbor(NamedTuple):
    """A sample and its cosine similarity, exact in float64."""

    sample_id: str
    source: str
    week: str
    similarity: float


class VectorIndex:
    """The index in the folder `uri`. Any number of processes of one machine may use it at once."""

    def __init__(self, uri: str) -> None:
        self._folder = Path(uri)

    def replace_partition(self, partition: Partition) -> None:
        """Make the partition hold exactly the rows of its artifact.

        Does nothing where it has that root already. What it held before leaves the disk.
        """
        with self._writing():
            if partition.tag not in self._tags():
                self._replace(partition)

    def bring_in_line(self, partitions: Iterable[Partition]) -> int:
        """Replace what has another root, drop what is not among `partitions`.

        Gives how many partitions had to be touched.
        """
        wanted = sorted(partitions)
        with self._writing():
            tags = self._tags()
            changed = [item for item in wanted if item.tag not in tags]
            known = {(item.source, item.week) for item in wanted}
            gone = sorted(self._places() - known)
            deleted = sum(self._delete(source, week) for source, week in gone)
            for item in changed:
                self._replace(item)
            if stray := set(self._tags()) - {item.tag for item in wanted}:
                table = self._open()
                for name in stray:
                    table.tags.delete(name)
            if deleted:
                self._purge()
        return len(changed) + len(gone)

    def rebuild(self, partitions: Iterable[Partition]) -> None:
        """Load every partition into a new table, which takes the place of the old one whole.

        No byte of the old one stays.
        """
        fresh = VectorIndex(f"{self._folder}.new")
        with self._locked(fcntl.LOCK_EX):
            index_files.forget(self._folder)
            # A killed run's, where there is one.
            shutil.rmtree(fresh._folder, ignore_errors=True)
            for partition in sorted(partitions):
                fresh._replace(partition)
            shutil.rmtree(self._folder, ignore_errors=True)
            if fresh._folder.exists():
                fresh._folder.rename(self._folder)
            index_files.record(self._folder, {})

    def restore(self, partitions: Sequence[Partition]) -> int:
        """Bring in line what is whole, and rebuild what is damaged.

        Gives how many partitions had to be touched.
        """
        if self.damage() is None:
            return self.bring_in_line(partitions)
        self.rebuild(partitions)
        return len(partitions)

    def damage(self) -> str | None:
        """How the files differ from what was written last, None where they do not."""
        with self._locked(fcntl.LOCK_SH):
            return index_files.damage(self._folder) if self._exists() else None

    def check(self, partitions: Iterable[Partition]) -> None:
        """Raise VectorIndexError where the index is not whole, or does not hold `partitions`.

        Every file is compared with the checksum that it was written with, and every partition's
        tag with its root. That the rows are those of the artifacts was so when they were loaded;
        `differences` compares them again.
        """
        if (problem := self.damage()) is not None:
            raise VectorIndexError(
                f"the vector index is damaged ({problem}): run `am-assets index --rebuild`"
            )
        if missing := [part for part in partitions if not self.holds(part)]:
            raise VectorIndexError(
                f"the vector index lacks {len(missing)} published partitions, {missing[0].source} "
                f"{missing[0].week} among them: run `am-assets index --rebuild`"
            )

    def holds(self, partition: Partition) -> bool:
        """Whether the partition is loaded whole, with this root."""
        with self._locked(fcntl.LOCK_SH):
            return partition.tag in self._tags()

    def differences(self, partitions: Sequence[Partition]) -> list[str]:
        """Where the index differs from `partitions`, one sentence each; empty where it is equal.

        Compared are the roots of the tags, and row by row the sample, source, week and the
        vector's bits.
        """
        found: list[str] = []
        with self._locked(fcntl.LOCK_SH):
            tags = set(self._tags())
            for partition in sorted(partitions):
                where = f"{partition.source} {partition.week}"
                if partition.tag not in tags:
                    found.append(f"{where} is not tagged with its root {partition.root[:12]}")
                if problem := self._difference(partition):
                    found.append(f"{where} {problem}")
            if stray := tags - {partition.tag for partition in partitions}:
                found.append(f"{len(stray)} tags name roots that are not published")
            known = {(partition.source, partition.week) for partition in partitions}
            found += [f"{s} {w} is not published" for s, w in sorted(self._places() - known)]
        return found

    def count(self) -> int:
        """Rows of all partitions."""
        with self._locked(fcntl.LOCK_SH):
            return self._open().count_rows() if self._exists() else 0

    def vector(self, sample_id: str) -> np.ndarray | None:
        """The sample's vector, None where the index does not hold it."""
        with self._locked(fcntl.LOCK_SH):
            for batch in self._scan(f"sample_id = '{_quoted(sample_id)}'"):
                if batch.num_rows:
                    return _vectors(batch)[0]
        return None

    def neighbors(self, vector: np.ndarray, k: int) -> list[Neighbor]:
        """The `k` samples nearest to a unit vector, nearest first, equally near ones by id.

        Similarities are exact, so that the answer does not depend on how the index was built.
        Raises VectorIndexError where the index has vectors of another length.
        """
        query = vector.astype(np.float32)[None]
        best: list[Neighbor] = []
        with self._locked(fcntl.LOCK_SH):
            for batch in self._scan():
                vectors = _vectors(batch)
                if vectors.shape[1] != query.shape[1]:
                    raise VectorIndexError(
                        f"the index holds vectors of length {vectors.shape[1]} and the model gives "
                        f"{query.shape[1]}: materialize embedding_index with this model"
                    )
                near = vectors @ query[0]
                least = best[-1].similarity if len(best) == k else -np.inf
                rows = np.flatnonzero(near >= least - _MARGIN)
                exact = exact_similarity(vectors[rows], query.repeat(len(rows), axis=0))
                named = batch.select(["sample_id", "source", "week"]).take(pa.array(rows))
                best += [
                    Neighbor(**row, similarity=value)
                    for row, value in zip(named.to_pylist(), exact.tolist(), strict=True)
                ]
                best = sorted(best, key=lambda item: (-item.similarity, item.sample_id))[:k]
        return best

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Holds the index's lock, shared or alone. What follows is called with it held."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with Path(f"{self._folder}.lock").open("w") as handle:
            fcntl.flock(handle, how)
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Holds the lock alone, and sums the files after what is done inside."""
        with self._locked(fcntl.LOCK_EX):
            known = index_files.recorded(self._folder) if self._exists() else {}
            yield
            # What was written before there were checksums stays without, and is told by `check`.
            if known is not None and self._exists():
                index_files.record(self._folder, known)

    def _exists(self) -> bool:
        return (self._folder / f"{_TABLE}.lance").is_dir()

    def _open(self) -> "Table":
        """The table at its latest version."""
        return _connect(self._folder).open_table(_TABLE)

    def _tags(self) -> list[str]:
        return list(self._open().tags.list()) if self._exists() else []

    def _places(self) -> set[tuple[str, str]]:
        """Source and week of every partition that has rows."""
        found: set[tuple[str, str]] = set()
        for batch in self._scan(columns=("source", "week")):
            unique = pa.Table.from_batches([batch]).group_by(["source", "week"]).aggregate([])
            found.update((row["source"], row["week"]) for row in unique.to_pylist())
        return found

    def _scan(
        self, where: str | None = None, columns: Sequence[str] = _COLUMNS
    ) -> Iterator[pa.RecordBatch]:
        """Some rows, or all of them, in no particular order."""
        if self._exists():
            query = self._open().search().select(list(columns))
            yield from (query.where(where) if where else query).to_batches(_BATCH_ROWS)

    def _replace(self, partition: Partition) -> None:
        with pq.ParquetFile(partition.parquet) as file:
            schema = _schema(file.schema_arrow)
            if self._exists() and self._open().schema.field("vector").type != schema.field(3).type:
                # Another model's vectors, which cannot stand beside the old ones.
                _connect(self._folder).drop_table(_TABLE)
            if not self._exists():
                _connect(self._folder).create_table(_TABLE, schema=schema)
            replaced = self._delete(partition.source, partition.week)
            if file.metadata.num_rows:
                batches = file.iter_batches(_BATCH_ROWS, columns=list(_COLUMNS))
                rows = (_rows(batch, schema) for batch in batches)
                self._open().add(pa.RecordBatchReader.from_batches(schema, rows))
        if replaced:
            self._purge()
        table = self._open()
        table.tags.create(partition.tag, table.version)

    def _delete(self, source: str, week: str) -> int:
        """Delete a partition's rows; gives how many there were."""
        table = self._open()
        # The tag goes first: a writer killed in between leaves no tag that is untrue.
        for name in list(table.tags.list()):
            if name.startswith(_prefix(source, week)):
                table.tags.delete(name)
        rows = table.count_rows(_where(source, week))
        if rows:
            table.delete(_where(source, week))
        return rows

    def _purge(self) -> None:
        """Remove deleted vectors from the disk: Lance keeps the files of earlier versions."""
        self._check_before_merging()
        self._open().optimize()
        table = self._open()
        # A tag would keep its version; the other partitions are the same in the latest one.
        for name in list(table.tags.list()):
            table.tags.update(name, table.version)
        with warnings.catch_warnings():
            # Of processes that still read an older version: the lock says there are none.
            warnings.simplefilter("ignore", UserWarning)
            table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)

    def _check_before_merging(self) -> None:
        """Raise VectorIndexError where a file has changed that is to be written into a new one."""
        for name, checksum in (index_files.recorded(self._folder) or {}).items():
            path = self._folder / name
            if path.suffix == ".lance" and path.exists() and index_files.checksum(path) != checksum:
                raise VectorIndexError(
                    f"the vector index is damaged (its file {name} has changed): run `am-assets "
                    "index --rebuild`"
                )

    def _difference(self, partition: Partition) -> str | None:
        """How the partition's rows differ from the artifact's."""
        place, rows = _where(partition.source, partition.week), 0
        with pq.ParquetFile(partition.parquet) as file:
            for batch in file.iter_batches(_BATCH_ROWS, columns=list(_COLUMNS)):
                rows += batch.num_rows
                published = pa.Table.from_batches([batch])
                first, last = (_quoted(published["sample_id"][i].as_py()) for i in (0, -1))
                between = f"sample_id >= '{first}' AND sample_id <= '{last}'"
                held = pa.Table.from_batches(
                    list(self._scan(f"{place} AND {between}")), _schema(file.schema_arrow)
                ).sort_by("sample_id")
                for column in _COLUMNS:
                    if _bits(held[column]) != _bits(published[column]):
                        return f"differs in {column} from the sample {first} on"
        held_rows = self._open().count_rows(place) if self._exists() else 0
        return None if held_rows == rows else f"has {held_rows} rows, published are {rows}"


def _connect(folder: Path) -> "DBConnection":
    # Importing this takes seconds.
    import lancedb

    return lancedb.connect(str(folder))


def _schema(parquet: pa.Schema) -> pa.Schema:
    # Parquet names a list's items otherwise than Lance does.
    vectors = pa.list_(pa.float32(), parquet.field("vector").type.list_size)
    return pa.schema(
        [
            pa.field("sample_id", pa.string(), nullable=False, metadata=_PRIMARY_KEY),
            pa.field("source", pa.string()),
            pa.field("week", pa.string()),
            pa.field("vector", vectors),
        ]
    )


def _rows(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [batch.column(name).cast(schema.field(name).type) for name in _COLUMNS]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _vectors(batch: pa.RecordBatch) -> np.ndarray:
    flat = batch.column("vector").flatten()
    return flat.to_numpy(zero_copy_only=False).reshape(batch.num_rows, -1)


def _bits(column: pa.ChunkedArray) -> list[object] | bytes:
    """Values that are equal where every bit is; NaN and -0.0 included."""
    if pa.types.is_fixed_size_list(column.type):
        return column.combine_chunks().flatten().to_numpy(zero_copy_only=False).tobytes()
    return column.to_pylist()


def _prefix(source: str, week: str) -> str:
    """Tag names allow few characters; a digest of the partition tells `a-b`/`c` from `a`/`b-c`."""
    return hashlib.sha256(f"{source}\x00{week}".encode()).hexdigest()[:16] + "."


def _where(source: str, week: str) -> str:
    return f"source = '{_quoted(source)}' AND week = '{_quoted(week)}'"


def _quoted(text: str) -> str:
    return text.replace("'", "''")
