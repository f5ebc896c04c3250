"""Decontamination of a JSONL file against benchmark files: the standalone tool.

The file is read once, a window of rows at a time: each is embedded, or its vector remembered, and
looked up in every benchmark. Memory holds the benchmarks and a window.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from am_assets.core.memory import RowMemory
from am_assets.core.profile import Decontamination
from am_assets.core.requests import EmbeddingEngine
from am_assets.core.settings.prompts import Embedding
from am_assets.stages.decontamination import (
    Hit,
    Item,
    Rows,
    Scanner,
    best_hit,
    read_prompt,
    rows_of,
)
from am_assets.stages.embedding.remembered import remembered_vectors, windows
from am_assets.standalone.rows import LineReport, MalformedRow, json_object, parsed_lines, read_rows
from am_assets.standalone.whole_file import whole_file

TEXT_KEYS = ("text", "prompt", "question", "problem", "problem_text", "Question")
"""Keys of a benchmark row's text; the first that holds one counts."""
ID_KEYS = ("id", "item_id", "task_id", "question_id", "unique_id")
CHOICE_KEYS = ("choices", "options")


@dataclass
class DecontaminatedFile:
    """What became of the rows; lines that were malformed, by file."""

    rows: int = 0
    contaminated: Counter[str] = field(default_factory=Counter)
    """By "benchmark/method"."""
    items: dict[str, int] = field(default_factory=dict)
    """Items by benchmark."""
    lines: dict[Path, LineReport] = field(default_factory=dict)

    def counts(self) -> dict[str, Any]:
        """The counts as plain values."""
        return {
            "rows": self.rows,
            "contaminated": self.contaminated.total(),
            "by_benchmark_and_method": dict(sorted(self.contaminated.items())),
            "items": self.items,
            "malformed": sum(lines.malformed_rows for lines in self.lines.values()),
        }


def decontaminate_jsonl(
    in_path: Path,
    benchmarks: Sequence[Path],
    out_path: Path,
    engine: EmbeddingEngine,
    memory: RowMemory,
    config: Embedding,
    settings: Decontamination,
    progress: Callable[[int], None] = lambda rows: None,
) -> DecontaminatedFile:
    """Decide every row of `in_path` and write one decision a line to `out_path`.

    A row: {"id", "text"}; a benchmark's row: a text under one of TEXT_KEYS, answer options as a
    list under one of CHOICE_KEYS, and an id under one of ID_KEYS, else its line number is its id.
    Other keys are ignored. A decision: {"id", "decision": "keep" or "contaminated", "benchmark",
    "benchmark_item", "method", "score"}, in the order of the rows; a benchmark is named by its
    file. Malformed lines are reported and left out. No judge is asked. `out_path` appears whole or
    not at all. `progress` is called with the number of rows so far. Raises OSError for paths that
    cannot be used, and ValueError where the output is an input or two benchmarks share a name.
    """
    names = Counter(path.stem for path in benchmarks)
    for name, count in names.items():
        if count > 1:
            raise ValueError(f"{count} benchmark files are named {name}; rename one of them")

    def embed(texts: Sequence[str], owners: Sequence[str] = ()) -> np.ndarray:
        del owners  # Here each text owns its vector.
        return remembered_vectors(texts, engine, memory, config)[0]

    report = DecontaminatedFile()
    with whole_file(out_path, in_path, *benchmarks) as target:
        scanners = [_scanner(path, settings, embed, report) for path in benchmarks]
        lines = report.lines.setdefault(in_path, LineReport())
        rows = (row for _, row in read_rows(in_path, lines))
        for window in windows(rows, lambda row: len(row["text"])):
            texts = [row["text"] for row in window]
            for row, hit in zip(window, _hits(texts, scanners, embed), strict=True):
                target.write(json.dumps(_decision(row["id"], hit)) + "\n")
                if hit is not None:
                    report.contaminated[f"{hit.benchmark}/{hit.method}"] += 1
            report.rows += len(window)
            progress(report.rows)
    return report


def read_items(path: Path, lines: LineReport) -> Iterator[Item]:
    """The items of a benchmark file; see `decontaminate_jsonl`."""
    name, seen = path.stem, Counter[str]()
    with path.open("rb") as source:
        for number, (text, named) in parsed_lines(source, lines, _parsed):
            item = named or str(number)
            seen[item] += 1
            lines.rows += 1
            yield Item(item if seen[item] == 1 else f"{item}#{seen[item]}", name, text)


def _parsed(line: bytes) -> tuple[str, str | None]:
    row = json_object(line)
    text = next((row[key] for key in TEXT_KEYS if isinstance(row.get(key), str)), None)
    if text is None or not text.strip():
        raise MalformedRow(f"no text under any of the keys {', '.join(TEXT_KEYS)}")
    choices = next((row[key] for key in CHOICE_KEYS if isinstance(row.get(key), list)), [])
    lettered = zip("ABCDEFGHIJ", choices, strict=False)
    text = "\n".join([text, *(f"{letter}. {choice}" for letter, choice in lettered)])
    ids = (row[key] for key in ID_KEYS if isinstance(row.get(key), str | int))
    named = next((str(one) for one in ids), None)
    # Half a surrogate pair is no character, and cannot be embedded or written.
    return text.encode("utf-8", "replace").decode(), named


def _scanner(
    path: Path, settings: Decontamination, embed: Any, report: DecontaminatedFile
) -> Scanner:
    items = list(read_items(path, report.lines.setdefault(path, LineReport())))
    report.items[path.stem] = len(items)
    texts = [item.prompt for item in items]
    return Scanner(
        items, _rows(texts, [read_prompt(text).parts for text in texts], embed), settings
    )


def _rows(texts: Sequence[str], parts: Sequence[Sequence[str]], embed: Any) -> Rows:
    if not texts:
        return Rows(np.zeros((0, 0), np.float32), np.zeros(0, np.int64), [])
    return rows_of(texts, embed(texts), parts, embed, texts)


def _hits(texts: Sequence[str], scanners: Sequence[Scanner], embed: Any) -> list[Hit | None]:
    prompts = [read_prompt(text) for text in texts]
    rows = _rows(texts, [prompt.parts for prompt in prompts], embed)
    found = [scanner.scan(prompts, rows) for scanner in scanners]
    by_text = zip(*found, strict=True) if found else ((),) * len(texts)
    return [best_hit(one for one in own if isinstance(one, Hit)) for own in by_text]


def _decision(row_id: str, hit: Hit | None) -> Mapping[str, Any]:
    return {
        "id": row_id,
        "decision": "keep" if hit is None else "contaminated",
        "benchmark": hit and hit.benchmark,
        "benchmark_item": hit and hit.item,
        "method": hit and hit.method,
        "score": hit and hit.score,
    }
