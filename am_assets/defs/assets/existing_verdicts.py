"""existing_verdicts: responses that came with the sources are verified first (AM 2.2)."""

from am_assets.core.profile import Profile
from am_assets.core.schema import EXISTING_VERDICTS, LABELS, kept
from am_assets.core.stage import SOURCE_WEEK, Built, Key, Read, Run, Stage
from am_assets.core.tables import rows_of
from am_assets.defs import verifiers
from am_assets.defs.pictures import count_bars
from am_assets.defs.week_prompts import RETURNED_ROWS, prompts_of
from am_assets.stages.distillation.verdicts import EXISTING, existing_verdicts


def build(run: Run) -> Built:
    """Verify the existing responses of the labelled samples."""
    labelled = kept(run.read(LABELS.name), ["sample_id"])["sample_id"].combine_chunks()
    columns = ("sample_id", "existing_response")
    responses = sum(
        part.num_rows - part["existing_response"].null_count
        for part in (rows_of(rows, labelled) for rows in prompts_of(run, columns))
    )
    verify = verifiers.verify_fn(run, responses)
    with run.writer(EXISTING_VERDICTS) as writer:
        existing_verdicts(prompts_of(run, EXISTING), labelled, verify, writer.add)
        table = writer.finish()
    return Built([table], table.ledger(responses))


def _config(profile: Profile, key: Key) -> dict[str, object]:
    return verifiers.decided_by(profile, key)


STAGE = Stage(
    name="existing_verdicts",
    group="distillation",
    dimensions=SOURCE_WEEK,
    build=build,
    reads=(Read("labels", SOURCE_WEEK), Read("prompts", SOURCE_WEEK), RETURNED_ROWS),
    config=_config,
    models=verifiers.models_of,
    kinds=("dvc",),
    description="Verdicts on responses that came with the sources; where one passes, the teacher "
    "is not asked.",
    pictures=lambda table: {"statuses": count_bars(table(EXISTING_VERDICTS.name), "status")},
)
