import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from am_assets.core.schema import PROMPTS, RESPONSES, VERDICTS
from am_assets.stages.verification.agreement import (
    ANSWER,
    VERDICT,
    Matrices,
    Opinions,
    opinions,
    recorded_verdicts,
)

WEEK = "2025-01-06"
JUDGED: dict[str, Any] = {"judge_score": 5, "request_key": "k"}


def _verdict(
    response: str, status: str, verifier: str = "math", sample: str = "s", **evidence: Any
) -> dict[str, Any]:
    return {
        "response_id": response,
        "sample_id": sample,
        "source": "sums",
        "week": WEEK,
        "kind": "math",
        "status": status,
        "verifier": verifier,
        "reason": None if status == "pass" else "wrong_answer",
        "evidence": json.dumps(evidence) if evidence else None,
    }


def _parts(table: pa.Table, columns: Iterable[str]) -> list[pa.Table]:
    """One row a part: what is joined lies in different parts."""
    listed = table.select(list(columns))
    return [listed.slice(start, 1) for start in range(listed.num_rows)]


def _opinions(
    verdicts: list[dict[str, Any]],
    answers: Mapping[str, str] | None = None,
    recorded: Mapping[str, bool] | None = None,
) -> dict[str, Opinions]:
    texts = RESPONSES.table(
        {"response_id": key, "text": text} for key, text in (answers or {}).items()
    )
    found = opinions(
        lambda: _parts(VERDICTS.table(verdicts), VERDICT),
        _parts(texts, ANSWER),
        recorded or {},
        lambda kind, text: text or None,
    )
    return {said.response_id: said for said in found}


def test_a_judge_against_the_rules_differs_from_them():
    found = _opinions(
        [
            _verdict("a", "pass", "judge", rule_verdict="fail", **JUDGED),
            _verdict("b", "fail", "judge", rule_verdict="fail", judge_score=1),
            _verdict("c", "pass", "judge", **JUDGED),
            _verdict("d", "pass", "reward", ratings={}),
            _verdict("e", "error", "judge", rule_verdict="fail"),
        ]
    )
    assert (found["a"].rule, found["a"].judge, found["a"].judge_score) == ("fail", "pass", 5)
    assert [key for key, said in found.items() if said.differing()] == ["a"]
    # Where the rules said nothing, or the judge did not answer, nobody differs.
    assert (found["c"].rule, found["c"].judge) == (None, "pass")
    assert (found["d"].rule, found["d"].judge) == (None, None)
    assert (found["e"].rule, found["e"].judge) == ("fail", None)


def test_rules_differ_from_the_answer_of_more_than_half():
    found = _opinions(
        [
            _verdict("a", "fail"),
            _verdict("b", "fail"),
            _verdict("c", "pass"),
            _verdict("d", "fail"),
        ],
        {"a": "7", "b": "7", "c": "5", "d": "7"},
    )
    assert {said.majority for said in found.values()} == {"7"}
    assert {key: said.differing() for key, said in found.items()} == {
        key: ["rule x majority"] for key in "abcd"
    }


def test_half_of_the_samples_or_one_is_no_majority():
    verdicts = [_verdict("a", "fail"), _verdict("b", "pass"), _verdict("c", "pass", sample="t")]
    found = _opinions(verdicts, {"a": "7", "b": "5", "c": "5"})
    assert {said.majority for said in found.values()} == {None}
    assert not any(said.differing() for said in found.values())


def test_a_response_of_a_wrong_form_has_no_vote():
    verdicts = [_verdict("a", "fail", "rules"), _verdict("b", "pass"), _verdict("c", "pass")]
    found = _opinions(verdicts, {"a": "7", "b": "5", "c": "5"})
    assert (found["a"].answer, found["a"].differing()) == (None, [])
    assert found["b"].majority == "5"


def test_upstreams_word_is_compared_with_the_verdict():
    verdicts = [
        _verdict("a", "fail", sample="s1"),
        _verdict("b", "pass", sample="s2"),
        _verdict("c", "unverifiable", sample="s3"),
        _verdict("d", "pass", sample="s4"),
    ]
    found = _opinions(verdicts, recorded={"s1": True, "s2": False, "s3": True})
    assert [key for key, said in found.items() if said.differing()] == ["a", "b"]
    assert found["d"].recorded is None


def test_the_matrices_count_pairs_and_name_the_first_that_differ():
    matrices = Matrices()
    verdicts = [
        _verdict(f"r{index}", "pass", "judge", rule_verdict="fail", **JUDGED) for index in range(9)
    ]
    for said in reversed(_opinions(verdicts).values()):
        matrices.add(said)
    assert matrices.as_dict() == {
        "rule x judge": {
            "matrix": [["fail", "pass", 9]],
            "differ": 9,
            "look_at": ["r0", "r1", "r2", "r3", "r4"],
        }
    }


def test_prompts_without_a_recorded_verdict_have_none(tmp_path: Path):
    rows = [
        {"sample_id": "a", "recorded_verdict": True},
        {"sample_id": "b", "recorded_verdict": None},
        {"sample_id": "c", "recorded_verdict": False},
    ]
    path = tmp_path / "prompts.parquet"
    pq.write_table(PROMPTS.table(rows), path)
    assert recorded_verdicts(path) == {"a": True, "c": False}
    pq.write_table(PROMPTS.table(rows).drop_columns(["recorded_verdict"]), path)
    assert recorded_verdicts(path) == {}
