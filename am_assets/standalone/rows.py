"""Rows of a JSONL file of people's own, streaming: what is malformed is reported by line number.

Nothing is thought of the file: a line may be no JSON, not UTF-8, repeat an id, or have no end. The
rest is read all the same.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

_MAX_REPORTED = 100
_MAX_LINE_BYTES = 64 << 20
"""A longer line is malformed, and never held in memory."""

T = TypeVar("T")


class MalformedRow(ValueError):
    """A line that cannot be used; the message says why."""


@dataclass
class LineReport:
    """What became of a file's lines.

    `malformed` holds the first hundred (line number, problem); `malformed_rows` counts them all.
    """

    rows: int = 0
    malformed: list[tuple[int, str]] = field(default_factory=list)
    malformed_rows: int = 0

    def add_malformed(self, number: int, problem: str) -> None:
        """Count one malformed line."""
        self.malformed_rows += 1
        if len(self.malformed) < _MAX_REPORTED:
            self.malformed.append((number, problem))


def read_rows(
    path: Path,
    report: LineReport,
    required: Sequence[str] = ("id", "text"),
    check: Callable[[dict[str, Any]], None] = lambda row: None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, row) of every usable line of `path`; `report` counts them and the others.

    Every key of `required` holds a text that can be written as UTF-8; the first of them is the
    row's id, which may be a whole number too, and occurs once in the file: of several the first
    counts, and 7 is the same id as "7". Lines of white space are
    skipped. `check` may raise MalformedRow for more. Memory does not grow with the file. Raises
    OSError where it cannot be read.
    """
    seen = _Seen()

    def parse(line: bytes) -> dict[str, Any]:
        row = json_object(line)
        if not is_whole_number(row.get(required[0])):
            check_text(row, required[0])
        for key in required[1:]:
            check_text(row, key)
        check(row)
        return row

    with path.open("rb") as source:
        for number, row in parsed_lines(source, report, parse):
            name = str(row[required[0]])
            if (first := seen.line_of(name, number)) is not None:
                report.add_malformed(number, f'"{required[0]}" repeats that of line {first}')
                continue
            report.rows += 1
            yield number, row


def parsed_lines(
    source: BinaryIO, report: LineReport, parse: Callable[[bytes], T]
) -> Iterator[tuple[int, T]]:
    """(line number, `parse` of the line) of the lines for which it raises no MalformedRow."""
    for number, line in enumerate(_lines(source), start=1):
        if line is not None and not line.strip():
            continue
        try:
            if line is None:
                raise MalformedRow(f"longer than {_MAX_LINE_BYTES >> 20} MiB")
            yield number, parse(line)
        except MalformedRow as problem:
            report.add_malformed(number, str(problem))


def json_object(line: bytes) -> dict[str, Any]:
    """The JSON object in `line`, UTF-8 with or without a byte order mark; raises MalformedRow."""
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        raise MalformedRow(f"not UTF-8 (byte {problem.start + 1} of the line)") from problem
    except (ValueError, RecursionError) as problem:
        raise MalformedRow(f"not JSON ({problem})") from problem
    if not isinstance(row, dict):
        raise MalformedRow("not a JSON object")
    return row


def is_whole_number(value: Any) -> bool:
    """Whether an id is a number that people count with."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def check_text(row: dict[str, Any], key: str) -> None:
    """Raise MalformedRow unless `key` holds a text that can be written as UTF-8."""
    text = row.get(key)
    if not isinstance(text, str):
        raise MalformedRow(f'"{key}" must be a text' if key in row else f'"{key}" is missing')
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise MalformedRow(
            f'"{key}" has half a surrogate pair (\\u{ord(text[problem.start]):04x}), '
            "which is no character"
        ) from problem


def _lines(source: BinaryIO) -> Iterator[bytes | None]:
    """The lines of `source`, None for one that is too long."""
    while line := source.readline(_MAX_LINE_BYTES):
        if line.endswith(b"\n") or len(line) < _MAX_LINE_BYTES:
            yield line
            continue
        yield None
        while (rest := source.readline(_MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass


class _Seen:
    """The lines of the ids so far, in a private file once they outgrow a cache."""

    def __init__(self) -> None:
        # SQLite's name for a file of its own that goes away with the connection.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute("CREATE TABLE ids (id TEXT PRIMARY KEY, line INT) WITHOUT ROWID")

    def line_of(self, name: str, number: int) -> int | None:
        """The line where `name` stood before; where it is new, `number` becomes its line."""
        added = self._database.execute("INSERT OR IGNORE INTO ids VALUES (?, ?)", (name, number))
        if added.rowcount:
            return None
        (first,) = self._database.execute("SELECT line FROM ids WHERE id = ?", (name,)).fetchone()
        return first
