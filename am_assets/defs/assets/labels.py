"""labels: category and difficulty, language, token length; down-sampling (AM 2.1.2, 2.2.4)."""

from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import LABELS, kept
from am_assets.core.stage import SOURCE_WEEK, Built, Key
from am_assets.defs.artifact import Pictures, artifact
from am_assets.defs.assets.deduplicated import deduplicated
from am_assets.defs.assets.prompts import prompts
from am_assets.defs.pictures import count_bars
from am_assets.defs.week_prompts import prompts_of
from am_assets.stages.distillation.labels import COLUMNS, label_samples


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {"labels": profile.labels.model_dump(mode="json")}


@artifact(
    SOURCE_WEEK,
    reads=(deduplicated.same(), prompts.same()),
    config=_config,
    models=("instruct", "teacher:tokens"),
    pictures=Pictures(
        of_tables=lambda table: {
            "categories": count_bars(table(LABELS.name), "category"),
            "difficulties": count_bars(table(LABELS.name), "difficulty"),
        }
    ),
    decides=True,
    sample_tables=(LABELS.name,),
    group_name="distillation",
    kinds={"dvc", "vllm"},
)
def labels(run: Run, deduplicated: Inputs, prompts: Inputs) -> Built:
    """Category and difficulty from the instruct model, language and token length; easy and medium
    prompts are down-sampled by a draw that follows from the sample id.
    """
    samples = kept(deduplicated.read())["sample_id"].combine_chunks()
    instruct = run.engines.generation("instruct")
    counter = run.engines.generation("teacher") or instruct
    # Without a causal model there is no tokenizer of its own; words stand in for tokens.
    count_tokens = counter.count_tokens if counter else lambda text: len(text.split())
    with run.writer(LABELS) as writer:
        label_samples(
            lambda: prompts_of(prompts, deduplicated, COLUMNS),
            samples,
            instruct,
            run.memory,
            run.profile.labels,
            count_tokens,
            writer.add,
            run.meter("labels", len(samples), "prompts", instruct.gpus if instruct else 0),
        )
        table = writer.finish()
    return Built([table], table.ledger(len(samples)), came=deduplicated.kept_ids())
