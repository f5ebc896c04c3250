"""The sealed capture: upstream rows as they were read, kept with the artifact made from them.

A later materialization of the same week reads the seal, not whatever upstream has become.
"""

import io
import json
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import zstandard

from am_assets.stages.sources import UpstreamRow

SEAL = "capture.jsonl.zst"
"""File of an artifact that holds its upstream rows, one JSON object a line."""


def sealing(rows: Iterable[UpstreamRow], path: Path) -> Iterator[UpstreamRow]:
    """Yield `rows` and write each to `path` on the way, so that reading streams."""
    with zstandard.open(path, "wt", encoding="utf-8") as out:
        for row in rows:
            record = {
                "file": row.file,
                "row": row.row,
                "file_sha256": row.file_sha256,
                "data": row.data,
            }
            # Escapes keep lone surrogates, which UTF-8 has no form for.
            line = json.dumps(record, default=_text)
            out.write(line + "\n")
            # What the seal says, so that reading it again gives the same rows.
            yield _row(line)


def sealed_rows(path: Path) -> Iterator[UpstreamRow]:
    """The rows of a sealed capture, in upstream's order."""
    with path.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as raw:
        for line in io.TextIOWrapper(raw, encoding="utf-8", newline="\n"):
            yield _row(line)


def erase(path: Path, places: AbstractSet[tuple[str, int]]) -> None:
    """Rewrite a sealed capture without the rows at `places` (file and row): takedowns."""
    rows = (row for row in sealed_rows(path) if (row.file, row.row) not in places)
    rewritten = path.with_suffix(".rewritten")
    for _ in sealing(rows, rewritten):
        pass
    rewritten.replace(path)


def _row(line: str) -> UpstreamRow:
    record = json.loads(line)
    return UpstreamRow(
        data=record["data"],
        file=record["file"],
        row=record["row"],
        file_sha256=record["file_sha256"],
    )


def _text(value: object) -> str:
    """Upstream values that JSON has no form for (dates, decimals, bytes) are kept as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
