"""Distillation with the real engine: what is asked again, and what never is."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from am_assets.core.identity import digest
from am_assets.core.memory import RowMemory
from am_assets.core.requests import GenerationEngine, Sampling
from am_assets.core.schema import PROMPTS, RESPONSES
from am_assets.core.settings.distillation import Responses
from am_assets.core.settings.models import Model
from am_assets.core.table_writer import TableWriter
from am_assets.core.usage import Meter
from am_assets.engines.models import locate_model
from am_assets.engines.vllm import VllmEngine
from am_assets.mini.problems.sampling import Kind, sample_problem
from am_assets.stages.distillation.responses import distil

KINDS: tuple[Kind, ...] = ("math", "code", "science", "instruction", "chat")
TEACHER = locate_model(Model(path="mini:teacher", engine="vllm"), "teacher")


class Distilled(NamedTuple):
    """What one run gave: root and table of the responses, and how many requests it made."""

    root: str
    table: pa.Table
    made: int


def prompts_of(count: int, source: str = "source_a") -> pa.Table:
    """A PROMPTS table of `count` problems of all kinds."""
    rng = random.Random(source)
    rows = []
    for index in range(count):
        prompt = sample_problem(KINDS[index % len(KINDS)], rng, "source").prompt
        rows.append(
            {
                "sample_id": digest(source, index),
                "source": source,
                "week": "2025-01-06",
                "prompt": prompt,
                "messages": [{"role": "user", "content": prompt}],
                "decision": "kept",
            }
        )
    return PROMPTS.table(rows)


def distilled(
    engine: GenerationEngine, prompts: pa.Table, memory: RowMemory, config: Responses, folder: Path
) -> Distilled:
    """Distil all of `prompts` as the asset does."""
    meter, wanted = Meter("teacher"), prompts["sample_id"].combine_chunks()
    with TableWriter(RESPONSES, folder, folder) as writer:
        distil([prompts], wanted, engine, memory, config, writer.add, meter)
        written = writer.finish()
    assert not meter.errors
    table = pq.read_table(folder / f"{RESPONSES.name}.parquet")
    return Distilled(written.root, table, meter.made)


def config(samples: int = 4, max_tokens: int = 200) -> Responses:
    """Settings of `responses`."""
    return Responses(samples=samples, sampling=Sampling(max_tokens=max_tokens))


@pytest.fixture(scope="module")
def engine() -> Iterator[VllmEngine]:
    with VllmEngine(
        TEACHER, "teacher", max_model_len=1024, options={"kv_cache_gib": 0.25}
    ) as started:
        yield started


def test_twice_the_limit_asks_again_for_exactly_what_it_had_cut(
    engine: VllmEngine, tmp_path: Path
) -> None:
    memory, prompts = RowMemory(tmp_path / "memory.sqlite"), prompts_of(25)
    short = distilled(engine, prompts, memory, config(max_tokens=60), tmp_path)
    long = distilled(engine, prompts, memory, config(max_tokens=120), tmp_path)
    fresh = distilled(engine, prompts, RowMemory(), config(max_tokens=120), tmp_path)
    cut = short.table["finish_reason"].to_pylist().count("length")
    assert 0 < cut < short.made == 100
    assert long.made == cut
    assert long.root == fresh.root
    # The way back is free: what is remembered is served cut, as if it had been asked so.
    again = distilled(engine, prompts, memory, config(max_tokens=60), tmp_path)
    assert (again.made, again.root) == (0, short.root)


def test_more_samples_and_more_sources_ask_only_for_what_is_new(
    engine: VllmEngine, tmp_path: Path
) -> None:
    memory, prompts = RowMemory(tmp_path / "memory.sqlite"), prompts_of(10)
    assert distilled(engine, prompts, memory, config(4), tmp_path).made == 40
    many = distilled(engine, prompts, memory, config(8), tmp_path)
    assert many.made == 40
    assert many.root == distilled(engine, prompts, RowMemory(), config(8), tmp_path).root
    both = pa.concat_tables([prompts, prompts_of(5, "source_b")])
    assert distilled(engine, both, memory, config(8), tmp_path).made == 40
    # However the rows come together, and in whatever partitions.
    shuffled = both.take(random.Random(0).sample(range(15), 15))
    assert distilled(engine, shuffled, memory, config(8), tmp_path).made == 0


def test_a_prompt_that_is_too_long_is_pending_and_the_others_are_answered(
    engine: VllmEngine, tmp_path: Path
) -> None:
    prompts = prompts_of(3)
    long = [{"role": "user", "content": "many words " * 2000}]
    rows = prompts.to_pylist()
    rows[0]["messages"] = long
    meter, wanted = Meter("teacher"), prompts["sample_id"].combine_chunks()
    with TableWriter(RESPONSES, tmp_path, tmp_path) as writer:
        parts = [PROMPTS.table(rows)]
        distil(parts, wanted, engine, RowMemory(), config(1), writer.add, meter)
        ledger = writer.finish().ledger()
    assert ledger.kept == 2
    assert ledger.pending == {"refused": 1}
