"""Local files: JSON lines, JSON, CSV and Parquet, plain or compressed, by glob.

Lines and records stream; only a JSON document that is not line by line is read whole.
"""

import csv
import glob
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from am_assets.core.settings.sources import Benchmark, Source
from am_assets.core.weights import file_digest
from am_assets.stages.sources.rows import SourceError, UpstreamRow
from am_assets.stages.sources.sizes import check_size, too_large
from am_assets.stages.sources.upstream import Availability, Generator
from am_assets.stages.sources.zstd_file import ZstdFile


class Files:
    """Local files, by glob."""

    def rows(
        self,
        source: Source | Benchmark,
        name: str,
        week_index: int,
        folder: Path,
        generators: Mapping[str, Generator],
    ) -> Iterator[UpstreamRow]:
        """Rows of every file as it is now, whatever the week. Raises SourceError."""
        del week_index, generators
        return read_files(source.location, name, folder, source.max_row_bytes)

    def benchmark_rows(
        self, benchmark: Benchmark, name: str, folder: Path, generators: Mapping[str, Generator]
    ) -> Iterator[UpstreamRow]:
        """Rows of the files in the order of `content`. Raises SourceError."""
        del generators
        for path in _by_content(benchmark, name, folder):
            yield from read_files(glob.escape(str(path)), name, folder, benchmark.max_row_bytes)

    def content(
        self, benchmark: Benchmark, name: str, folder: Path, generator_version: Callable[[str], str]
    ) -> dict[str, object]:
        """What each file holds, and how it is read."""
        del generator_version
        files = _by_content(benchmark, name, folder)
        return {"files": [[file_digest(path), _form(path)] for path in files]}

    def availability(self, source: Source | Benchmark, name: str, folder: Path) -> Availability:
        """How many files there are."""
        try:
            files = matching_files(source.location, name, folder)
        except SourceError as error:
            return Availability("missing", str(error))
        return Availability("ok", f"{len(files)} files")


def read_files(pattern: str, name: str, folder: Path, max_row_bytes: int) -> Iterator[UpstreamRow]:
    """Rows of every file that matches `pattern`, in order of file name.

    `pattern` is absolute or starts at `folder`, and `**` reaches into subfolders. Raises
    SourceError naming file, row and remedy.
    """
    for path in matching_files(pattern, name, folder):
        label = _label(path, folder)
        try:
            yield from _read_file(path, label, max_row_bytes)
        except OSError as error:
            raise SourceError(
                f"{label} cannot be read ({error.strerror or error}): check that the file is whole "
                "and its permissions"
            ) from error


def matching_files(pattern: str, name: str, folder: Path) -> list[Path]:
    """The files `pattern` names, sorted. Raises SourceError when there is none."""
    # Only the pattern has wildcards: a folder may be named with brackets.
    where = "" if Path(pattern).is_absolute() else f"{glob.escape(str(folder))}/"
    names = sorted(glob.glob(where + pattern, recursive=True))
    paths = [path for path in map(Path, names) if path.is_file()]
    if not paths:
        raise SourceError(
            f"no file of source {name} matches {pattern} under {folder}: correct `location`"
        )
    return paths


def _by_content(benchmark: Benchmark, name: str, folder: Path) -> list[Path]:
    """The benchmark's files, by content: items are numbered, and a name is not what a file says."""
    return sorted(matching_files(benchmark.location, name, folder), key=file_digest)


def _form(path: Path) -> str:
    """How a file is read, which is all that its name decides."""
    last = [suffix.lower() for suffix in path.suffixes[-2:]]
    return "".join(last if last and last[-1] in (".gz", ".zst") else last[-1:])


