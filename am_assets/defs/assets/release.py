"""release: the dataset as people load it, in the AM format, with its card (AM 2, appendix)."""

from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import RELEASE, SCORES
from am_assets.core.stage import WEEK, Built, Key
from am_assets.defs.artifact import artifact
from am_assets.defs.assets.deduplicated import deduplicated
from am_assets.defs.assets.existing_verdicts import existing_verdicts
from am_assets.defs.assets.labels import labels
from am_assets.defs.assets.prompts import prompts
from am_assets.defs.assets.raw_prompts import raw_prompts
from am_assets.defs.assets.scores import scores
from am_assets.defs.assets.sft_dataset import sft_dataset
from am_assets.defs.assets.verified import verified
from am_assets.defs.pictures import counts_by
from am_assets.lineage.ledger import Scope, week_ledgers
from am_assets.mini.upstream.audit import audit_section
from am_assets.stages.release.card import Card, LedgerRow, dataset_card
from am_assets.stages.release.files import write_release


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    licences = {name: source.licence for name, source in profile.sources.items()}
    return {"title": profile.title, "licences": licences, "planted": profile.planted}


@artifact(
    WEEK,
    reads=(
        # For the card: every stage's ledger, and what the audit of planted rows looks at.
        raw_prompts.so_far(accounts=True, passthrough=("occurrences",)),
        prompts.so_far(accounts=True),
        deduplicated.so_far(accounts=True),
        labels.so_far(accounts=True),
        verified.so_far(accounts=True),
        sft_dataset.so_far(accounts=True),
        # Sources that left the profile end in `deduplicated`.
        raw_prompts.so_far(accounts=True, retired=True),
        prompts.so_far(accounts=True, retired=True),
        existing_verdicts.so_far(),
        scores.same(optional=True),
    ),
    config=_config,
    proves_inputs=True,
    sample_tables=(RELEASE.name,),
    group_name="release",
    kinds={"dvc", "jsonl"},
)
def release(
    run: Run,
    sft_dataset: Inputs,
    verified: Inputs,
    scores: Inputs,
    raw_prompts: Inputs,
    prompts: Inputs,
    deduplicated: Inputs,
    labels: Inputs,
    existing_verdicts: Inputs,
) -> Built:
    """Two zstd JSONL files by who answered, and a dataset card with the ledger and the statistics
    of the paper's appendix. Cumulative; its root leaves scores out.
    """
    sft = sft_dataset.read(weeks="same")
    table = write_release(sft, run.profile.name, run.folder)
    chain = [read.asset for read in run.stage.reads if read.accounts and not read.retired]
    ledgers = week_ledgers(run.snapshot, chain, run.key["week"], Scope.of(run.profile))
    card = Card(
        name=run.profile.name,
        title=run.profile.title,
        licences={name: source.licence for name, source in run.profile.sources.items()},
        verified=verified.read(),
        ledger=[
            LedgerRow(week.week, stage, counts.rows_in, counts.kept, counts.dropped, counts.pending)
            for week in ledgers
            for stage, counts in week.stages.items()
        ],
        scores={
            ref.partition[0]: run.read_ref(ref, SCORES.name)
            for ref in scores.refs
            if SCORES.name in run.manifest(ref).tables
        },
        sections=[audit_section(run.snapshot, run.key["week"])] if run.profile.planted else [],
    )
    (run.folder / "README.md").write_text(dataset_card(sft, card), encoding="utf-8")
    return Built(
        [(RELEASE, table)],
        counts={"files": counts_by(table, "file")},
        came=sft_dataset.kept_ids("same"),
    )
