"""What work costs, as people and metadata are told."""

from am_assets.core.requests import Completion
from am_assets.core.usage import Meter


def _answer(prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> Completion:
    return Completion(
        "k",
        "text",
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cached_tokens=cached_tokens,
        finish_reason="stop",
    )


def test_rows_tokens_and_errors_add_up() -> None:
    meter = Meter("teacher", total=6, gpus=2)
    meter.answered(_answer(prompt_tokens=10, completion_tokens=5, cached_tokens=4))
    meter.answered(_answer(prompt_tokens=20, completion_tokens=7))
    meter.answered(Completion("k", error="no", cause="timeout"))
    meter.found(2)
    totals = meter.totals()
    assert meter.done == 5
    assert (totals["done"], totals["made"], totals["reused"]) == (5, 2, 2)
    assert totals["errors"] == {"timeout": 1}
    assert (totals["prompt_tokens"], totals["completion_tokens"]) == (30, 12)
    assert totals["cached_prompt_tokens"] == 4
    assert totals["made_per_second"] > 0
    assert totals["gpu_seconds"] == 2 * totals["engine_seconds"] or totals["engine_seconds"] < 0.01


def test_the_line_tells_what_is_done_reused_failed_and_left() -> None:
    meter = Meter("teacher", total=1_000, unit="responses")
    meter.answered(_answer(prompt_tokens=100, completion_tokens=5, cached_tokens=50))
    meter.found(300)
    meter.failed("rate_limited", 2)
    line = meter.line()
    assert line.startswith("teacher: 303 of 1,000 responses; 300 reused; ")
    for part in ("tokens/s in", "50% of prompts cached", "errors: 2 rate_limited", " left"):
        assert part in line


def test_work_that_is_done_has_nothing_left() -> None:
    meter = Meter("labels", total=1)
    meter.computed()
    assert "left" not in meter.line()
    assert Meter("idle").totals()["made_per_second"] == 0


def test_finishing_says_a_line_only_if_there_was_work() -> None:
    said: list[str] = []
    idle, busy = Meter("idle", say=said.append), Meter("busy", say=said.append)
    busy.found()
    idle.finish()
    busy.finish()
    assert said == ["busy: 1 rows; 1 reused"]


def test_cached_tokens_of_a_prompt_that_nobody_counted_are_no_share() -> None:
    meter = Meter("teacher")
    meter.answered(_answer(prompt_tokens=0, completion_tokens=5, cached_tokens=7))
    assert "cached" not in meter.line()
