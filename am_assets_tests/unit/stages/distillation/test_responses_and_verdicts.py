import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from am_assets.core.identity import response_id, table_root, upstream_response_id
from am_assets.core.protocol import SYSTEM_PROMPT
from am_assets.core.requests import GenerationRequest, Sampling
from am_assets.core.row_file import RowFile
from am_assets.core.schema import EXISTING_VERDICTS, LABELS, VERDICTS, VERIFIED
from am_assets.core.settings.distillation import Responses
from am_assets.core.verdict import Check, Status, Verdict
from am_assets.stages.distillation.fates import sample_outcomes
from am_assets.stages.distillation.verdicts import (
    VerifyFn,
    check_of,
    passed_samples,
    verify_existing,
    verify_responses,
)
from am_assets.stages.generation import with_system_prompt
from am_assets_tests.support.fakes import ScriptedEngine, prompts, responses_of, sample_key

CONFIG = Responses(samples=3, sampling=Sampling(max_tokens=50))


def _labels(table: pa.Table, dropped: Iterable[str] = ()) -> pa.Table:
    rows = table.select(["sample_id", "source", "week"]).to_pylist()
    return LABELS.table(
        row | {"decision": "dropped" if row["sample_id"] in set(dropped) else "kept"}
        for row in rows
    )


def _verify(status_of: Callable[[Check], Status]) -> Callable[[Iterable[Check]], Iterator[Verdict]]:
    def verify(checks: Iterable[Check]) -> Iterator[Verdict]:
        for check in sorted(checks, key=lambda check: check.id, reverse=True):
            status = status_of(check)
            judged = {"pass": 1.0, "fail": 0.0}.get(status)
            reason = {"error": "judge_missing", "unverifiable": "no_reference"}.get(status, status)
            yield Verdict(check.id, status, judged, reason, "scripted", "1", {"status": status})

    return verify


def _existing(table: pa.Table, verify: VerifyFn) -> pa.Table:
    rows: list[Mapping[str, Any]] = []
    verify_existing([table], table["sample_id"].combine_chunks(), verify, rows.append)
    return EXISTING_VERDICTS.table(rows)


def _verdicts(responses: pa.Table, table: pa.Table, verify: VerifyFn, scratch: Path) -> pa.Table:
    rows: list[Mapping[str, Any]] = []
    with RowFile(scratch / "samples.rows") as samples:
        samples.add((row["sample_id"], row) for row in table.to_pylist())
        verify_responses([responses], samples, verify, rows.append)
    return VERDICTS.table(rows)


def _status_in_text(check: Check) -> Status:
    for status in ("pass", "fail", "unverifiable", "error"):
        if status in check.response:
            return status
    raise AssertionError(check.response)


def test_a_system_turn_of_the_sample_follows_the_protocols_one():
    turns = with_system_prompt(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    )
    assert [turn["role"] for turn in turns] == ["system", "user"]
    assert turns[0]["content"] == f"{SYSTEM_PROMPT}\n\nBe brief."


def test_the_teacher_is_asked_only_about_kept_samples_without_a_passing_response():
    table = prompts(*({"prompt": name} for name in ("asked", "passed already", "down-sampled")))
    engine = ScriptedEngine(lambda request: "text")
    responses = responses_of(
        table,
        _labels(table, dropped=[sample_key("down-sampled")]),
        {sample_key("passed already")},
        engine,
        CONFIG,
    )
    assert set(responses["sample_id"].to_pylist()) == {sample_key("asked")}
    assert sorted(responses["sample_index"].to_pylist()) == [0, 1, 2]
    assert all(request.messages[0]["content"] == SYSTEM_PROMPT for request in engine.asked)