def _label(path: Path, folder: Path) -> str:
    """Name without the folders above the profile: provenance should not tell where we ran."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name


def _read_file(path: Path, label: str, limit: int) -> Iterator[UpstreamRow]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes.pop() if suffixes and suffixes[-1] in (".gz", ".zst") else ""
    kind = suffixes[-1] if suffixes else ""
    if kind not in _READERS or (kind == ".parquet" and packed):
        raise SourceError(
            f"{label} is of no known format: name files {', '.join(_READERS)}, "
            "or text ones with .gz or .zst after that"
        )
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    _check_begun(path, packed, label)
    reader = _READERS[kind]
    for number, data in reader(path, packed, label, limit):
        if not isinstance(data, Mapping):
            raise SourceError(
                f"{label}, row {number} is {type(data).__name__}, not an object with columns: "
                "write one JSON object a row"
            )
        row = UpstreamRow(data, label, number, sha256)
        check_size(row, limit)
        yield row


def _open(path: Path, packed: str) -> io.BufferedIOBase:
    if packed == ".gz":
        return gzip.open(path, "rb")
    if packed == ".zst":
        return io.BufferedReader(ZstdFile(path))
    return path.open("rb")


def _check_begun(path: Path, packed: str, label: str) -> None:
    """Raise SourceError for a packed file of no bytes, which gzip takes for one without rows."""
    if packed and not path.stat().st_size:
        raise SourceError(f"{label} is empty, and no packed file is: fetch or compress it again")


def _jsonl(path: Path, packed: str, label: str, limit: int) -> Iterator[tuple[int, Any]]:
    for number, text in _lines(path, packed, label, limit):
        if text.strip():
            yield number, _loads(text, f"{label}, line {number}")


def _lines(path: Path, packed: str, label: str, limit: int) -> Iterator[tuple[int, str]]:
    with _open(path, packed) as file:
        number = 0
        # A bounded readline: a file without line ends must not fill the memory.
        while line := _guarded_readline(file, limit + 2, label):
            number += 1
            if len(line.rstrip(b"\r\n")) > limit:
                raise too_large(f"{label}, line {number}", limit)
            yield number, _decode(line, f"{label}, line {number}", first=number == 1)


def _guarded_readline(file: io.BufferedIOBase, size: int, label: str) -> bytes:
    try:
        return file.readline(size)
    except (EOFError, zlib.error, zstandard.ZstdError) as error:
        raise SourceError(
            f"{label} cannot be unpacked ({error}): fetch or compress the file again"
        ) from error


def _decode(raw: bytes, where: str, first: bool) -> str:
    if first and raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{where} starts like UTF-16: save the file as UTF-8")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{where} is not UTF-8 at byte {error.start + 1}: save the file as UTF-8 or remove "
            "the row"
        ) from error
    return text.removeprefix("\ufeff") if first else text


def _loads(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        detail = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise SourceError(f"{where} is not valid JSON ({detail}): correct or remove it") from error


def _json(path: Path, packed: str, label: str, limit: int) -> Iterator[tuple[int, Any]]:
    with _open(path, packed) as file:
        text = _decode(_read_all(file, label), label, first=True)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            # Many published ".json" files are JSON lines.
            yield from _jsonl(path, packed, label, limit)
            return
        raise SourceError(
            f"{label}, line {error.lineno} is not valid JSON ({error.msg}): correct the file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{label} is not valid JSON ({error}): correct the file") from error
    yield from enumerate(_rows_of(document, label), 1)


def _read_all(file: io.BufferedIOBase, label: str) -> bytes:
    try:
        return file.read()
    except (EOFError, zlib.error, zstandard.ZstdError) as error:
        raise SourceError(
            f"{label} cannot be unpacked ({error}): fetch or compress the file again"
        ) from error


def _rows_of(document: Any, label: str) -> list[Any]:
    """Rows of a JSON document: a list, {"data": [...]}, or an object of rows by key."""
    if isinstance(document, list):
        return document
    if isinstance(document, dict):
        if isinstance(document.get("data"), list):
            return document["data"]
        lists = [value for value in document.values() if isinstance(value, list)]
        if len(lists) == 1 and all(isinstance(row, dict) for row in lists[0]):
            return lists[0]
        if document and all(isinstance(value, dict) for value in document.values()):
            return [{"_key": key, **value} for key, value in document.items()]
    raise SourceError(
        f"{label} holds no rows: write a JSON list of objects, or an object with one list of them"
    )


def _csv(path: Path, packed: str, label: str, limit: int) -> Iterator[tuple[int, Any]]:
    # The csv module's own limit of 128 KiB a field is lower than ours, and process-wide.
    csv.field_size_limit(max(csv.field_size_limit(), limit))
    lines = (text for _, text in _lines(path, packed, label, limit))
    reader = csv.DictReader(lines, strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            if None in row or None in row.values():
                raise SourceError(
                    f"{label}, row {number} has not as many fields as the header: correct its "
                    "quotes or commas"
                )
            yield number, row
    except csv.Error as error:
        raise SourceError(
            f"{label}, row {number + 1} is not valid CSV ({error}): correct its quotes"
        ) from error


def _parquet(path: Path, packed: str, label: str, limit: int) -> Iterator[tuple[int, Any]]:
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=256):
                for data in batch.to_pylist():
                    number += 1
                    yield number, data
    except pa.ArrowException as error:
        detail = " ".join(str(error).split())[:200]
        raise SourceError(
            f"{label} is not a readable Parquet file after row {number} ({detail}): "
            "fetch or write it again"
        ) from error


_READERS = {".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".parquet": _parquet}
