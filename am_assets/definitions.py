"""The code location: one profile's stages as Dagster assets, on one screen.

The profile is named by $AM_ASSETS_PROFILE (mini, files, full or a YAML file; default mini), the
folder its file globs start from by $AM_ASSETS_FOLDER. Asset keys start with the profile's name, so
that profiles share an instance without overwriting one another.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from am_assets.defs.artifact import asset_of
from am_assets.defs.project import STAGES, Project

PROFILE_VARIABLE = "AM_ASSETS_PROFILE"
FOLDER_VARIABLE = "AM_ASSETS_FOLDER"


def assets_of(project: Project) -> list[dg.AssetsDefinition]:
    """The assets of a project's profile."""
    return [asset_of(stage, project.profile) for stage in STAGES]


def resources_of(project: Project) -> dict[str, Any]:
    """What assets need of Dagster."""
    return {"store": project.store, "engines": project.engines, "say": _quiet}


def build_defs(profile: str, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Dagster definitions of a profile; `resource_overrides` replaces resources by name."""
    folder = os.environ.get(FOLDER_VARIABLE)
    project = Project.open(profile, Path(folder) if folder else None)
    return dg.Definitions(
        assets=assets_of(project),
        resources={**resources_of(project), **(resource_overrides or {})},
    )


def _quiet(line: str) -> None:
    """Progress goes to the run's log only."""


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` loads."""
    return build_defs(os.environ.get(PROFILE_VARIABLE, "mini"))
