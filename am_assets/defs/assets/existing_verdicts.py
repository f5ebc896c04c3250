"""existing_verdicts: responses that came with the sources are verified first (AM 2.2)."""

from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import EXISTING_VERDICTS, kept
from am_assets.core.stage import SOURCE_WEEK, Built, Key
from am_assets.core.tables import rows_of
from am_assets.defs import verifiers
from am_assets.defs.artifact import Pictures, artifact
from am_assets.defs.assets.labels import labels
from am_assets.defs.assets.prompts import prompts
from am_assets.defs.pictures import count_bars
from am_assets.defs.week_prompts import RETURNED_ROWS, prompts_of
from am_assets.stages.distillation.verdicts import EXISTING, verify_existing


def _config(profile: Profile, key: Key) -> dict[str, object]:
    return verifiers.decided_by(profile, key)


@artifact(
    SOURCE_WEEK,
    reads=(labels.same(), prompts.same(), RETURNED_ROWS),
    config=_config,
    models=verifiers.models_of,
    pictures=Pictures(
        of_tables=lambda table: {"statuses": count_bars(table(EXISTING_VERDICTS.name), "status")}
    ),
    sample_tables=(EXISTING_VERDICTS.name,),
    group_name="distillation",
    kinds={"dvc"},
)
def existing_verdicts(run: Run, labels: Inputs, prompts: Inputs, deduplicated: Inputs) -> Built:
    """Verdicts on responses that came with the sources; where one passes, the teacher is not
    asked.
    """
    labelled = kept(labels.read(), ["sample_id"])["sample_id"].combine_chunks()
    columns = ("sample_id", "existing_response")
    responses = sum(
        part.num_rows - part["existing_response"].null_count
        for part in (rows_of(rows, labelled) for rows in prompts_of(prompts, deduplicated, columns))
    )
    verify = verifiers.verify_fn(run, responses)
    with run.writer(EXISTING_VERDICTS) as writer:
        verify_existing(prompts_of(prompts, deduplicated, EXISTING), labelled, verify, writer.add)
        table = writer.finish()
    return Built([table], table.ledger(responses))