def test_a_failed_request_is_pending_and_the_others_are_answered():
    def reply(request: GenerationRequest) -> str | Exception:
        return RuntimeError("x" * 1000) if request.sample_index == 1 else "text"

    table = prompts({"prompt": "one"})
    rows = responses_of(table, _labels(table), set(), ScriptedEngine(reply), CONFIG).to_pylist()
    fates = {row["sample_index"]: (row["decision"], row["reason"], row["text"]) for row in rows}
    assert fates[1] == ("pending", "server_error", None)
    assert fates[0] == fates[2] == ("kept", None, "text")
    error = next(row["evidence"] for row in rows if row["sample_index"] == 1)
    assert len(json.loads(error)["error"]) == 300


def test_two_samples_that_ask_the_same_get_a_response_each_from_one_request():
    other = sample_key("other")
    table = prompts({"prompt": "same"}, {"prompt": "same", "sample_id": other})
    engine = ScriptedEngine(lambda request: "text")
    rows = responses_of(table, _labels(table), set(), engine, CONFIG).to_pylist()
    assert len(engine.asked) == 3
    assert len({row["response_id"] for row in rows}) == 6
    assert all(
        row["response_id"] == response_id(row["sample_id"], row["request_key"]) for row in rows
    )


def test_distillation_does_not_depend_on_the_order_of_answers():
    table = prompts(*({"prompt": f"prompt {index}"} for index in range(10)))

    def answered(seed: int) -> pa.Table:
        engine = ScriptedEngine(lambda request: f"text {request.seed}", seed)
        return responses_of(table, _labels(table), set(), engine, CONFIG)

    assert answered(1) == answered(2)


def test_existing_responses_are_verified_and_the_rest_give_no_row():
    table = prompts(
        {"prompt": "a", "existing_response": "pass"},
        {"prompt": "b", "existing_response": "fail"},
        {"prompt": "c", "existing_response": "error"},
        {"prompt": "d", "existing_response": "unverifiable"},
        {"prompt": "e"},
    )
    rows = _existing(table, _verify(_status_in_text)).to_pylist()
    fates = {row["sample_id"]: (row["decision"], row["reason"]) for row in rows}
    assert fates == {
        sample_key("a"): ("kept", None),
        sample_key("b"): ("dropped", "fail"),
        sample_key("c"): ("pending", "judge_missing"),
        sample_key("d"): ("dropped", "no_reference"),
    }
    assert upstream_response_id(sample_key("a"), "pass") in {row["response_id"] for row in rows}


def test_a_check_that_verification_skips_is_pending_rather_than_lost():
    table = prompts({"prompt": "a", "existing_response": "pass"})
    row = _existing(table, lambda checks: ()).to_pylist()[0]
    assert (row["status"], row["decision"], row["reason"]) == ("error", "pending", "no_verdict")


def test_checks_carry_the_parsed_test_case_and_constraints():
    seen: list[Check] = []

    def verify(checks: Iterable[Check]) -> Iterator[Verdict]:
        seen.extend(checks)
        return iter(())

    table = prompts(
        {
            "prompt": "a",
            "existing_response": "x",
            "test_case": '{"type": "asserts", "tests": ["assert f() == 1"]}',
            "constraints": '[{"instruction_id": "punctuation:no_comma", "kwargs": {}}]',
        }
    )
    _existing(table, verify)
    assert seen[0].test_case == {"type": "asserts", "tests": ["assert f() == 1"]}
    assert seen[0].constraints == [{"instruction_id": "punctuation:no_comma", "kwargs": {}}]


def test_a_machine_with_another_isolation_reaches_the_same_root():
    def judged_in(tier: str) -> pa.Table:
        evidence = {"tier": tier, "runtime": "Python 3.11.7", "passed": 2}
        return _existing(
            prompts({"prompt": "a", "existing_response": "x"}),
            lambda checks: (
                Verdict(check.id, "pass", 1.0, "", "sandbox", "1", evidence) for check in checks
            ),
        )

    one, other = judged_in("landlock+seccomp"), judged_in("bubblewrap+landlock+seccomp")
    assert one["evidence"].to_pylist() == [json.dumps({"passed": 2})]
    assert one["conditions"].to_pylist() != other["conditions"].to_pylist()
    assert table_root(one, "response_id") == table_root(other, "response_id")


