import json

import pytest

from am_assets.stages.verification import Verification, Verifiers
from am_assets.standalone.check import check_jsonl

GOOD = {"id": "a", "kind": "math", "prompt": "2+2?", "response": "4", "reference_answer": 4}


def run(tmp_path, lines, **options):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = check_jsonl(source, target, Verifiers(), Verification(), **options)
    return report, [json.loads(line) for line in target.read_text().splitlines()]


def test_rows_become_verdicts_in_order(tmp_path):
    other = GOOD | {"id": "b", "response": "<think>x</think><answer>5</answer>", "extra": 1}
    seen = []
    report, rows = run(tmp_path, [json.dumps(GOOD), "", json.dumps(other)], progress=seen.append)
    assert [(row["id"], row["status"]) for row in rows] == [("a", "pass"), ("b", "fail")]
    assert set(rows[0]) == {"id", "status", "score", "reason", "verifier", "evidence"}
    assert (report.rows, report.by_status, seen) == (2, {"pass": 1, "fail": 1}, [1, 2])


def test_the_same_file_gives_the_same_bytes(tmp_path):
    lines = [json.dumps(GOOD | {"id": str(n), "response": str(n)}) for n in range(20)]
    first = run(tmp_path, lines)[1]
    assert first == run(tmp_path, lines)[1]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100000, "not JSON"),
        (json.dumps(GOOD | {"id": 1}), '"id" must be a text'),
        (json.dumps(GOOD | {"kind": "poem"}), '"kind" must be one of math, code'),
        (json.dumps(GOOD | {"reference_answer": [4]}), '"reference_answer"'),
        (json.dumps(GOOD | {"reference_answer": True}), '"reference_answer"'),
        (json.dumps(GOOD | {"test_case": "x"}), '"test_case" must be an object'),
        (json.dumps(GOOD | {"constraints": {}}), '"constraints" must be a list'),
    ],
)
def test_a_malformed_line_is_reported_and_the_rest_is_done(tmp_path, line, problem):
    report, rows = run(tmp_path, [json.dumps(GOOD), line, json.dumps(GOOD | {"id": "c"})])
    assert [row["id"] for row in rows] == ["a", "c"]
    assert report.malformed_rows == 1
    assert report.malformed[0][0] == 2
    assert problem in report.malformed[0][1]


def test_the_input_is_never_overwritten(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps(GOOD))
    with pytest.raises(ValueError, match="is the input file"):
        check_jsonl(path, path, Verifiers(), Verification())
    assert json.loads(path.read_text()) == GOOD


def test_a_failure_leaves_no_half_written_file(tmp_path):
    def stop(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, [json.dumps(GOOD)], progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
