import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from am_assets.core.config import Benchmark, Columns, Decontamination, Dedup
from am_assets.core.memory import RowMemory
from am_assets.core.schema import PROMPTS, embedding_schema
from am_assets.stages.benchmarks import benchmark_table
from am_assets.stages.decisions import WeekDecisions, decide_week
from am_assets.stages.decontamination import contaminated
from am_assets.stages.embedding import matrix
from am_assets.stages.sources import UpstreamRow
from am_assets_tests.unit.stages.rows import WordCountEngine, embedded, prompt_row

ENGINE = WordCountEngine()
EGGS = "Janet sells eggs at the market every day for two dollars each"
PEARS = "a gardener picks ripe yellow pears and stores them inside wooden boxes"


def tables(*rows: dict[str, Any]) -> dict[str, pa.Table]:
    sources = {row["source"] for row in rows}
    return {
        name: PROMPTS.table(row for row in rows if row["source"] == name)
        for name in sorted(sources)
    }


def benchmark(*prompts: str) -> pa.Table:
    config = Benchmark(kind="files", location="x", domain="math", columns=Columns(prompt="q"))
    rows = [UpstreamRow({"q": prompt}, "b", i, "") for i, prompt in enumerate(prompts, 1)]
    return benchmark_table(config, "held_out", rows, ENGINE)


def decide(
    *rows: dict[str, Any], earlier: pa.Table | None = None, items: tuple[str, ...] = ()
) -> WeekDecisions:
    prompts = tables(*rows)
    vectors = {name: embedded(table, ENGINE) for name, table in prompts.items()}
    return decide_week(
        prompts,
        vectors,
        contaminated(prompts, vectors, [benchmark(*items)], Decontamination()),
        earlier,
        {"numbers": 1, "other": 0},
        Dedup(),
    )


def kept_earlier(*rows: dict[str, Any]) -> pa.Table:
    prompts = PROMPTS.table(rows)
    vectors = embedded(prompts, ENGINE)
    return pa.table(
        {
            "sample_id": prompts["sample_id"],
            "prompt_hash": prompts["prompt_hash"],
            "reference_answer": prompts["reference_answer"],
            "vector": vectors["vector"],
        }
    )


def fates(found: WeekDecisions) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        row["sample_id"]: (row["reason"] or row["decision"], json.loads(row["evidence"] or "{}"))
        for row in found.table.to_pylist()
    }


def test_a_contaminated_row_names_item_method_and_score():
    found = decide(prompt_row("a", EGGS), prompt_row("b", PEARS), items=(EGGS,))
    assert fates(found) == {
        "a": (
            "contaminated",
            {"benchmark": "held_out", "item_id": "held_out/1", "method": "exact", "score": 1.0},
        ),
        "b": ("kept", {}),
    }
    assert found.stats.contaminated == {"held_out/exact": 1}


def test_a_contaminated_row_is_nobodys_twin():
    shuffled = " ".join(reversed(PEARS.split()))
    found = decide(
        prompt_row("a", PEARS, reference_answer="1"),
        prompt_row("b", f"{PEARS} quickly", source="other"),
        prompt_row("c", shuffled),
        items=(f"{EGGS} {PEARS}",),
    )
    assert {k: v[0] for k, v in fates(found).items()} == {
        "a": "contaminated",
        "b": "contaminated",
        "c": "kept",
    }


def test_an_identical_prompt_of_a_better_ranked_source_is_kept():
    found = decide(prompt_row("a", EGGS), prompt_row("b", EGGS.upper(), source="other"))
    assert fates(found) == {
        "a": ("exact_duplicate", {"twin": "b", "similarity": 1.0}),
        "b": ("kept", {}),
    }
    assert found.stats.duplicates == {"exact_duplicate": 1}


def test_a_similar_prompt_of_an_earlier_week_stays():
    earlier = kept_earlier(prompt_row("old", EGGS))
    found = decide(prompt_row("new", f"{EGGS} morning", reference_answer="1"), earlier=earlier)
    reason, evidence = fates(found)["new"]
    assert reason == "semantic_duplicate"
    assert evidence["twin"] == "old"
    assert 0.9 < evidence["similarity"] < 1


def test_a_newer_version_supersedes_and_replaces_the_older_one():
    earlier = kept_earlier(prompt_row("old", EGGS))
    found = decide(prompt_row("new", f"{EGGS} morning", supersedes="old"), earlier=earlier)
    assert fates(found) == {"new": ("kept", {})}
    assert found.superseded.to_pylist() == [{"sample_id": "old", "superseded_by": "new"}]


def test_a_dropped_newer_version_still_supersedes():
    row = prompt_row("new", EGGS, supersedes="old", decision="dropped", reason="url")
    found = decide(row)
    assert found.table.num_rows == 0
    assert found.superseded.num_rows == 1


def test_a_week_without_rows_decides_nothing():
    found = decide()
    assert (found.table.num_rows, found.superseded.num_rows) == (0, 0)
    assert found.stats.nearest == [0] * 50


def test_stats_count_every_candidate():
    found = decide(prompt_row("a", EGGS), prompt_row("b", PEARS), prompt_row("c", f"{PEARS} now"))
    assert found.stats.candidates == 3
    assert found.stats.kept == 2
    assert sum(found.stats.nearest) == 3


def test_embedding_tables_hold_the_kept_rows_and_unit_vectors():
    prompts = PROMPTS.table(
        [prompt_row("b", EGGS), prompt_row("a", PEARS), prompt_row("c", EGGS, decision="dropped")]
    )
    table = embedded(prompts, ENGINE)
    assert table.schema.equals(embedding_schema(ENGINE.dimension).arrow)
    assert table["sample_id"].to_pylist() == ["a", "b"]
    assert (matrix(table) == ENGINE.embed([PEARS, EGGS])).all()
    assert embedded(prompts.slice(0, 0), ENGINE).num_rows == 0


def test_a_prompt_that_was_embedded_is_not_embedded_again():
    class Counting(WordCountEngine):
        texts = 0

        def embed(self, texts: Sequence[str]) -> np.ndarray:
            self.texts += len(texts)
            return super().embed(texts)

    engine, memory = Counting(), RowMemory()
    first = embedded(PROMPTS.table([prompt_row("a", PEARS)]), engine, memory)
    both = PROMPTS.table([prompt_row("b", EGGS), prompt_row("other", PEARS)])
    table = embedded(both, engine, memory)
    assert engine.texts == 2
    assert table["vector"].to_pylist()[1] == first["vector"].to_pylist()[0]
    assert memory.erase(["other"]) == 1
