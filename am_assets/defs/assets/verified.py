"""verified: every sample's outcome, by kind of check (AM 2.2.2, DD 2.4)."""

import itertools
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from am_assets.core.manifest import Manifest
from am_assets.core.profile import Profile
from am_assets.core.row_file import RowFile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import (
    PROMPTS,
    VERDICTS,
    VERIFIED,
    kept,
)
from am_assets.core.stage import SOURCE_WEEK, Built, Key
from am_assets.core.store import read_batches
from am_assets.core.table_writer import WrittenTable
from am_assets.defs import verifiers
from am_assets.defs.artifact import Pictures, Remark, artifact
from am_assets.defs.assets.existing_verdicts import existing_verdicts
from am_assets.defs.assets.labels import labels
from am_assets.defs.assets.prompts import prompts
from am_assets.defs.assets.responses import responses
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


def _found(manifest: Manifest) -> Remark:
    pairs: dict[str, Any] = manifest.counts["disagreements"]
    differing = sum(found["differ"] for found in pairs.values())
    if not differing:
        return Remark(True, "rule, judge, majority and recorded verdict agree", pairs)
    source, week = manifest.ref.partition
    command = (
        f"am-assets disagreements --profile {manifest.profile} --source {source} --week {week}"
    )
    return Remark(False, f"{differing} differences: look at them with `{command}`", pairs)


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


@artifact(
    SOURCE_WEEK,
    reads=(
        labels.same(),
        prompts.same(),
        RETURNED_ROWS,
        existing_verdicts.same(),
        responses.same(),
    ),
    config=_config,
    models=verifiers.models_of,
    pictures=Pictures(
        of_tables=lambda table: {"pass rates": pass_rate_histogram(table(VERIFIED.name))},
        of_manifest=_pictures,
    ),
    checks={"disagreements": _found},
    decides=True,
    sample_tables=(VERDICTS.name, VERIFIED.name),
    group_name="distillation",
    kinds={"dvc"},
)
def verified(
    run: Run,
    labels: Inputs,
    prompts: Inputs,
    deduplicated: Inputs,
    existing_verdicts: Inputs,
    responses: Inputs,
) -> Built:
    """Verdicts on the distilled responses (math-verify, sandboxed tests, judge, constraints, reward
    model, format rules), and with them every sample's outcome: pass rate and coefficient of
    variation (DD eq. 5, 6).
    """
    labelled = kept(labels.read(), ["sample_id"])["sample_id"].combine_chunks()
    texts = partial(prompts_of, prompts, deduplicated)
    verdicts, tally = _verdicts(run, responses, texts(CONTENT))
    with run.writer(VERIFIED) as writer:
        sample_outcomes(
            labelled,
            texts(SAMPLES),
            existing_verdicts.batches(VERDICT),
            responses.batches(FATES),
            read_batches(run.folder / f"{VERDICTS.name}.parquet", VERDICT),
            run.config["has_teacher"],
            writer.add,
        )
        outcomes = writer.finish()
    recorded: dict[str, bool] = {}
    for ref in prompts.refs:
        recorded |= recorded_verdicts(run.file(ref, f"{PROMPTS.name}.parquet"))
    for table in returned_rows(deduplicated):
        recorded |= recorded_in(table)
    differ = _disagreements(run.folder, responses, existing_verdicts, recorded)
    counts = tally.as_dict() | {"disagreements": differ}
    return Built(
        [verdicts, outcomes],
        outcomes.ledger(len(labelled)),
        counts=counts,
        came=labels.kept_ids(),
    )


def _disagreements(
    folder: Path, responses: Inputs, existing_verdicts: Inputs, recorded: Mapping[str, bool]
) -> dict[str, Any]:
    """Where rule, judge, majority and upstream differ, over distilled and existing responses."""
    verdicts = folder / f"{VERDICTS.name}.parquet"
    distilled = opinions(
        lambda: read_batches(verdicts, agreement.VERDICT),
        responses.batches(agreement.ANSWER),
        {},
        final_key,
    )
    existing = opinions(
        lambda: existing_verdicts.batches(agreement.VERDICT), (), recorded, final_key
    )
    matrices = Matrices()
    for said in itertools.chain(distilled, existing):
        matrices.add(said)
    return matrices.as_dict()


def _verdicts(
    run: Run, responses: Inputs, contents: Iterable[pa.Table]
) -> tuple[WrittenTable, Tally]:
    """The verdicts on the distilled responses, and what they come to."""
    verify = verifiers.verify_fn(run, responses.rows_kept)
    tally = Tally()
    with RowFile(run.folder.parent / "samples.rows") as samples, run.writer(VERDICTS) as writer:

        def write(row: Mapping[str, Any]) -> None:
            tally.add(row)
            writer.add(row)

        # Of all samples: the responses may be older than the labels.
        for part in contents:
            samples.add((row["sample_id"], row) for row in part.to_pylist())
        verify_responses(responses.batches(ANSWERED), samples, verify, write)
        return writer.finish(), tally
