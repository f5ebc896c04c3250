"""sft_dataset: one chosen response a prompt, corpus-wide rules, all weeks so far (AM 3.2)."""

import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.code.libraries import versions
from am_assets.core.ledger import ledger_of
from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import (
    SFT,
    SUPERSEDED,
    VERDICTS,
)
from am_assets.core.stage import WEEK, Built, Key
from am_assets.defs.artifact import Pictures, artifact, own_earlier
from am_assets.defs.assets.deduplicated import deduplicated
from am_assets.defs.assets.existing_verdicts import existing_verdicts
from am_assets.defs.assets.labels import labels
from am_assets.defs.assets.prompts import prompts
from am_assets.defs.assets.responses import responses
from am_assets.defs.assets.verified import verified
from am_assets.defs.pictures import chat_scores, count_bars, counts_by
from am_assets.defs.week_prompts import returned_rows
from am_assets.stages.training.perplexity import PerplexityOf, remembered_perplexity
from am_assets.stages.training.selection import Candidates, select


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    chat = profile.verification.chat.model_dump(mode="json")
    return {"sft": profile.sft.model_dump(mode="json"), "chat_threshold": chat["threshold"]}


def _models(profile: Profile, key: Key) -> list[str]:
    del key
    counter = "teacher:tokens" if profile.models.base is None else "base:tokens"
    scored = profile.sft.perplexity_limit is not None
    return [counter, *(["reference"] if scored else [])]


@artifact(
    WEEK,
    reads=(
        deduplicated.so_far(),
        *(
            artifact.so_far()
            for artifact in (prompts, labels, existing_verdicts, responses, verified)
        ),
        # Of order alone: a week is decided after those before it.
        own_earlier(),
    ),
    config=_config,
    models=_models,
    pictures=Pictures(
        of_tables=lambda table: {
            "kinds": count_bars(table(SFT.name), "kind"),
            "difficulties": count_bars(table(SFT.name), "difficulty"),
        },
        of_manifest=lambda manifest: chat_scores(manifest.counts.get("chat")),
    ),
    decides=True,
    sample_tables=(SFT.name,),
    group_name="training",
    kinds={"dvc", "parquet"},
)
def sft_dataset(
    run: Run,
    prompts: Inputs,
    labels: Inputs,
    existing_verdicts: Inputs,
    responses: Inputs,
    verified: Inputs,
    deduplicated: Inputs,
    earlier: Inputs,
) -> Built:
    """One chosen response a prompt: a passing existing one first, else the teacher's best.
    Cumulative over weeks; superseded rows, thresholds from the distribution of scores, template
    text and perplexity are decided here.
    """
    candidates = Candidates(
        prompts=pa.concat_tables(
            [prompts.read(), *returned_rows(deduplicated)], promote_options="default"
        ),
        labels=labels.read(),
        existing_verdicts=existing_verdicts.read(),
        responses=responses.read(),
        verdicts=verified.read(VERDICTS.name),
        verified=verified.read(),
    )
    superseded = deduplicated.read(SUPERSEDED.name)
    counter = run.engines.generation("base") or run.engines.generation("teacher")
    # Without a causal model there is no tokenizer of its own; words stand in for tokens.
    count_tokens = counter.count_tokens if counter else lambda text: len(text.split())
    table, chat = select(
        run.key["week"],
        candidates,
        superseded,
        run.profile.sft,
        run.profile.verification.chat.threshold,
        count_tokens,
        _perplexity(run) if run.profile.sft.perplexity_limit is not None else None,
    )
    weeks = sorted({ref.partition[-1] for ref in verified.refs})
    by_week = {week: ledger_of(table.filter(pc.field("week") == week)).as_dict() for week in weeks}
    return Built(
        [(SFT, table)],
        ledger_of(table, verified.rows_kept),
        counts={"by_week": by_week, "by_kind": counts_by(table, "kind"), "chat": chat},
        came=verified.kept_ids(),
    )


def _perplexity(run: Run) -> PerplexityOf | None:
    """Perplexity under models.reference, None where the profile has no such model."""
    model = run.engines.digest("reference")
    if model is None:
        return None
    score = run.engines.perplexity()
    computed = f"{model} by {versions('transformers', 'tokenizers', 'torch')}"
    return remembered_perplexity(score, computed, run.memory, run.meter("perplexity"))
