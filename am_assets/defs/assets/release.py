"""release: the dataset as people load it, in the AM format, with its card (AM 2, appendix)."""

from am_assets.core.profile import Profile
from am_assets.core.schema import RELEASE, SCORES, SFT, VERIFIED
from am_assets.core.stage import RECIPE_WEEK, SOURCE_WEEK, WEEK, Built, Key, Read, Run, Stage
from am_assets.defs.pictures import counts_by
from am_assets.lineage.ledger import Scope, week_ledgers
from am_assets.mini.upstream.audit import audit_section
from am_assets.stages.release.card import Card, LedgerRow, dataset_card
from am_assets.stages.release.files import write_release


def build(run: Run) -> Built:
    """Write the two files and the card; the root covers the released rows, not the scores."""
    sft = run.read(SFT.name, weeks="same")
    table = write_release(sft, run.profile.name, run.folder)
    scores = {
        ref.partition[0]: run.read_ref(ref, SCORES.name)
        for ref in run.refs(SCORES.name)
        if SCORES.name in run.manifest(ref).tables
    }
    card = Card(
        name=run.profile.name,
        title=run.profile.title,
        licences={name: source.licence for name, source in run.profile.sources.items()},
        verified=run.read(VERIFIED.name),
        ledger=[
            LedgerRow(week.week, stage, counts.rows_in, counts.kept, counts.dropped, counts.pending)
            for week in week_ledgers(run.snapshot, run.key["week"], Scope.of(run.profile))
            for stage, counts in week.stages.items()
        ],
        scores=scores,
        sections=[audit_section(run.snapshot, run.key["week"])] if run.profile.planted else [],
    )
    (run.folder / "README.md").write_text(dataset_card(sft, card), encoding="utf-8")
    return Built(
        [(RELEASE, table)],
        counts={"files": counts_by(table, "file")},
        came=run.kept_ids(SFT.name, "same"),
    )


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    licences = {name: source.licence for name, source in profile.sources.items()}
    return {"title": profile.title, "licences": licences, "planted": profile.planted}


STAGE = Stage(
    name="release",
    group="release",
    dimensions=WEEK,
    build=build,
    reads=(
        Read("sft_dataset", WEEK, weeks="so_far", accounts=True),
        Read("verified", SOURCE_WEEK, weeks="so_far", accounts=True),
        Read("scores", RECIPE_WEEK, optional=True),
        # For the card: every stage's ledger, and what the audit of planted rows looks at.
        Read(
            "raw_prompts",
            SOURCE_WEEK,
            weeks="so_far",
            accounts=True,
            passthrough=("occurrences",),
        ),
        Read("prompts", SOURCE_WEEK, weeks="so_far", accounts=True),
        Read("deduplicated", WEEK, weeks="so_far", accounts=True),
        Read("labels", SOURCE_WEEK, weeks="so_far", accounts=True),
        # Sources that left the profile end in `deduplicated`.
        Read("raw_prompts", SOURCE_WEEK, weeks="so_far", accounts=True, retired=True),
        Read("prompts", SOURCE_WEEK, weeks="so_far", accounts=True, retired=True),
        Read("existing_verdicts", SOURCE_WEEK, weeks="so_far"),
    ),
    proves_inputs=True,
    config=_config,
    kinds=("dvc", "jsonl"),
    description="Two zstd JSONL files by who answered, and a dataset card with the ledger and the "
    "statistics of the paper's appendix. Cumulative; its root leaves scores out.",
)
