"""The sealed capture: upstream rows as they were read, kept with the artifact made from them.

A later materialization of the same week reads the seal, not whatever upstream has become. A row
that is taken down leaves a tombstone: where it was and which sample it was, without any text. So a
capture is a function of its seal, whatever was taken down before, and taken back.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

from am_assets.stages.sources import UpstreamRow
from am_assets.stages.sources.zstd_file import ZstdFile

SEAL = "capture.jsonl.zst"
"""File of an artifact that holds its upstream rows, one JSON object a line."""


class SealError(ValueError):
    """A seal that is not what was sealed; one sentence with artifact, file and remedy."""


class Seal(NamedTuple):
    """The identity of a seal: how many rows it has, and the hash of all of them in order."""

    rows: int
    root: str


@dataclass(frozen=True)
class Tombstone:
    """What is kept of a sample whose text was erased.

    `content_hash` is null where an earlier version of the program erased the text; `content_key`
    names the key that it was made with.
    """

    sample_id: str
    kind: str
    content_hash: str | None
    content_key: str | None


@dataclass(frozen=True)
class ErasedRow:
    """An upstream row whose text was erased, and where it lay."""

    file: str
    row: int
    file_sha256: str
    erased: Tombstone


SealedRow = UpstreamRow | ErasedRow
Place = tuple[str, int]
"""File and row."""


def sealing(rows: Iterable[SealedRow], path: Path) -> Iterator[SealedRow]:
    """Yield `rows` and write each to `path` on the way, so that reading streams."""
    # The checksum of what was packed, without which flipped bits can unpack to other rows.
    packer = zstandard.ZstdCompressor(write_checksum=True)
    with path.open("wb") as file, packer.stream_writer(file, closefd=False) as out:
        for row in rows:
            line = _line(row)
            out.write(line)
            # What the seal says, so that reading it again gives the same rows.
            yield _row(line)


def sealed_rows(path: Path, artifact: str, sealed: Seal | int) -> Iterator[SealedRow]:
    """The rows of the seal `path` of `artifact`, in upstream's order.

    Nothing is yielded before the whole file was found to be `sealed`: the seal's identity, or its
    number of rows where that is all that is known. Raises SealError.
    """
    found = seal_of(path, artifact)
    rows = sealed.rows if isinstance(sealed, Seal) else sealed
    if found.rows != rows:
        raise _broken(path, artifact, f"has {found.rows} rows where {rows} were sealed")
    if isinstance(sealed, Seal) and found != sealed:
        raise _broken(path, artifact, "has other rows than were sealed")
    for line in _lines(path, artifact):
        try:
            row = _row(line)
        except (ValueError, LookupError, TypeError) as error:
            raise _broken(path, artifact, "has a row that is none") from error
        yield row


def seal_of(path: Path, artifact: str) -> Seal:
    """The identity of the seal in `path`. Raises SealError for a part of one."""
    hashed, rows = hashlib.sha256(b"seal 1\n"), 0
    for line in _lines(path, artifact):
        hashed.update(line)
        rows += 1
    return Seal(rows, hashed.hexdigest())


def erase(path: Path, artifact: str, erased: Mapping[Place, Tombstone]) -> None:
    """Leave tombstones of the rows at the places of `erased` in a sealed capture: takedowns."""
    rewritten = path.with_suffix(".rewritten")
    for _ in sealing(_without(path, artifact, erased), rewritten):
        pass
    rewritten.replace(path)


def _without(path: Path, artifact: str, erased: Mapping[Place, Tombstone]) -> Iterator[SealedRow]:
    for line in _lines(path, artifact):
        row = _row(line)
        tombstone = erased.get((row.file, row.row))
        yield row if tombstone is None else ErasedRow(row.file, row.row, row.file_sha256, tombstone)


def _lines(path: Path, artifact: str) -> Iterator[bytes]:
    try:
        with io.BufferedReader(ZstdFile(path, single=True)) as file:
            for line in file:
                if not line.endswith(b"\n"):
                    raise _broken(path, artifact, "ends inside a row")
                yield line
    except zstandard.ZstdError as error:
        raise _broken(path, artifact, f"is not whole ({error})") from error


def _broken(path: Path, artifact: str, what: str) -> SealError:
    return SealError(
        f"the sealed capture of {artifact} {what}: remove {path} and fetch it again with "
        "`dvc pull`, or put the file back from another copy; upstream is not asked again, because "
        "it may have changed"
    )


def _line(row: SealedRow) -> bytes:
    record: dict[str, Any] = {
        "file": row.file,
        "row": row.row,
        "file_sha256": row.file_sha256,
    }
    if isinstance(row, ErasedRow):
        record["erased"] = asdict(row.erased)
    else:
        record["data"] = row.data
    # Escapes keep lone surrogates, which UTF-8 has no form for.
    return json.dumps(record, default=_text).encode() + b"\n"


def _row(line: bytes) -> SealedRow:
    record = json.loads(line)
    place = record["file"], record["row"], record["file_sha256"]
    if "erased" in record:
        return ErasedRow(*place, Tombstone(**record["erased"]))
    return UpstreamRow(record["data"], *place)


def _text(value: object) -> str:
    """Upstream values that JSON has no form for (dates, decimals, bytes) are kept as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
