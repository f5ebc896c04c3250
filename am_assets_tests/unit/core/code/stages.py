"""Versions of the stages, and of what judges each kind, over other sources than the process's."""

from collections.abc import Mapping

from am_assets.core.code.boundaries import BOUNDARIES, BY_KIND, MACHINERY
from am_assets.core.code.files import Sources, own_sources
from am_assets.core.code.reach import Graph, Reach
from am_assets.defs.project import ARTIFACTS

NAMES = tuple(stage.name for stage in ARTIFACTS)

_RULES = (
    "am_assets.stages.verification.format.answer_of",
    "am_assets.stages.verification.format.repeats_itself",
    "am_assets.stages.verification.nesting.too_deep",
)
_VERIFICATION = "am_assets.stages.verification"
_KINDS = f"{_VERIFICATION}.kinds"
BY_WHAT: dict[str, list[str]] = {
    "rules of math": [
        *_RULES,
        f"{_KINDS}.math._rules",
        f"{_VERIFICATION}.math.pool.MathPool",
    ],
    "rules of code": [
        *_RULES,
        f"{_KINDS}.code._rules",
        f"{_VERIFICATION}.code.controls.ControlledCode",
    ],
    "rules of science": [*_RULES, f"{_KINDS}.science._rules"],
    "rules of instruction": [*_RULES, f"{_KINDS}.instruction._rules"],
    "rules of chat": [*_RULES],
    "kind math": [f"{_KINDS}.math"],
    "kind code": [f"{_KINDS}.code"],
    "kind science": [f"{_KINDS}.science"],
    "kind instruction": [f"{_KINDS}.instruction"],
    "kind chat": [f"{_KINDS}.chat"],
    "ratings": [f"{_VERIFICATION}.models.reward.RewardJudge"],
    "grades": [f"{_VERIFICATION}.models.judge.Judge"],
}
"""What judges, by itself: what its reach begins at."""


def roots(stage: str) -> list[str]:
    """What a stage's reach begins at."""
    return [f"am_assets.defs.assets.{stage}.{stage}", *MACHINERY]


def reaches(graph: Graph) -> dict[str, Reach]:
    """Every stage's reach, and that of what judges, by name."""
    begun = {**{name: roots(name) for name in NAMES}, **BY_WHAT}
    return {name: graph.reach(paths) for name, paths in begun.items()}


def edited(texts: Mapping[str, str]) -> Graph:
    """The package with other texts of some modules."""
    own = own_sources()
    return Graph(Sources({**own.texts, **texts}, own.packages), BOUNDARIES, BY_KIND)


def replaced(module: str, old: str, new: str) -> Graph:
    """The package with one passage changed."""
    text = own_sources().texts[module]
    assert text.count(old) >= 1, f"{module} has no {old!r}"
    return edited({module: text.replace(old, new, 1)})
