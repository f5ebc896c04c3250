"""benchmark_answers: every recipe's checkpoint answers every benchmark (AM 3.1)."""

from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import ANSWERS
from am_assets.core.stage import RECIPE_WEEK, Built, Key
from am_assets.defs.artifact import Pictures, artifact
from am_assets.defs.assets.benchmarks import benchmarks
from am_assets.defs.assets.checkpoint import UNTRAINED, checkpoint
from am_assets.defs.pictures import token_histogram
from am_assets.stages.evaluation.answers import ask_benchmarks


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {
        "evaluation": profile.evaluation.model_dump(mode="json"),
        "samples": {name: benchmark.samples for name, benchmark in profile.benchmarks.items()},
    }


@artifact(
    RECIPE_WEEK,
    reads=(checkpoint.same(), benchmarks.same()),
    config=_config,
    models=("base:serving",),
    pictures=Pictures(
        of_tables=lambda table: {"answer lengths": token_histogram(table(ANSWERS.name))}
    ),
    group_name="evaluation",
    kinds={"dvc", "vllm"},
)
def benchmark_answers(run: Run, checkpoint: Inputs, benchmarks: Inputs) -> Built:
    """Answers of a checkpoint to every benchmark: n samples an item, a seed a request."""
    (ref,) = checkpoint.refs
    root = run.manifest(ref).root
    if root == UNTRAINED:
        run.log("There is no checkpoint to ask: training is off")
        return Built([(ANSWERS, ANSWERS.table([]))])
    folder = run.folder.parent / "checkpoint"
    run.copy_files(ref, folder)
    engine = run.engines.checkpoint(folder, root)
    meter = run.meter(run.key["recipe"], unit="answers", gpus=engine.gpus)
    with run.writer(ANSWERS) as writer:
        ask_benchmarks(
            benchmarks.read(),
            engine,
            run.memory,
            run.profile.evaluation,
            run.config["samples"],
            writer.add,
            meter,
        )
        table = writer.finish()
    return Built([table], table.ledger(meter.total))
