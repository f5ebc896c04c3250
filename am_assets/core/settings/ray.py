"""Ray's actors."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from am_assets.core.settings.section import Section


class Ray(Section):
    """Actors of Ray that share the work. Never identity: results do not show how it was shared."""

    address: str | None = None
    """Cluster to work on (`auto`, or host:port); null starts a Ray of this machine's own."""
    cpus: int | None = Field(default=None, ge=1)
    """Logical CPUs of the Ray that is started here; null is as many as the actors need."""
    actors: dict[
        Literal["teacher", "instruct", "base", "embedding", "verification"],
        Annotated[int, Field(ge=1)],
    ]
    """Actors by role; a role that is not named works in the calling process."""
    cpus_per_actor: int = Field(default=1, ge=1)
    gpus_per_actor: float = Field(default=0, ge=0)
    scratch: Path | None = None
    """Folder for requests on their way and checkpoints being served; null is a temporary one."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.address is not None and self.scratch is None:
            raise ValueError(
                "`ray.scratch` must name a folder that every node of `ray.address` sees"
            )
        if self.cpus is not None and self.cpus < self.needed_cpus:
            raise ValueError(f"`ray.cpus` must be at least {self.needed_cpus} for so many actors")
        return self

    @property
    def needed_cpus(self) -> int:
        """Logical CPUs without which actors would wait for each other without end.

        Verification works beside one other role; one CPU more is for what feeds the actors.
        """
        most = max((n for role, n in self.actors.items() if role != "verification"), default=0)
        return (most + self.actors.get("verification", 0)) * self.cpus_per_actor + 1
