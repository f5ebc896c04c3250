"""Decontamination inside `deduplicated`: a week's prompts against the benchmarks it reads."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from am_assets.core.manifest import Ref
from am_assets.core.run import Run
from am_assets.core.schema import BENCHMARKS
from am_assets.stages.decontamination import Benchmark, Contamination, Judge, Slice, contaminated
from am_assets.stages.embedding.remembered import remembered_vectors


def contamination_of(
    run: Run,
    week: Mapping[str, tuple[Ref, Ref]],
    benchmarks: Sequence[Ref],
    returned: Sequence[Slice] = (),
) -> Contamination:
    """What is contaminated of `week` (each source's prompts and vectors) and of `returned`."""
    slices = [
        Slice(
            run.file(prompts, f"{prompts.asset}.parquet"),
            run.file(vectors, f"{vectors.asset}.parquet"),
            (run.manifest(prompts).root, run.manifest(vectors).root),
        )
        for prompts, vectors in week.values()
    ] + list(returned)
    rows = sum(run.manifest(prompts).rows_kept or 0 for prompts, _ in week.values())
    return contaminated(
        slices,
        [
            Benchmark(partial(run.read_ref, ref, BENCHMARKS.name), run.manifest(ref).root)
            for ref in benchmarks
        ],
        run.profile.decontamination,
        run.memory,
        partial(embed, run),
        run.meter("decontamination", rows * len(benchmarks), "scans of a prompt"),
        _judge(run),
    )


def embed(run: Run, texts: Sequence[str], owners: Sequence[str]) -> np.ndarray:
    """Vectors of texts of the samples `owners`, remembered or embedded now."""
    engine = run.engines.embedding()
    return remembered_vectors(texts, engine, run.memory, run.profile.embedding, owners)[0]


def _judge(run: Run) -> Judge | None:
    config = run.profile.decontamination.judge
    engine = run.engines.generation("instruct") if config.enabled else None
    if engine is None:
        return None
    return Judge(engine, config, run.memory, run.meter("same problem", unit="replies"))
