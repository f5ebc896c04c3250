"""Pairs of texts that people labelled as the same problem or not: to choose a threshold by."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from am_assets.standalone.rows import (
    LineReport,
    MalformedRow,
    check_text,
    json_object,
    parsed_lines,
)

_LABELS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class LabelledPair(NamedTuple):
    """Two texts, and whether they are the same problem."""

    one: str
    other: str
    same: bool


def read_pairs(path: Path, report: LineReport) -> Iterator[LabelledPair]:
    """The pairs of a file: rows of text1, text2 and label (1, true or yes; 0, false or no).

    A name that ends in .csv is CSV with a header, any other JSONL. Malformed rows are reported
    with their line numbers and left out.
    """
    if path.suffix == ".csv":
        yield from _read_csv(path, report)
        return
    with path.open("rb") as source:
        for _, pair in parsed_lines(source, report, lambda line: _pair(json_object(line))):
            report.rows += 1
            yield pair


def _read_csv(path: Path, report: LineReport) -> Iterator[LabelledPair]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as source:
        reader = csv.DictReader(source)
        while True:
            try:
                row = next(reader, None)
                if row is None:
                    return
                pair = _pair(row)
            except (MalformedRow, csv.Error) as problem:
                report.add_malformed(reader.line_num, str(problem))
                continue
            report.rows += 1
            yield pair


def _pair(row: dict[str, Any]) -> LabelledPair:
    for key in ("text1", "text2"):
        check_text(row, key)
    label = _LABELS.get(str(row.get("label")).strip().casefold())
    if label is None:
        raise MalformedRow('"label" must be 1, true or yes, or 0, false or no')
    return LabelledPair(row["text1"], row["text2"], label)
