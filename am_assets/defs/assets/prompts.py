"""prompts: cleaned prompts, each drop for a named reason (DD 2.2.1)."""

from am_assets.core.ledger import ledger_of
from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import PROMPTS
from am_assets.core.stage import SOURCE_WEEK, Built, Key
from am_assets.defs.artifact import Pictures, artifact
from am_assets.defs.assets.raw_prompts import raw_prompts
from am_assets.defs.pictures import length_histogram
from am_assets.stages.prompts.cleaning import clean_prompts


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {"cleaning": profile.cleaning.model_dump(mode="json")}


@artifact(
    SOURCE_WEEK,
    reads=(raw_prompts.same(),),
    config=_config,
    pictures=Pictures(
        of_tables=lambda table: {
            "prompt lengths": length_histogram(
                table(PROMPTS.name), "prompt", "characters of a prompt"
            )
        }
    ),
    decides=True,
    sample_tables=(PROMPTS.name,),
    group_name="prompts",
    kinds={"dvc", "parquet"},
)
def prompts(run: Run, raw_prompts: Inputs) -> Built:
    """Prompts after cleaning: no abnormal Unicode, empty, incomplete, URL or table prompts, no
    exact duplicates within the source and week.
    """
    table = clean_prompts(raw_prompts.read(), run.profile.cleaning)
    return Built(
        [(PROMPTS, table)],
        ledger_of(table, raw_prompts.rows_kept),
        came=raw_prompts.kept_ids(),
    )
