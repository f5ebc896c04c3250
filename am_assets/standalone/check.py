"""Verification of a JSONL file: the standalone checker."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, get_args

from am_assets.core.memory import RowMemory
from am_assets.core.settings.verification import Verification
from am_assets.core.verdict import Check, Kind, Verdict
from am_assets.stages.verification.instruction.check import VERIFIER as INSTRUCTION
from am_assets.stages.verification.instruction.check import Accuracy
from am_assets.stages.verification.verify import Verifiers, verify
from am_assets.standalone.rows import LineReport, MalformedRow, json_object, parsed_lines
from am_assets.standalone.whole_file import whole_file

_KINDS = get_args(Kind)


@dataclass
class CheckedFile(LineReport):
    """What became of a file: verdicts by status, and the lines that were no checks."""

    by_status: Counter[str] = field(default_factory=Counter)
    instructions: Accuracy = field(default_factory=Accuracy)
    """Accuracies over the rows of kind instruction."""


def check_jsonl(
    in_path: Path,
    out_path: Path,
    verifiers: Verifiers,
    config: Verification,
    progress: Callable[[int], None] | None = None,
    *,
    require_format: bool = False,
) -> CheckedFile:
    """Check every line of `in_path`, streaming, and write one verdict a line to `out_path`.

    A row: {"id", "kind", "prompt", "response", "reference_answer"?, "test_case"?, "constraints"?};
    other keys are ignored. A verdict: {"id", "status", "score", "reason", "verifier", "evidence"},
    in the order of the rows. Malformed lines are reported with their number and left out; the rest
    is done. `progress` is called with the number of verdicts so far. `out_path` appears whole or
    not at all. Raises OSError for unreadable paths and ValueError when both paths are one file.
    """
    report = CheckedFile()
    # In memory alone: the same answer twice in one file is judged once.
    memory = RowMemory()
    with in_path.open("rb") as source, whole_file(out_path, in_path) as target:
        checks = _checks(source, report)
        for verdict in verify(checks, verifiers, config, memory, require_format=require_format):
            target.write(json.dumps(_row(verdict), ensure_ascii=True) + "\n")
            report.rows += 1
            report.by_status[verdict.status] += 1
            if verdict.verifier == INSTRUCTION.name:
                report.instructions.add(verdict.evidence)
            if progress is not None:
                progress(report.rows)
    return report


def parse_row(line: bytes) -> Check:
    """The check of one JSON line; raises MalformedRow."""
    row = json_object(line)
    for key in ("id", "kind", "prompt", "response"):
        if not isinstance(row.get(key), str):
            raise MalformedRow(f'"{key}" must be a text')
    if row["kind"] not in _KINDS:
        raise MalformedRow(f'"kind" must be one of {", ".join(_KINDS)}, not {row["kind"][:40]!r}')
    reference = row.get("reference_answer")
    if isinstance(reference, int | float) and not isinstance(reference, bool):
        reference = str(reference)
    if reference is not None and not isinstance(reference, str):
        raise MalformedRow('"reference_answer" must be a text or a number')
    _typed(row.get("test_case"), dict, '"test_case" must be an object')
    _typed(row.get("constraints"), list, '"constraints" must be a list')
    return Check(
        id=row["id"],
        kind=row["kind"],
        prompt=row["prompt"],
        response=row["response"],
        reference_answer=reference,
        test_case=row.get("test_case"),
        constraints=row.get("constraints"),
        owner=row["id"],
    )


def _typed(value: Any, kind: type, complaint: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise MalformedRow(complaint)


def _checks(source: BinaryIO, report: CheckedFile) -> Iterator[Check]:
    for _, check in parsed_lines(source, report, parse_row):
        yield check


def _row(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.id,
        "status": verdict.status,
        "score": verdict.score,
        "reason": verdict.reason,
        "verifier": verdict.verifier,
        "evidence": verdict.evidence,
    }