def _outcome(
    scratch: Path, existing: str | None, distilled: list[str | Exception], teacher: bool = True
) -> dict[str, Any]:
    table = prompts({"prompt": "a", "existing_response": existing})
    verify = _verify(_status_in_text)
    own = _existing(table, verify)
    engine = ScriptedEngine(lambda request: distilled[request.sample_index])
    config = Responses(samples=max(1, len(distilled)))
    asked = _labels(table) if distilled else _labels(table, dropped=[sample_key("a")])
    responses = responses_of(table, asked, passed_samples(own), engine, config)
    verdicts = _verdicts(responses, table, verify, scratch)
    labelled = table["sample_id"].combine_chunks()
    rows: list[Mapping[str, Any]] = []
    sample_outcomes(labelled, [table], [own], [responses], [verdicts], teacher, rows.append)
    (outcome,) = VERIFIED.table(rows).to_pylist()
    return outcome


@pytest.mark.parametrize(
    ("existing", "distilled", "teacher", "decision", "reason"),
    [
        ("pass", [], True, "kept", None),
        (None, ["pass", "fail"], True, "kept", None),
        ("error", ["fail", "pass"], True, "kept", None),
        ("fail", ["fail", "fail"], True, "dropped", "no_passing_response"),
        (None, ["unverifiable", "unverifiable"], True, "dropped", "unverifiable"),
        (None, ["unverifiable", "fail"], True, "dropped", "no_passing_response"),
        (None, ["fail", "error"], True, "pending", "judge_missing"),
        (None, ["fail", RuntimeError("x")], True, "pending", "server_error"),
        ("error", ["fail"], True, "pending", "judge_missing"),
        ("fail", [], False, "dropped", "no_response"),
        (None, [], False, "dropped", "no_response"),
        ("unverifiable", [], False, "dropped", "unverifiable"),
        ("error", [], False, "pending", "judge_missing"),
    ],
)
def test_every_sample_has_one_fate(
    tmp_path: Path,
    existing: str | None,
    distilled: list[str | Exception],
    teacher: bool,
    decision: str,
    reason: str | None,
):
    row = _outcome(tmp_path, existing, distilled, teacher)
    assert (row["decision"], row["reason"]) == (decision, reason)


def test_pass_rate_and_coefficient_of_variation_are_over_judged_samples(tmp_path: Path):
    row = _outcome(tmp_path, None, ["pass", "fail", "unverifiable", RuntimeError("x")])
    assert (row["responses"], row["passed"], row["pass_rate"]) == (2, 1, 0.5)
    assert row["score_cv"] == 1.0
    assert _outcome(tmp_path, "pass", [])["pass_rate"] is None


def test_checks_are_read_as_a_stream_and_only_what_waits_is_held():
    table = prompts(*({"prompt": str(n), "existing_response": "pass"} for n in range(10)))
    read: list[int] = []

    def parts() -> Iterator[pa.Table]:
        for start in range(0, 10, 2):
            read.append(start)
            yield table.slice(start, 2)

    def verify(checks: Iterable[Check]) -> Iterator[Verdict]:
        for check in checks:
            yield Verdict(check.id, "pass", 1.0, "", "scripted", "1")

    written: list[tuple[int, Mapping[str, Any]]] = []
    verify_existing(
        parts(),
        table["sample_id"].combine_chunks(),
        verify,
        lambda row: written.append((len(read), row)),
    )
    assert [parts_read for parts_read, _ in written] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_a_check_names_the_sample_or_the_item_it_belongs_to():
    (row,) = prompts({"prompt": "a"}).to_pylist()
    assert check_of(row, "r", "text").owner == row["sample_id"]
    item = {"item_id": "i", **{key: row[key] for key in row if key != "sample_id"}}
    assert check_of(item, "r", "text").owner == "i"
