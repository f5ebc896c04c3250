"""The store and the engines of a profile as Dagster resources."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from am_assets.core.engines import Engines
from am_assets.core.store import Store
from am_assets.defs.project import Project


class _OfProfile(dg.ConfigurableResource[Any]):
    profile: str = Field(description="mini, files, full, or a profile's YAML file.")
    folder: str | None = Field(
        default=None, description="Where the profile's file globs start; by default at the profile."
    )

    def _project(self) -> Project:
        return Project.open(self.profile, Path(self.folder) if self.folder else None)


class ProfileStore(_OfProfile):
    """Where a profile's artifacts are published; gives assets a `core.store.Store`."""

    def create_resource(self, context: dg.InitResourceContext) -> Store:
        """The store of the project folder."""
        del context
        return self._project().store


class ProfileModels(_OfProfile):
    """What runs a profile's models; gives assets the `core.engines.Engines`, loaded when used."""

    def create_resource(self, context: dg.InitResourceContext) -> Engines:
        """Engines that load nothing yet."""
        del context
        return self._project().engines
