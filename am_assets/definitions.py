"""The code location: one profile's stages as Dagster assets, on one screen.

The profile is named by $AM_ASSETS_PROFILE (mini, files, full or a YAML file; default mini), the
folder its file globs start from by $AM_ASSETS_FOLDER. Asset keys start with the profile's name, so
that profiles share an instance without overwriting one another.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from am_assets.assets import (
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
from am_assets.assets.base import asset_of
from am_assets.core.config import Profile, load_profile
from am_assets.core.stage import Stage
from am_assets.core.store import Store, find_root
from am_assets.engines.runtime import ProfileEngines

PROFILE_VARIABLE = "AM_ASSETS_PROFILE"
FOLDER_VARIABLE = "AM_ASSETS_FOLDER"

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

    @cached_property
    def assets(self) -> list[dg.AssetsDefinition]:
        """The profile's assets."""
        return [asset_of(stage, self.profile) for stage in STAGES]

    @property
    def resources(self) -> dict[str, Any]:
        """What assets need of Dagster."""
        return {"store": self.store, "engines": self.engines, "say": _quiet}


def build_defs(profile: str, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Dagster definitions of a profile; `resource_overrides` replaces resources by name."""
    folder = os.environ.get(FOLDER_VARIABLE)
    project = Project.open(profile, Path(folder) if folder else None)
    return dg.Definitions(
        assets=project.assets,
        resources={**project.resources, **(resource_overrides or {})},
    )


def _quiet(line: str) -> None:
    """Progress goes to the run's log only."""


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` loads."""
    return build_defs(os.environ.get(PROFILE_VARIABLE, "mini"))
