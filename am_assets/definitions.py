"""The code location: one profile's artifacts as Dagster assets, on one screen.

The profile is named by $AM_ASSETS_PROFILE (mini, files, full or a YAML file; default mini), the
folder its file globs start from by $AM_ASSETS_FOLDER. Asset keys start with the profile's name, so
that profiles share an instance without overwriting one another.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from am_assets.core.profile import Profile
from am_assets.defs.asset import asset_of
from am_assets.defs.project import ARTIFACTS, Project
from am_assets.defs.resources import ProfileModels, ProfileStore

PROFILE_VARIABLE = "AM_ASSETS_PROFILE"
FOLDER_VARIABLE = "AM_ASSETS_FOLDER"


def definitions_of(
    profile: Profile,
    resources: Mapping[str, Any],
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """The artifacts of a profile as Dagster assets, with the resources `store` and `engines`."""
    return dg.Definitions(
        assets=[asset_of(artifact, profile) for artifact in ARTIFACTS],
        resources=resources,
        loggers=loggers,
    )


def build_defs(profile: str, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Dagster definitions of a profile; `resource_overrides` replaces resources by name.

    Raises ProfileError and StoreError.
    """
    folder = os.environ.get(FOLDER_VARIABLE) or None
    project = Project.open(profile, Path(folder) if folder else None)
    return definitions_of(
        project.profile,
        {
            "store": ProfileStore(profile=profile, folder=folder),
            "engines": ProfileModels(profile=profile, folder=folder),
            **(resource_overrides or {}),
        },
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` loads."""
    return build_defs(os.environ.get(PROFILE_VARIABLE, "mini"))
