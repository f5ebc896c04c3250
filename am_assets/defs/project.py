"""The artifacts in pipeline order; a profile with its store and engines. Dagster is not loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from am_assets.core.profile import Profile, load_profile
from am_assets.core.stage import BENCHMARK, RECIPE_WEEK, SOURCE, SOURCE_WEEK, WEEK
from am_assets.core.store import Store, find_root
from am_assets.defs.artifact import Artifact
from am_assets.defs.assets.benchmark_answers import benchmark_answers
from am_assets.defs.assets.benchmarks import benchmarks
from am_assets.defs.assets.checkpoint import checkpoint
from am_assets.defs.assets.deduplicated import deduplicated
from am_assets.defs.assets.embedding_index import embedding_index
from am_assets.defs.assets.existing_verdicts import existing_verdicts
from am_assets.defs.assets.labels import labels
from am_assets.defs.assets.prompts import prompts
from am_assets.defs.assets.raw_prompts import raw_prompts
from am_assets.defs.assets.release import release
from am_assets.defs.assets.responses import responses
from am_assets.defs.assets.scores import scores
from am_assets.defs.assets.sft_dataset import sft_dataset
from am_assets.defs.assets.takedowns import takedowns
from am_assets.defs.assets.verified import verified
from am_assets.engines.profile_engines import ProfileEngines

ARTIFACTS: tuple[Artifact, ...] = (
    benchmarks,
    takedowns,
    raw_prompts,
    prompts,
    embedding_index,
    deduplicated,
    labels,
    existing_verdicts,
    responses,
    verified,
    sft_dataset,
    checkpoint,
    benchmark_answers,
    scores,
    release,
)
"""All artifacts in pipeline order: what commands, the ledger, a sample's life and Dagster go by."""

DIMENSIONS = (SOURCE, BENCHMARK, WEEK, SOURCE_WEEK, RECIPE_WEEK)
"""What an artifact may be partitioned by: what plans and Dagster's partitions know."""

CHAIN = tuple(artifact.name for artifact in ARTIFACTS if artifact.decides)
"""Those that decide the fate of every sample, one after another."""


def check_order(artifacts: Sequence[Artifact]) -> None:
    """Raise TypeError unless each reads what comes before it, and the release the whole chain."""
    before: list[str] = []
    for one in artifacts:
        if one.name in before:
            raise TypeError(f"there are two artifacts {one.name}")
        if one.dimensions not in DIMENSIONS:
            raise TypeError(f"{one.name} is partitioned as nothing is: choose one of {DIMENSIONS}")
        before.append(one.name)
        for read in one.reads:
            if read.asset not in before:
                raise TypeError(f"{one.name} reads {read.asset}, which does not come before it")
            if read.asset == one.name and read.weeks != "earlier":
                raise TypeError(f"{one.name} reads itself: of its own it has earlier weeks alone")
            if "week" in read.dimensions and "week" not in one.dimensions:
                raise TypeError(f"{one.name} has no week and reads {read.asset}, which has")
    accounted = [read.asset for read in release.reads if read.accounts and not read.retired]
    chain = [one.name for one in artifacts if one.decides]
    if accounted != chain:
        raise TypeError(
            f"release accounts for {', '.join(accounted)}; the artifacts that decide a sample's "
            f"fate are {', '.join(chain)}: it must read these, in this order, with accounts=True"
        )


check_order(ARTIFACTS)


@dataclass(frozen=True)
class Project:
    """One profile with its store and engines."""

    profile: Profile
    store: Store
    engines: ProfileEngines

    @classmethod
    def open(cls, profile: str, folder: Path | None = None) -> "Project":
        """Open a profile in the project folder; its file globs start at `folder`, if given.

        Raises ProfileError and StoreError.
        """
        loaded = load_profile(profile, folder)
        return cls(loaded, Store(find_root(), loaded.name), ProfileEngines(loaded, _quiet))


def _quiet(line: str) -> None:
    """Progress goes to the run's log only."""
