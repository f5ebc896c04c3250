"""One profile's stages with its store and engines. Nothing here knows Dagster."""

from dataclasses import dataclass
from pathlib import Path

from am_assets.core.profile import Profile, load_profile
from am_assets.core.stage import Stage
from am_assets.core.store import Store, find_root
from am_assets.defs.assets import (
    benchmark_answers,
    benchmarks,
    checkpoint,
    deduplicated,
    embedding_index,
    existing_verdicts,
    labels,
    prompts,
    raw_prompts,
    release,
    responses,
    scores,
    sft_dataset,
    takedowns,
    verified,
)
from am_assets.engines.profile_engines import ProfileEngines

STAGES: tuple[Stage, ...] = tuple(
    module.STAGE
    for module in (
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
)
"""All stages in pipeline order."""


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
