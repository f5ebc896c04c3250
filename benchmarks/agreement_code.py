"""Agreement of the code verifier with recorded verdicts on real programs, and every disagreement.

    python benchmarks/agreement_code.py FOLDER [SET ...]

FOLDER holds the public sets named in docs/verification-code.md, as their repositories publish them;
sets whose files are missing are skipped. Of sets that come with solutions of their own rather than
with responses, every solution counts as recorded right.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from am_assets.core.memory import RowMemory
from am_assets.core.verdict import Check, Verdict
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.verification import Verification, Verifiers, verify


class Row(NamedTuple):
    """A program, its test case and its recorded verdict."""

    id: str
    program: str
    test_case: dict[str, Any]
    recorded: bool


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _asserts(tests: list[str], setup: str = "") -> dict[str, Any]:
    return {"type": "asserts", "setup": setup, "tests": tests}


def mbpp_gpt4(folder: Path) -> Iterator[Row]:
    """Programs of GPT-4 for MBPP, each with one test program and whether it passed."""
    for row in _lines(folder / "responses/mbpp_gpt4.jsonl"):
        yield Row(row["name"], row["solution"], _asserts([row["test"]]), row["is_solved"])


def mbpp(folder: Path) -> Iterator[Row]:
    """The reference programs of MBPP with their own asserts."""
    for row in _lines(folder / "code/mbpp.jsonl"):
        test_case = _asserts(row["test_list"], row["test_setup_code"])
        yield Row(f"mbpp/{row['task_id']}", row["code"], test_case, True)


def humaneval(folder: Path) -> Iterator[Row]:
    """The reference programs of HumanEval with their own test programs."""
    for row in _lines(folder / "benchmarks/humaneval.jsonl"):
        program = row["prompt"] + row["canonical_solution"]
        test_case = _asserts([f"{row['test']}\n\ncheck({row['entry_point']})"])
        yield Row(row["task_id"], program, test_case, True)


SETS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "mbpp-gpt4": mbpp_gpt4,
    "mbpp": mbpp,
    "humaneval": humaneval,
}


def compare(name: str, rows: list[Row], sandbox: Sandbox) -> None:
    """Verify rows, print agreement, then each disagreement."""
    checks = (
        Check(row.id, "code", "", f"```python\n{row.program}\n```", test_case=row.test_case)
        for row in rows
    )
    verifiers = Verifiers(sandbox=sandbox)
    config = Verification()
    verdicts = list(verify(checks, verifiers, config, RowMemory(), require_format=False))
    agreed = [
        (verdict.status == "pass") == row.recorded and verdict.status in ("pass", "fail")
        for row, verdict in zip(rows, verdicts, strict=True)
    ]
    counts = Counter(verdict.status for verdict in verdicts)
    print(f"{name}: {sum(agreed)} of {len(rows)} = {sum(agreed) / len(rows):.2%} ({dict(counts)})")
    for row, verdict, same in zip(rows, verdicts, agreed, strict=True):
        if not same:
            recorded = "right" if row.recorded else "wrong"
            print(f"  {row.id} | recorded {recorded} | {verdict.status} {_why(verdict)}")
    sys.stdout.flush()


def _why(verdict: Verdict) -> str:
    failure = verdict.evidence.get("first_failure", verdict.evidence)
    told = [f"{key}: {str(failure[key])[:160]}" for key in ("detail", "observed") if key in failure]
    return " | ".join([verdict.reason, *told])


def main() -> int:
    """Print the agreement of the sets found in a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all of them")
    options = parser.parse_args()
    unknown = [name for name in options.sets if name not in SETS]
    if unknown:
        parser.error(f"there is no set {unknown[0]!r}: choose from {', '.join(SETS)}")
    with Sandbox() as sandbox:
        for name in options.sets or SETS:
            try:
                rows = list(SETS[name](options.folder))
            except FileNotFoundError as problem:
                print(f"{name}: skipped, there is no {problem.filename}", file=sys.stderr)
                continue
            compare(name, rows, sandbox)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
