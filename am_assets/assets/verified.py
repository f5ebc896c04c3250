"""verified: every sample's outcome, by kind of check (AM 2.2.2, DD 2.4)."""

import pyarrow as pa

from am_assets.assets import verifying
from am_assets.assets.pictures import pass_rate_histogram
from am_assets.core.config import Profile
from am_assets.core.ledger import ledger_of
from am_assets.core.pipeline import SOURCE_WEEK, Built, Key, Read, Run, Stage
from am_assets.core.schema import EXISTING_VERDICTS, LABELS, PROMPTS, RESPONSES, VERDICTS, VERIFIED
from am_assets.core.schema import kept as kept_rows
from am_assets.stages.outcomes import sample_outcomes, verify_responses


def build(run: Run) -> Built:
    """Verify the distilled responses and decide every labelled sample's fate."""
    prompts, responses = run.read(PROMPTS.name), run.read(RESPONSES.name)
    verdicts = verify_responses(responses, prompts, verifying.verify_fn(run))
    labelled: list[str] = kept_rows(run.read(LABELS.name))["sample_id"].to_pylist()
    outcomes = sample_outcomes(
        labelled,
        prompts,
        run.read(EXISTING_VERDICTS.name),
        responses,
        verdicts,
        has_teacher=run.config["has_teacher"],
    )
    return Built(
        [(VERDICTS, verdicts), (VERIFIED, outcomes)],
        ledger_of(outcomes, len(labelled)),
        counts={"verdicts": _by_status(verdicts)},
    )


def _by_status(verdicts: pa.Table) -> dict[str, int]:
    counts = verdicts.group_by("status").aggregate([([], "count_all")]).to_pylist()
    return {row["status"]: row["count_all"] for row in sorted(counts, key=lambda r: r["status"])}


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {
        "verification": verifying.config_of(profile),
        "has_teacher": profile.models.teacher is not None,
    }


STAGE = Stage(
    name="verified",
    group="distillation",
    dimensions=SOURCE_WEEK,
    build=build,
    modules=verifying.MODULES,
    reads=(
        Read("labels", SOURCE_WEEK),
        Read("prompts", SOURCE_WEEK),
        Read("existing_verdicts", SOURCE_WEEK),
        Read("responses", SOURCE_WEEK),
    ),
    config=_config,
    models=verifying.MODELS,
    kinds=("dvc",),
    description="Verdicts on the distilled responses (math-verify, sandboxed tests, judge, "
    "constraints, reward model, format rules), and with them every sample's outcome: pass rate "
    "and coefficient of variation (DD eq. 5, 6).",
    pictures=lambda table: {"pass rates": pass_rate_histogram(table(VERIFIED.name))},
)
