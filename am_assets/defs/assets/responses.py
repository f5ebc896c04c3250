"""responses: the teacher answers where no existing response passed (AM 2.2, DD 2.3)."""

from am_assets.core.model_name import model_name
from am_assets.core.profile import Profile
from am_assets.core.schema import EXISTING_VERDICTS, LABELS, RESPONSES, kept
from am_assets.core.stage import SOURCE_WEEK, Built, Key, Read, Run, Stage
from am_assets.core.tables import without
from am_assets.defs.pictures import token_histogram
from am_assets.defs.week_prompts import RETURNED_ROWS, prompts_of
from am_assets.stages.distillation.responses import COLUMNS, distil
from am_assets.stages.distillation.verdicts import passed_samples


def build(run: Run) -> Built:
    """Sample the teacher; without one the artifact is empty."""
    teacher = run.engines.generation("teacher")
    config = run.profile.responses
    expected = 0
    with run.writer(RESPONSES) as writer:
        if teacher is None:
            run.log("The profile has no teacher: rows without a passing response will be dropped")
        else:
            labelled = kept(run.read(LABELS.name), ["sample_id"])["sample_id"]
            passed = passed_samples(run.read(EXISTING_VERDICTS.name))
            wanted = without(labelled, passed)
            expected = len(wanted) * config.samples
            meter = run.meter("teacher", expected, "responses", teacher.gpus)
            prompts = prompts_of(run, COLUMNS)
            distil(prompts, wanted, teacher, run.memory, config, writer.add, meter)
        table = writer.finish()
    return Built([table], table.ledger(expected))


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    teacher = profile.models.teacher
    return {
        "responses": profile.responses.model_dump(mode="json"),
        # It is released as who answered.
        "model": model_name(teacher) if teacher else None,
    }


STAGE = Stage(
    name="responses",
    group="distillation",
    dimensions=SOURCE_WEEK,
    build=build,
    reads=(
        Read("labels", SOURCE_WEEK),
        Read("prompts", SOURCE_WEEK),
        RETURNED_ROWS,
        Read("existing_verdicts", SOURCE_WEEK),
    ),
    config=_config,
    models=("teacher",),
    kinds=("dvc", "vllm"),
    description="Distilled responses: n samples a prompt, one seed a request, asked only where no "
    "existing response passed.",
    pictures=lambda table: {"response lengths": token_histogram(table(RESPONSES.name))},
)
