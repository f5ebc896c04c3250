"""Requests on disk, in parts that actors take one at a time, and which of them are answered."""

import json
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from am_assets.core.requests import GenerationRequest, Sampling

_SMALLEST = 8
_LARGEST = 64
_PARTS = 64
"""Parts a worker should get at least, before parts grow: so that the work is shared evenly."""

_SCHEMA = pa.schema(
    {
        "request_key": pa.string(),
        # JSON in ASCII: it carries any string, a lone surrogate as well.
        "messages": pa.string(),
        "sampling": pa.string(),
        "sample_index": pa.int64(),
        "seed": pa.int64(),
    }
)


class Spool:
    """Requests in one Parquet file, a row group a part, with one byte in memory for each.

    `workers` share the parts; without them every request is a part of its own.
    """

    def __init__(
        self, path: Path, requests: Iterable[GenerationRequest], workers: int | None = None
    ) -> None:
        self.path = path
        self._answered: list[bytearray] = []
        total, waiting = 0, iter(requests)
        with pq.ParquetWriter(path, _SCHEMA) as writer:
            while True:
                size = _size(total, workers) if workers else 1
                if not (part := list(islice(waiting, size))):
                    break
                writer.write_table(_table(part))
                self._answered.append(bytearray(len(part)))
                total += len(part)

    @property
    def parts(self) -> int:
        return len(self._answered)

    def answer(self, part: int, index: int) -> bool:
        """Take note that a request is answered; False where it had been."""
        first = not self._answered[part][index]
        self._answered[part][index] = 1
        return first

    def missing(self) -> Iterator[GenerationRequest]:
        """The requests without an answer."""
        reader = SpoolReader(self.path)
        for part, answered in enumerate(self._answered):
            if not all(answered):
                requests = reader.read(part)
                yield from (
                    request for index, request in enumerate(requests) if not answered[index]
                )


class SpoolReader:
    """Reads parts of a spool's file; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        self._lock = threading.Lock()

    def read(self, part: int) -> list[GenerationRequest]:
        """The requests of one part, in order."""
        with self._lock:
            rows = self._file.read_row_group(part).to_pylist()
        return [
            GenerationRequest(
                row["request_key"],
                tuple(json.loads(row["messages"])),
                Sampling(**json.loads(row["sampling"])),
                row["sample_index"],
                row["seed"],
            )
            for row in rows
        ]


def _size(spooled: int, workers: int) -> int:
    return min(max(spooled // (workers * _PARTS), _SMALLEST), _LARGEST)


def _table(requests: list[GenerationRequest]) -> pa.Table:
    rows = [
        {
            "request_key": request.request_key,
            "messages": json.dumps([dict(message) for message in request.messages]),
            "sampling": json.dumps(request.sampling.model_dump()),
            "sample_index": request.sample_index,
            "seed": request.seed,
        }
        for request in requests
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
