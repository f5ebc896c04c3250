"""scores: pass@1 of every recipe on every benchmark, strict and format-lenient (AM 3.1)."""

import pyarrow as pa

from am_assets.core.ledger import ledger_of
from am_assets.core.profile import Profile
from am_assets.core.schema import ANSWER_VERDICTS, ANSWERS, BENCHMARKS, SCORES
from am_assets.core.stage import BENCHMARK, RECIPE_WEEK, Built, Key, Read, Run, Stage
from am_assets.defs import verifiers
from am_assets.stages import plots
from am_assets.stages.evaluation.scores import score


def build(run: Run) -> Built:
    """Judge the answers and average over samples."""
    verify = verifiers.verify_fn(run)
    verdicts, scores = score(run.read(ANSWERS.name), run.read(BENCHMARKS.name), verify)
    return Built(
        [(ANSWER_VERDICTS, verdicts), (SCORES, scores)],
        ledger_of(verdicts),
        counts={
            row["score_id"]: {name: row[name] for name in ("pass_at_1", "samples", "missing")}
            for row in scores.to_pylist()
        },
    )


def _config(profile: Profile, key: Key) -> dict[str, object]:
    return verifiers.decided_by(profile, key)


def _bars(scores: pa.Table) -> dict[str, bytes]:
    return {
        f"{metric} scores": plots.score_bars(
            {
                row["benchmark"]: (row["pass_at_1"], row["ci_low"], row["ci_high"])
                for row in scores.to_pylist()
                if row["metric"] == metric and row["pass_at_1"] is not None
            },
            f"pass@1, {metric} format",
        )
        for metric in ("strict", "lenient")
    }


STAGE = Stage(
    name="scores",
    group="evaluation",
    dimensions=RECIPE_WEEK,
    build=build,
    reads=(Read("benchmark_answers", RECIPE_WEEK), Read("benchmarks", BENCHMARK)),
    config=_config,
    models=verifiers.models_of,
    kinds=("dvc",),
    description="pass@1 as the mean over samples with a 95 % confidence interval, and how many "
    "answers are missing from it; with the response format required and without.",
    pictures=lambda table: _bars(table(SCORES.name)),
)
