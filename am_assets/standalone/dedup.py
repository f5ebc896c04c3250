"""Dedup of a JSONL file: the standalone tool.

The file is read once, to embed it. Of a row stay its id, the hash of its text, the code of its
answer and its sort key; vectors lie in a file.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

import numpy as np
import pyarrow as pa

from am_assets.core.identity import prompt_hash
from am_assets.core.memory import RowMemory
from am_assets.core.profile import Dedup
from am_assets.core.requests import EmbeddingEngine
from am_assets.core.settings.prompts import Embedding
from am_assets.stages.answers.references import answer_codes
from am_assets.stages.dedup.greedy import Decisions, Rows, deduplicate
from am_assets.stages.dedup.threshold_report import (
    Sample,
    ThresholdReport,
    policies_around,
    report_of,
)
from am_assets.stages.embedding.remembered import embed_texts
from am_assets.stages.prompts.priority import priority_order
from am_assets.standalone.rows import LineReport, MalformedRow, is_whole_number, read_rows
from am_assets.standalone.whole_file import whole_file

_PART = 8192

Progress = Callable[[str, int], None]
"""Takes what is being done ("embedded" or "decided") and the number of rows so far."""


@dataclass(frozen=True)
class DedupedFile:
    """What became of a file's lines and rows; `thresholds` where a sweep was asked for."""

    lines: LineReport
    outcome: Decisions
    thresholds: ThresholdReport | None

    def counts(self) -> dict[str, int]:
        """Rows by decision, and what is odd about their reference answers."""
        found = self.outcome
        return {
            "rows": self.lines.rows,
            "kept": int(found.kept.sum()),
            "identical": int(found.identical.sum()),
            "similar": int((~found.kept & ~found.identical).sum()),
            "similar_pairs": found.similar_pairs,
            "different_references": found.different_references,
            "kept_for_reference": found.kept_for_reference,
            "identical_with_different_references": int(
                found.identical_with_different_references.sum()
            ),
        }


def dedup_jsonl(
    in_path: Path,
    out_path: Path | None,
    engine: EmbeddingEngine,
    memory: RowMemory,
    config: Embedding,
    settings: Dedup,
    scratch: Path,
    progress: Progress = lambda work, rows: None,
    *,
    sweep: bool = False,
) -> DedupedFile:
    """Decide every row of `in_path` and write one decision a line to `out_path`.

    A row: {"id", "text", "reference_answer"?, "priority"?}; other keys are ignored. A decision:
    {"id", "decision": "keep" or "duplicate", "twin", "similarity"}, in the order of the rows.
    Malformed lines are reported with their number and left out; the rest is done. Of duplicates
    the one with the lowest `priority` (0 by default) is kept, then one with a reference answer,
    then the longest text, then the smallest id. Vectors are written to files in the folder
    `scratch`, and `config` is what `engine` was made with. `out_path` appears whole or not at all.
    Raises OSError for unreadable paths and ValueError when both paths are one file.
    """
    lines = LineReport()
    whole = nullcontext() if out_path is None else whole_file(out_path, in_path)
    with whole as target, TemporaryDirectory(dir=scratch) as name:
        read = _Read()
        vectors = embed_texts(
            read.texts(in_path, lines),
            engine,
            memory,
            Path(name) / "vectors",
            lambda rows: progress("embedded", rows),
            config=config,
        )
        rows, order = read.rows(vectors)
        sample = Sample(rows) if sweep else None
        policies = policies_around(settings, sample.floor(settings.threshold)) if sample else []
        outcome, *others = deduplicate(
            rows,
            order,
            (),
            [settings, *policies],
            scratch=Path(name),
            progress=lambda rows: progress("decided", rows),
        )
        if target is not None:
            _write(rows.ids, read.is_number, outcome, target)
    thresholds = report_of(rows.ids, settings, policies, others, sample) if sample else None
    return DedupedFile(lines, outcome, thresholds)


def texts_of(path: Path, ids: Sequence[str]) -> dict[str, str]:
    """The texts of some rows of a file, by id."""
    wanted = set(ids)
    rows = (row for _, row in read_rows(path, LineReport(), check=_check))
    return {str(row["id"]): row["text"] for row in rows if str(row["id"]) in wanted}


class _Read:
    """What is kept of the rows as their texts go by."""

    def __init__(self) -> None:
        self._ids: list[pa.Array] = [pa.array([], pa.string())]
        self._hashes: list[pa.Array] = [pa.array([], pa.string())]
        self._answers = [np.zeros((0, 2), np.int64)]
        self._keys = [np.zeros((0, 3), np.float64)]
        self.is_number = bytearray()
        """For every row whether its id is a number in the file."""

    def texts(self, path: Path, lines: LineReport) -> Iterator[str]:
        part: list[tuple[str, str, str | None, tuple[float, bool, int]]] = []
        for _, row in read_rows(path, lines, check=_check):
            text, answer = row["text"], row.get("reference_answer")
            key = (row.get("priority") or 0, answer is None, -len(text))
            part.append(
                (str(row["id"]), prompt_hash(text), None if answer is None else str(answer), key)
            )
            self.is_number.append(is_whole_number(row["id"]))
            yield text
            if len(part) == _PART:
                self._take(part)
                part = []
        if part:
            self._take(part)

    def rows(self, vectors: np.ndarray) -> tuple[Rows, np.ndarray]:
        """The rows, and their numbers in the order of priority."""
        ids, hashes = pa.concat_arrays(self._ids), pa.concat_arrays(self._hashes)
        answers, keys = np.concatenate(self._answers), np.concatenate(self._keys)
        return Rows(ids, hashes, vectors, answers.__getitem__), priority_order(keys, ids)

    def _take(self, part: Sequence[tuple[str, str, str | None, tuple[float, bool, int]]]) -> None:
        ids, hashes, answers, keys = zip(*part, strict=True)
        self._ids.append(pa.array(ids, pa.string()))
        self._hashes.append(pa.array(hashes, pa.string()))
        self._answers.append(answer_codes(answers))
        self._keys.append(np.array(keys, dtype=np.float64))


def _check(row: dict[str, Any]) -> None:
    answer, priority = row.get("reference_answer"), row.get("priority")
    if isinstance(answer, bool) or not isinstance(answer, str | int | float | None):
        raise MalformedRow('"reference_answer" must be a text or a number')
    if isinstance(priority, bool) or not isinstance(priority, int | float | None):
        raise MalformedRow('"priority" must be a number')
    if priority is not None and not abs(priority) <= 1e15:
        raise MalformedRow('"priority" must lie within ±1e15')


def _write(ids: pa.Array, is_number: bytearray, found: Decisions, target: TextIO) -> None:
    numbers = ids.filter(pa.array(np.frombuffer(is_number, np.bool_)))
    # A file has ids of one sort, as a rule; then none has to be looked up.
    named = None if len(numbers) == len(ids) else set(numbers.to_pylist())

    def as_given(name: str | None) -> str | int | None:
        return int(name) if name is not None and (named is None or name in named) else name

    for start in range(0, len(ids), _PART):
        for row, sample in enumerate(ids.slice(start, _PART).to_pylist(), start):
            kept = bool(found.kept[row])
            decision = {
                "id": as_given(sample),
                "decision": "keep" if kept else "duplicate",
                "twin": as_given(found.twin[row]),
                "similarity": None if kept else round(float(found.similarity[row]), 6),
            }
            target.write(json.dumps(decision) + "\n")
