"""labels: category and difficulty, language, token length; down-sampling (AM 2.1.2, 2.2.4)."""

from am_assets.core.profile import Profile
from am_assets.core.schema import DEDUPLICATED, LABELS, kept
from am_assets.core.stage import SOURCE_WEEK, WEEK, Built, Key, Read, Run, Stage
from am_assets.defs.pictures import count_bars
from am_assets.defs.week_prompts import prompts_of
from am_assets.stages.distillation.labels import COLUMNS, label_samples


def build(run: Run) -> Built:
    """Ask the instruct model about what dedup kept, and down-sample easy and medium."""
    samples = kept(run.read(DEDUPLICATED.name))["sample_id"].combine_chunks()
    instruct = run.engines.generation("instruct")
    counter = run.engines.generation("teacher") or instruct
    # Without a causal model there is no tokenizer of its own; words stand in for tokens.
    count_tokens = counter.count_tokens if counter else lambda text: len(text.split())
    with run.writer(LABELS) as writer:
        label_samples(
            lambda: prompts_of(run, COLUMNS),
            samples,
            instruct,
            run.memory,
            run.profile.labels,
            count_tokens,
            writer.add,
            run.meter("labels", len(samples), "prompts", instruct.gpus if instruct else 0),
        )
        table = writer.finish()
    return Built([table], table.ledger(len(samples)), came=run.kept_ids(DEDUPLICATED.name))


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {"labels": profile.labels.model_dump(mode="json")}


STAGE = Stage(
    name="labels",
    group="distillation",
    dimensions=SOURCE_WEEK,
    build=build,
    reads=(Read("deduplicated", WEEK), Read("prompts", SOURCE_WEEK)),
    config=_config,
    models=("instruct", "teacher:tokens"),
    kinds=("dvc", "vllm"),
    description="Category and difficulty from the instruct model, language and token length; easy "
    "and medium prompts are down-sampled by a draw that follows from the sample id.",
    pictures=lambda table: {
        "categories": count_bars(table(LABELS.name), "category"),
        "difficulties": count_bars(table(LABELS.name), "difficulty"),
    },
)
