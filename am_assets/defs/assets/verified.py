"""verified: every sample's outcome, by kind of check (AM 2.2.2, DD 2.4)."""

import itertools
from collections.abc import Mapping
from typing import Any

from am_assets.core.manifest import Manifest
from am_assets.core.profile import Profile
from am_assets.core.row_file import RowFile
from am_assets.core.schema import (
    EXISTING_VERDICTS,
    LABELS,
    PROMPTS,
    RESPONSES,
    VERDICTS,
    VERIFIED,
    kept,
)
from am_assets.core.stage import SOURCE_WEEK, Built, Finding, Key, Read, Run, Stage
from am_assets.core.store import read_batches
from am_assets.core.table_writer import WrittenTable
from am_assets.defs import verifiers
from am_assets.defs.pictures import chat_scores, pass_rate_histogram
from am_assets.defs.week_prompts import RETURNED_ROWS, prompts_of, returned_rows
from am_assets.stages.distillation.fates import FATES, SAMPLES, VERDICT, sample_outcomes
from am_assets.stages.distillation.verdicts import ANSWERED, CONTENT, verify_responses
from am_assets.stages.verification import agreement
from am_assets.stages.verification.agreement import (
    Matrices,
    opinions,
    recorded_in,
    recorded_verdicts,
)
from am_assets.stages.verification.answer_key import final_key
from am_assets.stages.verification.statistics import Tally


def build(run: Run) -> Built:
    """Verify the distilled responses and decide every labelled sample's fate."""
    labelled = kept(run.read(LABELS.name), ["sample_id"])["sample_id"].combine_chunks()
    verdicts, tally = _verdicts(run)
    with run.writer(VERIFIED) as writer:
        sample_outcomes(
            labelled,
            prompts_of(run, SAMPLES),
            run.batches(EXISTING_VERDICTS.name, VERDICT),
            run.batches(RESPONSES.name, FATES),
            read_batches(run.folder / f"{VERDICTS.name}.parquet", VERDICT),
            run.config["has_teacher"],
            writer.add,
        )
        outcomes = writer.finish()
    counts = tally.as_dict() | {"disagreements": _disagreements(run)}
    return Built(
        [verdicts, outcomes],
        outcomes.ledger(len(labelled)),
        counts=counts,
        came=run.kept_ids(LABELS.name),
    )


def _disagreements(run: Run) -> dict[str, Any]:
    """Where rule, judge, majority and upstream differ, over distilled and existing responses."""
    verdicts = run.folder / f"{VERDICTS.name}.parquet"
    distilled = opinions(
        lambda: read_batches(verdicts, agreement.VERDICT),
        run.batches(RESPONSES.name, agreement.ANSWER),
        {},
        final_key,
    )
    recorded: dict[str, bool] = {}
    for ref in run.refs(PROMPTS.name):
        recorded |= recorded_verdicts(run.file(ref, f"{PROMPTS.name}.parquet"))
    for table in returned_rows(run):
        recorded |= recorded_in(table)
    existing = opinions(
        lambda: run.batches(EXISTING_VERDICTS.name, agreement.VERDICT), (), recorded, final_key
    )
    matrices = Matrices()
    for said in itertools.chain(distilled, existing):
        matrices.add(said)
    return matrices.as_dict()


def _found(manifest: Manifest) -> Finding:
    pairs: dict[str, Any] = manifest.counts["disagreements"]
    differing = sum(found["differ"] for found in pairs.values())
    if not differing:
        return Finding(True, "rule, judge, majority and recorded verdict agree", pairs)
    source, week = manifest.ref.partition
    command = (
        f"am-assets disagreements --profile {manifest.profile} --source {source} --week {week}"
    )
    return Finding(False, f"{differing} differences: look at them with `{command}`", pairs)


def _verdicts(run: Run) -> tuple[WrittenTable, Tally]:
    """The verdicts on the distilled responses, and what they come to."""
    answered = sum(run.manifest(ref).rows_kept or 0 for ref in run.refs(RESPONSES.name))
    verify = verifiers.verify_fn(run, answered)
    tally = Tally()
    with RowFile(run.folder.parent / "samples.rows") as samples, run.writer(VERDICTS) as writer:

        def write(row: Mapping[str, Any]) -> None:
            tally.add(row)
            writer.add(row)

        # Of all samples: the responses may be older than the labels.
        for part in prompts_of(run, CONTENT):
            samples.add((row["sample_id"], row) for row in part.to_pylist())
        verify_responses(run.batches(RESPONSES.name, ANSWERED), samples, verify, write)
        return writer.finish(), tally


def _pictures(manifest: Manifest) -> dict[str, bytes]:
    if "chat_scores" not in manifest.counts:
        return {}
    threshold = manifest.config["verification"]["chat"]["threshold"]
    # From the distribution, it is decided in the weekly dataset.
    known = {} if isinstance(threshold, dict) else {"profile": {"value": threshold}}
    return chat_scores({"scores": manifest.counts["chat_scores"], "thresholds": known})


def _config(profile: Profile, key: Key) -> dict[str, object]:
    return {
        **verifiers.decided_by(profile, key),
        "has_teacher": profile.models.teacher is not None,
    }


STAGE = Stage(
    name="verified",
    group="distillation",
    dimensions=SOURCE_WEEK,
    build=build,
    reads=(
        Read("labels", SOURCE_WEEK),
        Read("prompts", SOURCE_WEEK),
        RETURNED_ROWS,
        Read("existing_verdicts", SOURCE_WEEK),
        Read("responses", SOURCE_WEEK),
    ),
    config=_config,
    models=verifiers.models_of,
    kinds=("dvc",),
    description="Verdicts on the distilled responses (math-verify, sandboxed tests, judge, "
    "constraints, reward model, format rules), and with them every sample's outcome: pass rate "
    "and coefficient of variation (DD eq. 5, 6).",
    pictures=lambda table: {"pass rates": pass_rate_histogram(table(VERIFIED.name))},
    manifest_pictures=_pictures,
    checks={"disagreements": _found},
)
