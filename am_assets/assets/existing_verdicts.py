"""existing_verdicts: responses that came with the sources are verified first (AM 2.2)."""

from am_assets.assets import verifying
from am_assets.assets.pictures import count_bars
from am_assets.core.config import Profile
from am_assets.core.ledger import ledger_of
from am_assets.core.pipeline import SOURCE_WEEK, Built, Key, Read, Run, Stage
from am_assets.core.schema import EXISTING_VERDICTS, LABELS, PROMPTS, kept
from am_assets.stages.outcomes import existing_verdicts
from am_assets.stages.selecting import rows_of


def build(run: Run) -> Built:
    """Verify the existing responses of the labelled samples."""
    samples = kept(run.read(LABELS.name))["sample_id"]
    prompts = rows_of(run.read(PROMPTS.name), samples)
    table = existing_verdicts(prompts, verifying.verify_fn(run))
    responses = prompts.num_rows - prompts["existing_response"].null_count
    return Built([(EXISTING_VERDICTS, table)], ledger_of(table, responses))


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {"verification": verifying.config_of(profile)}


STAGE = Stage(
    name="existing_verdicts",
    group="distillation",
    dimensions=SOURCE_WEEK,
    build=build,
    modules=verifying.MODULES,
    reads=(Read("labels", SOURCE_WEEK), Read("prompts", SOURCE_WEEK)),
    config=_config,
    models=verifying.MODELS,
    kinds=("dvc",),
    description="Verdicts on responses that came with the sources; where one passes, the teacher "
    "is not asked.",
    pictures=lambda table: {"statuses": count_bars(table(EXISTING_VERDICTS.name), "status")},
)
