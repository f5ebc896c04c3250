"""responses: the teacher answers where no existing response passed (AM 2.2, DD 2.3)."""

from am_assets.core.model_name import model_name
from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import RESPONSES, kept
from am_assets.core.stage import SOURCE_WEEK, Built, Key
from am_assets.core.tables import without
from am_assets.defs.artifact import Pictures, artifact
from am_assets.defs.assets.existing_verdicts import existing_verdicts
from am_assets.defs.assets.labels import labels
from am_assets.defs.assets.prompts import prompts
from am_assets.defs.pictures import token_histogram
from am_assets.defs.week_prompts import RETURNED_ROWS, prompts_of
from am_assets.stages.distillation.responses import COLUMNS, distil
from am_assets.stages.distillation.verdicts import passed_samples


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    teacher = profile.models.teacher
    return {
        "responses": profile.responses.model_dump(mode="json"),
        # It is released as who answered.
        "model": model_name(teacher) if teacher else None,
    }


@artifact(
    SOURCE_WEEK,
    reads=(labels.same(), prompts.same(), RETURNED_ROWS, existing_verdicts.same()),
    config=_config,
    models=("teacher",),
    pictures=Pictures(
        of_tables=lambda table: {"response lengths": token_histogram(table(RESPONSES.name))}
    ),
    sample_tables=(RESPONSES.name,),
    group_name="distillation",
    kinds={"dvc", "vllm"},
)
def responses(
    run: Run, labels: Inputs, prompts: Inputs, deduplicated: Inputs, existing_verdicts: Inputs
) -> Built:
    """Distilled responses: n samples a prompt, one seed a request, asked only where no existing
    response passed.
    """
    teacher = run.engines.generation("teacher")
    config = run.profile.responses
    expected = 0
    with run.writer(RESPONSES) as writer:
        if teacher is None:
            run.log("The profile has no teacher: rows without a passing response will be dropped")
        else:
            labelled = kept(labels.read(), ["sample_id"])["sample_id"]
            passed = passed_samples(existing_verdicts.read())
            wanted = without(labelled, passed)
            expected = len(wanted) * config.samples
            meter = run.meter("teacher", expected, "responses", teacher.gpus)
            texts = prompts_of(prompts, deduplicated, COLUMNS)
            distil(texts, wanted, teacher, run.memory, config, writer.add, meter)
        table = writer.finish()
    return Built([table], table.ledger(expected))
