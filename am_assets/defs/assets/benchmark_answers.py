"""benchmark_answers: every recipe's checkpoint answers every benchmark (AM 3.1)."""

from am_assets.core.profile import Profile
from am_assets.core.schema import ANSWERS, BENCHMARKS
from am_assets.core.stage import BENCHMARK, RECIPE_WEEK, Built, Key, Read, Run, Stage
from am_assets.defs.assets.checkpoint import UNTRAINED
from am_assets.defs.pictures import token_histogram
from am_assets.stages.evaluation.answers import ask_benchmarks


def build(run: Run) -> Built:
    """Sample n answers an item from the checkpoint, served as the base model would be."""
    (ref,) = run.refs("checkpoint")
    checkpoint = run.manifest(ref)
    if checkpoint.root == UNTRAINED:
        run.log("There is no checkpoint to ask: training is off")
        return Built([(ANSWERS, ANSWERS.table([]))])
    folder = run.folder.parent / "checkpoint"
    run.copy_files(ref, folder)
    engine = run.engines.checkpoint(folder, checkpoint.root)
    meter = run.meter(run.key["recipe"], unit="answers", gpus=engine.gpus)
    with run.writer(ANSWERS) as writer:
        ask_benchmarks(
            run.read(BENCHMARKS.name),
            engine,
            run.memory,
            run.profile.evaluation,
            run.config["samples"],
            writer.add,
            meter,
        )
        table = writer.finish()
    return Built([table], table.ledger(meter.total))


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {
        "evaluation": profile.evaluation.model_dump(mode="json"),
        "samples": {name: benchmark.samples for name, benchmark in profile.benchmarks.items()},
    }


STAGE = Stage(
    name="benchmark_answers",
    group="evaluation",
    dimensions=RECIPE_WEEK,
    build=build,
    reads=(Read("checkpoint", RECIPE_WEEK), Read("benchmarks", BENCHMARK)),
    config=_config,
    models=("base:serving",),
    kinds=("dvc", "vllm"),
    description="Answers of a checkpoint to every benchmark: n samples an item, a seed a request.",
    pictures=lambda table: {"answer lengths": token_histogram(table(ANSWERS.name))},
)
