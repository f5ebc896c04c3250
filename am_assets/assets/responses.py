"""responses: the teacher answers where no existing response passed (AM 2.2, DD 2.3)."""

from am_assets.assets.pictures import token_histogram
from am_assets.core.config import Profile
from am_assets.core.ledger import ledger_of
from am_assets.core.pipeline import SOURCE_WEEK, Built, Key, Read, Run, Stage
from am_assets.core.schema import EXISTING_VERDICTS, LABELS, PROMPTS, RESPONSES
from am_assets.stages.distillation import distil
from am_assets.stages.outcomes import passed_samples


def build(run: Run) -> Built:
    """Sample the teacher; without one the artifact is empty."""
    teacher = run.engines.generation("teacher")
    if teacher is None:
        run.log("The profile has no teacher: rows without a passing response will be dropped")
        table = RESPONSES.table([])
    else:
        passed = passed_samples(run.read(EXISTING_VERDICTS.name))
        table = distil(
            run.read(PROMPTS.name),
            run.read(LABELS.name),
            passed,
            teacher,
            run.profile.responses,
        )
    return Built([(RESPONSES, table)], ledger_of(table))


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {"responses": profile.responses.model_dump(mode="json")}


STAGE = Stage(
    name="responses",
    group="distillation",
    dimensions=SOURCE_WEEK,
    build=build,
    modules=("am_assets.stages.distillation", "am_assets.stages.outcomes"),
    reads=(
        Read("labels", SOURCE_WEEK),
        Read("prompts", SOURCE_WEEK),
        Read("existing_verdicts", SOURCE_WEEK),
    ),
    config=_config,
    models=("teacher",),
    kinds=("dvc", "vllm"),
    description="Distilled responses: n samples a prompt, one seed a request, asked only where no "
    "existing response passed.",
    pictures=lambda table: {"response lengths": token_histogram(table(RESPONSES.name))},
)
