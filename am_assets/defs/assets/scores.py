"""scores: pass@1 of every recipe on every benchmark, strict and format-lenient (AM 3.1)."""

import pyarrow as pa

from am_assets.core.ledger import ledger_of
from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import ANSWER_VERDICTS, SCORES
from am_assets.core.stage import RECIPE_WEEK, Built, Key
from am_assets.defs import verifiers
from am_assets.defs.artifact import Pictures, artifact
from am_assets.defs.assets.benchmark_answers import benchmark_answers
from am_assets.defs.assets.benchmarks import benchmarks
from am_assets.stages import plots
from am_assets.stages.evaluation.scores import FORMATS, score


def _config(profile: Profile, key: Key) -> dict[str, object]:
    return verifiers.decided_by(profile, key)


def _bars(scores: pa.Table) -> dict[str, bytes]:
    return {
        f"{form} scores": plots.score_bars(
            {
                row["benchmark"]: (row["pass_at_1"], row["ci_low"], row["ci_high"])
                for row in scores.to_pylist()
                if row["metric"] == form and row["pass_at_1"] is not None
            },
            f"pass@1, {form} format",
        )
        for form in FORMATS
    }


@artifact(
    RECIPE_WEEK,
    reads=(benchmark_answers.same(), benchmarks.same()),
    config=_config,
    models=verifiers.models_of,
    pictures=Pictures(of_tables=lambda table: _bars(table(SCORES.name))),
    group_name="evaluation",
    kinds={"dvc"},
)
def scores(run: Run, benchmark_answers: Inputs, benchmarks: Inputs) -> Built:
    """pass@1 as the mean over samples with a 95 % confidence interval, and how many answers are
    missing from it; with the response format required and without.
    """
    verify = verifiers.verify_fn(run)
    verdicts, by_benchmark = score(benchmark_answers.read(), benchmarks.read(), verify)
    return Built(
        [(ANSWER_VERDICTS, verdicts), (SCORES, by_benchmark)],
        ledger_of(verdicts),
        counts={
            row["score_id"]: {name: row[name] for name in ("pass_at_1", "samples", "missing")}
            for row in by_benchmark.to_pylist()
        },
    )
