from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.protocol import SYSTEM_PROMPT, parse_response, render_response
from am_assets.core.requests import GenerationRequest
from am_assets.core.schema import BENCHMARKS
from am_assets.core.settings.evaluation import Evaluation
from am_assets.core.verdict import Check, Verdict
from am_assets.stages.evaluation.scores import interval, score
from am_assets_tests.support.fakes import ScriptedEngine, benchmark_answers

CONFIG = Evaluation()


def _benchmarks(*rows: dict[str, Any]) -> pa.Table:
    return BENCHMARKS.table(
        {"item_id": f"{row['benchmark']}/{row['prompt']}", "kind": "math", "vector": [1.0], **row}
        for row in rows
    )


def _verify(checks: Iterable[Check], require_format: bool = True) -> Iterator[Verdict]:
    """Passes when the reference stands in the text; strictly only in an answer block."""
    for check in checks:
        status = (
            "pass"
            if check.reference_answer and check.reference_answer in check.response
            else "fail"
        )
        if require_format and parse_response(check.response) is None:
            status = "fail"
        if "judge gone" in check.response:
            status = "error"
        if check.reference_answer == "unparseable":
            status = "unverifiable"
        yield Verdict(check.id, status, None, f"said_{status}", "scripted", "1")


def _scores(answers: pa.Table, benchmarks: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["score_id"]: row for row in score(answers, benchmarks, _verify).scores.to_pylist()}


def test_every_checkable_item_is_asked_as_often_as_its_benchmark_says():
    benchmarks = _benchmarks(
        {"benchmark": "m", "prompt": "a", "reference_answer": "1"},
        {"benchmark": "m", "prompt": "b"},
        {"benchmark": "c", "prompt": "a", "test_case": '{"type": "asserts"}'},
        {"benchmark": "off", "prompt": "a", "reference_answer": "1"},
    )
    engine = ScriptedEngine(lambda request: "text")
    answers = benchmark_answers(benchmarks, engine, CONFIG, {"m": 2, "c": 1, "off": 0})
    assert sorted(answers["item_id"].to_pylist()) == ["c/a", "m/a", "m/a"]
    assert engine.asked[0].messages[0]["content"] == SYSTEM_PROMPT
    # Two benchmarks with one problem: the same request is answered once for both.
    assert len(engine.asked) == 2


def test_an_engine_error_is_pending_and_counts_as_missing():
    benchmarks = _benchmarks({"benchmark": "m", "prompt": "a", "reference_answer": "1"})

    def reply(request: GenerationRequest) -> str | Exception:
        return RuntimeError("gone") if request.sample_index else render_response("x", "1")

    answers = benchmark_answers(benchmarks, ScriptedEngine(reply), CONFIG, {"m": 4})
    assert sorted(answers["decision"].to_pylist()) == ["kept", "pending", "pending", "pending"]
    row = _scores(answers, benchmarks)["m/strict"]
    assert (row["pass_at_1"], row["samples"], row["missing"], row["items"]) == (1.0, 1, 3, 1)


def test_strict_wants_the_format_and_lenient_does_not():
    benchmarks = _benchmarks({"benchmark": "m", "prompt": "a", "reference_answer": "42"})
    engine = ScriptedEngine(
        lambda request: render_response("x", "42") if request.sample_index == 0 else "it is 42"
    )
    scores = _scores(benchmark_answers(benchmarks, engine, CONFIG, {"m": 2}), benchmarks)
    assert scores["m/strict"]["pass_at_1"] == 0.5
    assert scores["m/lenient"]["pass_at_1"] == 1.0


def test_every_answer_has_one_fate():
    benchmarks = _benchmarks(
        {"benchmark": "m", "prompt": "a", "reference_answer": "1"},
        {"benchmark": "m", "prompt": "b", "reference_answer": "unparseable"},
    )
    texts = [render_response("x", "1"), render_response("x", "judge gone"), "2"]
    engine = ScriptedEngine(lambda request: texts[request.sample_index])
    answers = benchmark_answers(benchmarks, engine, CONFIG, {"m": 3})
    verdicts = score(answers, benchmarks, _verify).verdicts.to_pylist()
    assert len(verdicts) == len(answers)
    fates = sorted((row["item_id"], row["decision"], row["reason"] or "") for row in verdicts)
    assert fates == [
        ("m/a", "kept", ""),
        ("m/a", "kept", ""),
        ("m/a", "pending", "said_error"),
        ("m/b", "dropped", "said_unverifiable"),
        ("m/b", "dropped", "said_unverifiable"),
        ("m/b", "dropped", "said_unverifiable"),
    ]


def test_the_mean_is_unweighted_and_missing_when_a_benchmark_is():
    benchmarks = _benchmarks(
        {"benchmark": "m", "prompt": "a", "reference_answer": "1"},
        {"benchmark": "m", "prompt": "b", "reference_answer": "1"},
        {"benchmark": "n", "prompt": "c", "reference_answer": "9"},
    )
    engine = ScriptedEngine(lambda request: render_response("x", "1"))
    answers = benchmark_answers(benchmarks, engine, CONFIG, {"m": 2, "n": 3})
    mean = _scores(answers, benchmarks)["mean/strict"]
    assert (mean["pass_at_1"], mean["items"], mean["samples"]) == (0.5, 3, 7)
    broken = _benchmarks(
        *({**row, "reference_answer": "unparseable"} for row in benchmarks.to_pylist()[2:]),
        *benchmarks.to_pylist()[:2],
    )
    assert _scores(answers, broken)["mean/strict"]["pass_at_1"] is None
    assert _scores(answers, broken)["n/strict"]["missing"] == 3


def test_an_item_with_more_answers_weighs_no_more_than_another():
    benchmarks = _benchmarks(
        {"benchmark": "m", "prompt": "a", "reference_answer": "1"},
        {"benchmark": "m", "prompt": "b", "reference_answer": "1"},
    )

    def reply(request: GenerationRequest) -> str | Exception:
        if request.messages[-1]["content"] == "b":
            return render_response("x", "2") if request.sample_index == 0 else RuntimeError("gone")
        return render_response("x", "1")

    answers = benchmark_answers(benchmarks, ScriptedEngine(reply), CONFIG, {"m": 4})
    assert _scores(answers, benchmarks)["m/strict"]["pass_at_1"] == 0.5


def test_nothing_asked_gives_no_scores():
    engine = ScriptedEngine(lambda request: "")
    answers = benchmark_answers(_benchmarks(), engine, CONFIG, {})
    assert score(answers, _benchmarks(), _verify).scores.num_rows == 0


def test_the_interval_of_a_perfect_score_is_not_a_point():
    low, high = interval(1.0, 0.0, 30)
    assert low == pytest.approx(0.8865, abs=1e-3)
    assert high == pytest.approx(1.0)


def test_the_interval_of_single_answers_is_wilsons():
    # 20 of 50 items right, one answer each: Wilson gives 0.276 to 0.538.
    variance = 0.4 * 0.6 / 50
    assert interval(0.4, variance, 50) == pytest.approx((0.2761, 0.5382), abs=1e-3)


@given(st.lists(st.integers(0, 64).map(lambda passes: passes / 64), min_size=2, max_size=30))
def test_the_interval_holds_the_mean_of_pass_rates(means: list[float]):
    mean = sum(means) / len(means)
    variance = sum((value - mean) ** 2 for value in means) / (len(means) - 1) / len(means)
    low, high = interval(mean, variance, len(means))
    assert -1e-9 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= 1 + 1e-9
