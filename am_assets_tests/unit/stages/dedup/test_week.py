import json
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from am_assets.core.ledger import LedgerError
from am_assets.core.memory import RowMemory
from am_assets.core.profile import Dedup
from am_assets.core.schema import PROMPTS, embedding_schema
from am_assets.core.store import write_table
from am_assets.stages.decontamination import Contamination, Hit, Undecided
from am_assets.stages.dedup.week import WeekDecisions, decide_week
from am_assets.stages.dedup.week_rows import EarlierPart, WeekPart
from am_assets.stages.embedding.embed import matrix
from am_assets_tests.support.rows import WordCountEngine, embedded, prompt_row

ENGINE = WordCountEngine()
EGGS = "Janet sells eggs at the market every day for two dollars each"
PEARS = "a gardener picks ripe yellow pears and stores them inside wooden boxes"


def tables(*rows: dict[str, Any]) -> dict[str, pa.Table]:
    sources = {row["source"] for row in rows}
    return {
        name: PROMPTS.table(row for row in rows if row["source"] == name)
        for name in sorted(sources)
    }


def contaminated(*samples: str) -> Contamination:
    return Contamination({one: Hit("held_out", "held_out/1", "exact", 1.0) for one in samples})


def written(folder: Path, rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Path], ...]:
    """Files of the prompts and their embeddings, by source."""
    prompts = tables(*rows)
    for source, table in prompts.items():
        (folder / source).mkdir(parents=True)
        write_table(table, folder / source, "prompts")
        write_table(embedded(table, ENGINE), folder / source, "embedding_index")
    return tuple(
        {source: folder / source / f"{name}.parquet" for source in prompts}
        for name in ("prompts", "embedding_index")
    )


def week_parts(prompts: Mapping[str, Path], embeddings: Mapping[str, Path]) -> list[WeekPart]:
    return [WeekPart(source, prompts[source], embeddings[source]) for source in prompts]


def decide(
    *rows: dict[str, Any],
    earlier: Sequence[dict[str, Any]] = (),
    contamination: Contamination | None = None,
    block: int = 8192,
) -> WeekDecisions:
    """Decide the week of `rows`; `earlier` are rows that an earlier week kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prompts, embeddings = written(folder / "week", rows)
        old_prompts, old_embeddings = written(folder / "earlier", earlier)
        parts = [
            EarlierPart(
                old_prompts[source],
                old_embeddings[source],
                pa.array(sorted(row["sample_id"] for row in earlier if row["source"] == source)),
            )
            for source in old_prompts
        ]
        found = decide_week(
            week_parts(prompts, embeddings),
            contamination or Contamination(),
            parts,
            {"numbers": 1, "other": 0},
            Dedup(),
            folder,
            block,
        )
        assert {path.name for path in folder.iterdir()} <= {"week", "earlier"}
    return found


def fates(found: WeekDecisions) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        row["sample_id"]: (row["reason"] or row["decision"], json.loads(row["evidence"] or "{}"))
        for row in found.table.to_pylist()
    }


def test_a_contaminated_row_names_item_method_and_score():
    found = decide(prompt_row("a", EGGS), prompt_row("b", PEARS), contamination=contaminated("a"))
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
        contamination=contaminated("a", "b"),
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
    earlier = [prompt_row("old", EGGS)]
    found = decide(prompt_row("new", f"{EGGS} morning", reference_answer="1"), earlier=earlier)
    reason, evidence = fates(found)["new"]
    assert reason == "semantic_duplicate"
    assert evidence["twin"] == "old"
    assert 0.9 < evidence["similarity"] < 1


def test_a_newer_version_supersedes_and_replaces_the_older_one():
    earlier = [prompt_row("old", EGGS)]
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
    assert found.stats.thresholds["nearest"] == [0] * 50


def test_stats_count_every_candidate():
    found = decide(prompt_row("a", EGGS), prompt_row("b", PEARS), prompt_row("c", f"{PEARS} now"))
    assert found.stats.candidates == 3
    assert found.stats.kept == 2
    assert sum(found.stats.thresholds["nearest"]) == 3


def test_references_that_differ_keep_similar_prompts_and_are_reported():
    found = decide(
        prompt_row("a", f"{EGGS} morning", reference_answer="12"),
        prompt_row("b", f"{EGGS} evening", reference_answer="12.0"),
        prompt_row("c", f"{EGGS} noon", reference_answer="13"),
        prompt_row("d", f"{EGGS} noon", reference_answer="14"),
        prompt_row("e", PEARS, reference_answer="15"),
    )
    kept = {sample for sample, fate in fates(found).items() if fate[0] == "kept"}
    assert kept == {"a", "c", "e"}
    assert fates(found)["d"] == (
        "exact_duplicate",
        {"twin": "c", "similarity": 1.0, "different_references": True},
    )
    stats = found.stats
    assert (stats.different_references, stats.kept_for_reference) == (1, 1)
    assert stats.identical_with_different_references == 1


def test_a_reference_answer_of_an_earlier_week_counts_as_well():
    earlier = [
        prompt_row("old", EGGS, reference_answer="12"),
        prompt_row("older", PEARS, reference_answer="1"),
    ]
    rows = [
        prompt_row("same", f"{EGGS} morning", reference_answer="12.0"),
        prompt_row("other", f"{PEARS} quickly", reference_answer="2"),
    ]
    found = fates(decide(*rows, earlier=earlier))
    assert found["same"][1]["twin"] == "old"
    assert found["other"] == ("kept", {})


def test_a_prompt_without_a_vector_is_an_error(tmp_path: Path):
    prompts, _ = written(tmp_path / "whole", [prompt_row("a", EGGS), prompt_row("b", PEARS)])
    _, embeddings = written(tmp_path / "part", [prompt_row("b", PEARS)])
    with pytest.raises(LedgerError, match=r"embedding_index of source numbers has .* in order"):
        decide_week(
            week_parts(prompts, embeddings), Contamination(), [], {"numbers": 1}, Dedup(), tmp_path
        )


def test_an_undecided_row_is_pending_and_nobodys_twin(tmp_path: Path):
    prompts, embeddings = written(tmp_path / "week", [prompt_row("a", EGGS), prompt_row("b", EGGS)])
    open_question = Contamination(undecided={"a": Undecided("judge_missing", {"item_id": "x"})})
    parts = week_parts(prompts, embeddings)
    found = decide_week(parts, open_question, [], {"numbers": 1}, Dedup(), tmp_path)
    assert fates(found) == {"a": ("judge_missing", {"item_id": "x"}), "b": ("kept", {})}


def generated(count: int) -> list[dict[str, Any]]:
    draw = random.Random(0)
    words = [f"word{i}" for i in range(30)]
    texts = [" ".join(draw.choices(words, k=12)) for _ in range(count // 4)]
    return [
        prompt_row(
            f"{i:04d}",
            draw.choice(texts) + draw.choice(["", " now", " again now"]),
            source=draw.choice(["numbers", "other"]),
            reference_answer=draw.choice([None, "1", "2"]),
        )
        for i in range(count)
    ]


def test_a_week_is_decided_alike_whatever_the_block_and_the_order_of_its_rows():
    rows = generated(480)
    rows, earlier = rows[:400], [row for row in rows[400:] if row["reference_answer"] is None]
    one = decide(*rows, earlier=earlier)
    random.Random(1).shuffle(rows)
    other = decide(*rows, earlier=earlier, block=37)
    assert one.table.equals(other.table)
    assert one.stats == other.stats
    assert one.stats.duplicates["semantic_duplicate"] > 50


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
