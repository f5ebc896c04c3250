"""The stages' versions over other sources than those of this process."""

from collections.abc import Mapping

from am_assets.core.code.boundaries import BOUNDARIES, MACHINERY
from am_assets.core.code.files import Sources, own_sources
from am_assets.core.code.reach import Graph, Reach
from am_assets.definitions import STAGES

NAMES = tuple(stage.name for stage in STAGES)


def roots(stage: str) -> list[str]:
    """What a stage's reach begins at."""
    return [f"am_assets.assets.{stage}.build", *MACHINERY]


def reaches(graph: Graph) -> dict[str, Reach]:
    """Every stage's reach, by name."""
    return {name: graph.reach(roots(name)) for name in NAMES}


def edited(texts: Mapping[str, str]) -> Graph:
    """The package with other texts of some modules."""
    own = own_sources()
    return Graph(Sources({**own.texts, **texts}, own.packages), BOUNDARIES)


def replaced(module: str, old: str, new: str) -> Graph:
    """The package with one passage changed."""
    text = own_sources().texts[module]
    assert text.count(old) >= 1, f"{module} has no {old!r}"
    return edited({module: text.replace(old, new, 1)})
