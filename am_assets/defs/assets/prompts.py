"""prompts: cleaned prompts, each drop for a named reason (DD 2.2.1)."""

from am_assets.core.ledger import ledger_of
from am_assets.core.profile import Profile
from am_assets.core.schema import PROMPTS, RAW
from am_assets.core.stage import SOURCE_WEEK, Built, Key, Read, Run, Stage
from am_assets.defs.pictures import length_histogram
from am_assets.stages.prompts.cleaning import clean_prompts


def build(run: Run) -> Built:
    """Apply the cleaning rules to what the capture kept."""
    table = clean_prompts(run.read(RAW.name), run.profile.cleaning)
    kept = run.manifest(run.refs(RAW.name)[0]).rows_kept
    return Built([(PROMPTS, table)], ledger_of(table, kept), came=run.kept_ids(RAW.name))


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {"cleaning": profile.cleaning.model_dump(mode="json")}


STAGE = Stage(
    name="prompts",
    group="prompts",
    dimensions=SOURCE_WEEK,
    build=build,
    reads=(Read("raw_prompts", SOURCE_WEEK),),
    config=_config,
    kinds=("dvc", "parquet"),
    description="Prompts after cleaning: no abnormal Unicode, empty, incomplete, URL or table "
    "prompts, no exact duplicates within the source and week.",
    pictures=lambda table: {
        "prompt lengths": length_histogram(table(PROMPTS.name), "prompt", "characters of a prompt")
    },
)
