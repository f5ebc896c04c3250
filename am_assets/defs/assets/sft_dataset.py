"""sft_dataset: one chosen response a prompt, corpus-wide rules, all weeks so far (AM 3.2)."""

import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.code.libraries import versions
from am_assets.core.ledger import ledger_of
from am_assets.core.profile import Profile
from am_assets.core.schema import (
    EXISTING_VERDICTS,
    LABELS,
    PROMPTS,
    RESPONSES,
    SFT,
    SUPERSEDED,
    VERDICTS,
    VERIFIED,
)
from am_assets.core.stage import SOURCE_WEEK, WEEK, Built, Key, Read, Run, Stage
from am_assets.defs.pictures import chat_scores, count_bars, counts_by
from am_assets.defs.week_prompts import returned_rows
from am_assets.stages.training.perplexity import PerplexityOf, remembered_perplexity
from am_assets.stages.training.selection import Candidates, select


def build(run: Run) -> Built:
    """Choose responses and apply the rules that need the whole corpus."""
    candidates = Candidates(
        prompts=pa.concat_tables(
            [run.read(PROMPTS.name), *returned_rows(run)], promote_options="default"
        ),
        labels=run.read(LABELS.name),
        existing_verdicts=run.read(EXISTING_VERDICTS.name),
        responses=run.read(RESPONSES.name),
        verdicts=run.read("verified", VERDICTS.name),
        verified=run.read(VERIFIED.name),
    )
    superseded = run.read("deduplicated", SUPERSEDED.name)
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
    verified = sum(run.manifest(ref).rows_kept or 0 for ref in run.refs(VERIFIED.name))
    weeks = sorted({ref.partition[-1] for ref in run.refs(VERIFIED.name)})
    by_week = {week: ledger_of(table.filter(pc.field("week") == week)).as_dict() for week in weeks}
    return Built(
        [(SFT, table)],
        ledger_of(table, verified),
        counts={"by_week": by_week, "by_kind": counts_by(table, "kind"), "chat": chat},
        came=run.kept_ids(VERIFIED.name),
    )


def _perplexity(run: Run) -> PerplexityOf | None:
    """Perplexity under models.reference, None where the profile has no such model."""
    model = run.engines.digest("reference")
    if model is None:
        return None
    score = run.engines.perplexity()
    computed = f"{model} by {versions('transformers', 'tokenizers', 'torch')}"
    return remembered_perplexity(score, computed, run.memory, run.meter("perplexity"))


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    chat = profile.verification.chat.model_dump(mode="json")
    return {"sft": profile.sft.model_dump(mode="json"), "chat_threshold": chat["threshold"]}


def _models(profile: Profile, key: Key) -> list[str]:
    del key
    counter = "teacher:tokens" if profile.models.base is None else "base:tokens"
    scored = profile.sft.perplexity_limit is not None
    return [counter, *(["reference"] if scored else [])]


STAGE = Stage(
    name="sft_dataset",
    group="training",
    dimensions=WEEK,
    build=build,
    reads=(
        Read("deduplicated", WEEK, weeks="so_far"),
        *(
            Read(asset, SOURCE_WEEK, weeks="so_far")
            for asset in ("prompts", "labels", "existing_verdicts", "responses", "verified")
        ),
        Read("sft_dataset", WEEK, weeks="earlier"),
    ),
    config=_config,
    models=_models,
    kinds=("dvc", "parquet"),
    description="One chosen response a prompt: a passing existing one first, else the teacher's "
    "best. Cumulative over weeks; superseded rows, thresholds from the distribution of scores, "
    "template text and perplexity are decided here.",
    pictures=lambda table: {
        "kinds": count_bars(table(SFT.name), "kind"),
        "difficulties": count_bars(table(SFT.name), "difficulty"),
    },
    manifest_pictures=lambda manifest: chat_scores(manifest.counts.get("chat")),
)
