import numpy as np
import pytest

from am_assets.core.settings.sources import Benchmark, Columns
from am_assets.stages.sources import SourceError, UpstreamRow
from am_assets.stages.sources.benchmarks import benchmark_table
from am_assets_tests.support.rows import WordCountEngine

ENGINE = WordCountEngine()


def benchmark(**columns: str) -> Benchmark:
    return Benchmark(
        kind="files", location="x", domain="math", columns=Columns.model_validate(columns)
    )


def rows(*data: dict[str, str]) -> list[UpstreamRow]:
    return [UpstreamRow(one, "b.jsonl", i, "") for i, one in enumerate(data, 1)]


def test_items_are_named_by_upstream_key_and_repeats_are_told_apart():
    data = rows({"q": "one", "k": "x"}, {"q": "two", "k": "x"}, {"q": "three", "k": "y"})
    table = benchmark_table(benchmark(prompt="q", upstream_key="k"), "eggs", data, ENGINE)
    assert table["item_id"].to_pylist() == ["eggs/x", "eggs/x#2", "eggs/y"]
    assert table["prompt"].to_pylist() == ["one", "two", "three"]


def test_items_without_a_key_are_named_by_row():
    data = rows({"q": "one", "a": "1"}, {"q": "one", "a": "1"})
    table = benchmark_table(benchmark(prompt="q", reference_answer="a"), "eggs", data, ENGINE)
    assert table["item_id"].to_pylist() == ["eggs/1", "eggs/2"]
    assert table["reference_answer"].to_pylist() == ["1", "1"]
    assert np.array_equal(np.array(table["vector"].to_pylist()[0], "f4"), ENGINE.embed(["one"])[0])


def test_an_item_without_a_prompt_is_an_error():
    with pytest.raises(SourceError, match="row 1 of benchmark eggs has no prompt"):
        benchmark_table(benchmark(prompt="q"), "eggs", rows({"q": " "}), ENGINE)


def test_a_benchmark_may_be_empty():
    assert benchmark_table(benchmark(prompt="q"), "eggs", [], ENGINE).num_rows == 0
