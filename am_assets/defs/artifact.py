"""`@artifact`: a build as an asset of every profile, in the manner of Dagster's own decorators.

    @artifact(
        SOURCE_WEEK,
        reads=(raw_prompts,),
        config=_config,
        group_name="prompts",
        kinds={"dvc", "parquet"},
    )
    def prompts(run: Run, raw_prompts: Inputs) -> Built:
        ...

The function's name is the asset's, its docstring the description. It takes the run and, by name,
the inputs that `reads` declares; the run refuses others. Settings, models and inputs become part of
the derivation, so that the decorator itself decides nothing, and code versions pass it by
(`core.code.boundaries.DECLARES`): a build reads its settings from the run, and asks no artifact
what was declared of it. Nothing here loads Dagster: commands that only plan do not wait for it.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Required, TypedDict, Unpack, cast

import pyarrow as pa

from am_assets.core.manifest import Manifest
from am_assets.core.profile import Profile
from am_assets.core.stage import Built, Key, Read, ReadOptions, Stage
from am_assets.core.store import Snapshot

if TYPE_CHECKING:
    import dagster as dg

Tables = Callable[[str], pa.Table]
"""Reads one table of an artifact by name."""


class Remark(NamedTuple):
    """What a check of an artifact says; `counts` are plain values without any sample's text."""

    passed: bool
    text: str
    counts: dict[str, Any]


class Keywords(TypedDict, total=False):
    """Keywords of `dagster.asset` that are handed on as they are."""

    group_name: Required[str]
    kinds: Required[set[str]]
    tags: Mapping[str, str]
    owners: Sequence[str]
    pool: str
    """Bounds how many partitions run at once (engines, training)."""
    retry_policy: "dg.RetryPolicy"
    automation_condition: "dg.AutomationCondition[Any]"


@dataclass(frozen=True)
class Pictures:
    """PNG plots of a finished artifact, by title, from what they need of it."""

    of_tables: Callable[[Tables], dict[str, bytes]] | None = None
    of_manifest: Callable[[Manifest], dict[str, bytes]] | None = None
    of_files: Callable[[Path], dict[str, bytes]] | None = None
    """Takes the folder of an artifact that is files."""


NO_PICTURES = Pictures()
NO_CHECKS: Mapping[str, Callable[[Manifest], Remark]] = {}


@dataclass(frozen=True)
class Artifact(Stage):
    """A stage, and what Dagster shows of its artifacts."""

    description: str = ""
    pictures: Pictures = NO_PICTURES
    checks: Mapping[str, Callable[[Manifest], Remark]] = field(default_factory=lambda: NO_CHECKS)
    """By name: what a person should know of the artifact; it warns and stops nothing."""
    keywords: Keywords = field(kw_only=True)


_KEYWORDS = frozenset(Keywords.__annotations__)


class _StageFields(TypedDict, total=False):
    """Fields of a `core.stage.Stage` that most artifacts leave as they are."""

    config: Callable[[Profile, Key], dict[str, Any]]
    facts: Callable[[Snapshot, Profile, Key], dict[str, Any]]
    sealed: bool
    models: tuple[str, ...] | Callable[[Profile, Key], Sequence[str]]
    keeps: tuple[str, ...]
    proves_inputs: bool
    derive: Callable[..., None]
    decides: bool
    sample_tables: tuple[str, ...]


class _Declared(_StageFields, Keywords):
    pass


def artifact(
    dimensions: tuple[str, ...],
    *,
    reads: Sequence[Read] = (),
    pictures: Pictures = NO_PICTURES,
    checks: Mapping[str, Callable[[Manifest], Remark]] = NO_CHECKS,
    **declared: Unpack[_Declared],
) -> Callable[[Callable[..., Built]], Artifact]:
    """Declare the decorated build as an artifact partitioned by `dimensions`.

    `reads` are made from other artifacts (`labels.same()`, `prompts.so_far()`), the keywords are
    those of `Stage` and `Keywords`. Raises TypeError where the build does not take what is read.
    """

    def declare(build: Callable[..., Built]) -> Artifact:
        of_dagster = {name: declared[name] for name in declared if name in _KEYWORDS}
        of_stage = {name: declared[name] for name in declared if name not in _KEYWORDS}
        return Artifact(
            name=build.__name__,
            dimensions=dimensions,
            build=build,
            reads=tuple(
                read if read.asset else replace(read, asset=build.__name__, dimensions=dimensions)
                for read in reads
            ),
            description=" ".join((inspect.getdoc(build) or "").split()),
            pictures=pictures,
            checks=checks,
            keywords=cast("Keywords", of_dagster),
            **of_stage,
        )

    return declare


def own_earlier(**options: Unpack[ReadOptions]) -> Read:
    """How an artifact reads those of its own earlier weeks, which its build takes as `earlier`."""
    return Read("", (), weeks="earlier", **options)
