"""A week's contamination: what is scanned, what is remembered, what the judge is asked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from am_assets.core.ledger import LedgerError
from am_assets.core.memory import RowMemory
from am_assets.core.profile import Decontamination
from am_assets.core.schema import PROMPTS
from am_assets.core.settings.decontamination import SameProblemJudge
from am_assets.core.settings.sources import Benchmark as BenchmarkSettings
from am_assets.core.settings.sources import Columns
from am_assets.core.store import write_table
from am_assets.core.usage import Meter
from am_assets.stages.decontamination import (
    Benchmark,
    Contamination,
    Hit,
    Judge,
    Slice,
    Undecided,
    contaminated,
)
from am_assets.stages.sources import UpstreamRow
from am_assets.stages.sources.benchmarks import benchmark_table
from am_assets_tests.support.fakes import ScriptedEngine
from am_assets_tests.support.rows import WordCountEngine, embedded, prompt_row

ENGINE = WordCountEngine()
EGGS = "Janet has 16 eggs and eats three of them every morning. How many are left?"
PEARS = "a gardener picks ripe yellow pears and stores them inside wooden boxes"
NEAR_EGGS = " ".join([*reversed(EGGS.split()[:9]), "with", "bread", "for", "tea"])


def embed(texts: Sequence[str], owners: Sequence[str]) -> np.ndarray:
    del owners
    return ENGINE.embed(texts)


def benchmark(name: str, *prompts: str) -> Benchmark:
    settings = BenchmarkSettings(
        kind="files", location="x", domain="math", columns=Columns(prompt="q")
    )
    rows = [UpstreamRow({"q": prompt}, name, i, "") for i, prompt in enumerate(prompts, 1)]
    table = benchmark_table(settings, name, rows, ENGINE)
    return Benchmark(lambda: table, f"root of {name} {prompts}")


class Week:
    """Prompts of one source on disk, and a memory that outlives a run."""

    def __init__(self, folder: Path, **prompts: str) -> None:
        table = PROMPTS.table(prompt_row(name, text) for name, text in sorted(prompts.items()))
        write_table(table, folder, "prompts")
        write_table(embedded(table, ENGINE), folder, "embedding_index")
        files = folder / "prompts.parquet", folder / "embedding_index.parquet"
        self.slices = [Slice(*files, ("prompts root", "vectors root"))]
        self.memory = RowMemory()
        self.meter = Meter("decontamination")

    def run(
        self, *benchmarks: Benchmark, ask: Judge | None = None, **settings: object
    ) -> Contamination:
        self.meter = Meter("decontamination")
        return contaminated(
            self.slices,
            benchmarks,
            Decontamination.model_validate(settings),
            self.memory,
            embed,
            self.meter,
            ask,
        )


def test_a_benchmark_that_is_added_is_scanned_alone(tmp_path: Path):
    prompts = {"a": EGGS, "b": PEARS, "c": "something else entirely, with words of its own"}
    week = Week(tmp_path, **prompts)
    eggs, pears = benchmark("eggs", EGGS), benchmark("pears", PEARS)
    assert set(week.run(eggs).hits) == {"a"}
    assert (week.meter.made, week.meter.reused) == (3, 0)
    both = week.run(eggs, pears)
    assert (week.meter.made, week.meter.reused) == (3, 3)
    (tmp_path / "fresh").mkdir()
    assert both == Week(tmp_path / "fresh", **prompts).run(pears, eggs)
    assert both.hits == {
        "a": Hit("eggs", "eggs/1", "exact", 1.0),
        "b": Hit("pears", "pears/1", "exact", 1.0),
    }


def test_a_changed_setting_or_benchmark_is_scanned_again(tmp_path: Path):
    week = Week(tmp_path, a=EGGS)
    week.run(benchmark("eggs", EGGS))
    week.run(benchmark("eggs", EGGS), word_ngram=9)
    assert week.meter.made == 1
    week.run(benchmark("eggs", EGGS, PEARS))
    assert week.meter.made == 1


def test_erasing_a_sample_erases_what_names_it_and_the_scan_is_done_again(tmp_path: Path):
    week = Week(tmp_path, a=EGGS, b=PEARS)
    before = week.run(benchmark("eggs", EGGS))
    assert week.memory.erase(["a"]) == 1
    assert week.memory.erase(["b"]) == 0
    assert week.run(benchmark("eggs", EGGS)) == before
    assert (week.meter.made, week.meter.reused) == (2, 0)


def test_of_several_benchmarks_the_best_hit_is_named(tmp_path: Path):
    longer = f"Solve this, please, and show your work: {EGGS}"
    week = Week(tmp_path, a=EGGS)
    found = week.run(benchmark("a_quote", longer), benchmark("same", EGGS))
    assert found.hits["a"] == Hit("same", "same/1", "exact", 1.0)


def test_a_prompt_without_a_vector_is_named(tmp_path: Path):
    week = Week(tmp_path, a=EGGS, b=PEARS)
    only_one = PROMPTS.table([prompt_row("a", EGGS)])
    write_table(embedded(only_one, ENGINE), tmp_path, "embedding_index")
    with pytest.raises(LedgerError, match="embedding_index has nothing of the sample b"):
        week.run(benchmark("eggs", EGGS))


ON = {"judge": {"enabled": True, "at_least": 0.3}}


def judged(folder: Path, *replies: str | Exception) -> tuple[Contamination, ScriptedEngine]:
    """The verdict on a prompt near the item, by a judge that gives `replies` in turn."""
    week = Week(folder, a=NEAR_EGGS, b=PEARS)
    engine = ScriptedEngine(lambda request: replies[request.sample_index])
    judge = Judge(engine, SameProblemJudge(enabled=True), week.memory, Meter("judge"))
    return week.run(benchmark("eggs", EGGS), ask=judge, **ON), engine


def test_the_judge_is_asked_only_about_the_band_below_the_threshold(tmp_path: Path):
    found, engine = judged(tmp_path, "Yes.")
    assert found.hits["a"].method == "judge"
    assert 0.3 < found.hits["a"].score < 0.9
    (request,) = engine.asked
    text = request.messages[0]["content"]
    assert NEAR_EGGS in text
    assert EGGS in text


def test_what_the_judge_calls_another_problem_is_clean(tmp_path: Path):
    assert judged(tmp_path, "No, they ask different things.")[0] == Contamination()


def test_an_unreadable_reply_is_asked_for_once_more_and_then_leaves_the_row_undecided(
    tmp_path: Path,
):
    (tmp_path / "second").mkdir()
    found, engine = judged(tmp_path, "Perhaps.", "yes")
    assert (set(found.hits), len(engine.asked)) == ({"a"}, 2)
    found, _ = judged(tmp_path / "second", "Perhaps.", "Who knows?")
    assert (found.hits, found.undecided["a"].reason) == ({}, "judge_unparseable")


def test_a_judge_that_fails_leaves_the_row_undecided_and_is_asked_again(tmp_path: Path):
    week = Week(tmp_path, a=NEAR_EGGS)
    for reply, hits in ((RuntimeError("down"), 0), ("yes", 1)):
        engine = ScriptedEngine(lambda request, said=reply: said)
        judge = Judge(engine, SameProblemJudge(enabled=True), week.memory, Meter("judge"))
        found = week.run(benchmark("eggs", EGGS), ask=judge, **ON)
        assert len(found.hits) == hits
        assert [one.reason for one in found.undecided.values()] == ["judge_failed"] * (1 - hits)
        assert len(engine.asked) == 1


def test_a_prompt_with_a_hit_is_not_asked_about(tmp_path: Path):
    week = Week(tmp_path, a=NEAR_EGGS)
    engine = ScriptedEngine(lambda request: "no")
    judge = Judge(engine, SameProblemJudge(enabled=True), week.memory, Meter("judge"))
    found = week.run(benchmark("eggs", EGGS), benchmark("b", NEAR_EGGS), ask=judge, **ON)
    assert found.hits["a"].benchmark == "b"
    assert engine.asked == []


def test_an_undecided_row_has_its_evidence(tmp_path: Path):
    found, _ = judged(tmp_path, RuntimeError("down"))
    undecided = found.undecided["a"]
    assert isinstance(undecided, Undecided)
    assert undecided.evidence["item_id"] == "eggs/1"
    assert undecided.evidence["error"] == "down"
