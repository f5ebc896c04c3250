"""What a stage is: its declaration, what it reads, and what it gives.

A `Stage` declares what it reads (artifacts, settings, models) and a function that builds its
artifact from them (with a `core.run.Run`). Nothing here knows Dagster.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, Unpack

import pyarrow as pa

from am_assets.core.code.guard import Guard, guard_of
from am_assets.core.code.versions import build_code
from am_assets.core.id_set import Cells
from am_assets.core.ledger import Ledger
from am_assets.core.manifest import Input, Manifest, Ref
from am_assets.core.profile import Profile
from am_assets.core.schema import TableSchema
from am_assets.core.store import Snapshot
from am_assets.core.table_writer import WrittenTable

Key = Mapping[str, str]
"""A partition: dimension to value, e.g. {"source": "mini_math", "week": "2025-01-06"}."""


SOURCE = ("source",)
BENCHMARK = ("benchmark",)
WEEK = ("week",)
SOURCE_WEEK = ("source", "week")
RECIPE_WEEK = ("recipe", "week")


class InputMissing(RuntimeError):
    """An upstream artifact is not published; the message says which to materialize."""


EARLIER = "earlier"
"""What a build calls its own asset's earlier weeks among its inputs."""


@dataclass(frozen=True)
class Read:
    """What a stage reads of another asset (or of its own earlier weeks).

    Dimensions both assets share take the reader's value, others all values. `weeks` widens the
    week: `earlier` reads every published earlier week, `so_far` the same week and those.
    """

    asset: str
    dimensions: tuple[str, ...]
    weeks: Literal["same", "earlier", "so_far"] = "same"
    every: tuple[str, ...] = ()
    """Dimensions that take all values although the reader has one of its own."""
    optional: bool = False
    """Whether a missing artifact is no error (scores, on the release's card)."""
    accounts: bool = False
    """Whether its ledger is read: it is part of the derivation then, beside the root."""
    passthrough: tuple[str, ...] = ()
    """Its provenance columns that are copied into provenance columns of the stage's own, or into a
    report; of no others the stage sees anything (see `core.provenance`)."""
    retired: bool = False
    """Whether it reads, in place of the profile's sources, what is published of sources that have
    left the profile."""
    table: str | None = None
    """The one table that is read of a weekly artifact by a stage of one source; None is all: the
    derivation then follows from that table's rows of the source alone."""


class ReadOptions(TypedDict, total=False):
    """Fields of a `Read` beside what is read and of which weeks."""

    every: tuple[str, ...]
    optional: bool
    accounts: bool
    passthrough: tuple[str, ...]
    retired: bool
    table: str | None


@dataclass
class Built:
    """What a build returns: tables, the ledger, and what only it knows.

    A table is given whole, or written already (`Run.writer`) where it may outgrow memory. Files
    beside the tables are written to `Run.folder`. `root` is set by stages whose identity is
    not a table's (checkpoints).
    """

    tables: list[tuple[TableSchema, pa.Table] | WrittenTable]
    ledger: Ledger | None = None
    root: str | None = None
    counts: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    """Settings as the work has left them: what `Stage.facts` says once this is published."""
    came: Cells | None = None
    """Sample ids that came in (`Run.kept_ids`): the artifact is not published unless its rows are
    these. None where they are not known."""
    ids: dict[str, Cells] = field(default_factory=dict)
    """More sets of sample ids that the manifest records, by name."""


@dataclass(frozen=True)
class Stage:
    """Declaration of one asset.

    Raises TypeError where `build` does not take the run and then, by name and in any order, the
    `core.run.Inputs` of each asset that is read (those of its own earlier weeks as `earlier`).
    """

    name: str
    dimensions: tuple[str, ...]
    build: Callable[..., Built]
    reads: tuple[Read, ...] = ()
    config: Callable[[Profile, Key], dict[str, Any]] = lambda profile, key: {}
    """The settings the stage reads, as plain values."""
    facts: Callable[[Snapshot, Profile, Key], dict[str, Any]] = lambda snapshot, profile, key: {}
    """Settings that follow from what is published, e.g. the seal of the stage's own capture."""
    sealed: bool = False
    """Whether the artifact holds what cannot be had again: it is published over the state that it
    was made from and over no other, and is never begun anew while a copy of it lies in `data/`."""
    models: tuple[str, ...] | Callable[[Profile, Key], Sequence[str]] = ()
    """Uses of the profile's models that its result follows from; see `Engines.digest`."""
    keeps: tuple[str, ...] = ()
    """Files of the artifact that no materialization could make again: kept from `dvc gc`."""
    proves_inputs: bool = False
    """Whether the tables it reads are compared with their roots first, not only their bytes."""
    derive: Callable[..., None] | None = None
    """Brings what is derived from the artifact (an index) in line with its root: takes the run,
    what was built and the root."""
    decides: bool = False
    """Whether its table says the fate of every sample that the stage before keeps: a link of the
    chain that the ledger follows, which is in pipeline order."""
    sample_tables: tuple[str, ...] = ()
    """Tables with rows about samples (a column `sample_id`), in the order in which a sample's life
    is told."""

    def __post_init__(self) -> None:
        parameters = list(inspect.signature(self.build).parameters.values())
        given = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        if (
            not parameters
            or parameters[0].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD
            or any(one.kind not in given for one in parameters)
            or inspect.iscoroutinefunction(self.build)
            or inspect.isgeneratorfunction(self.build)
            or self.name == EARLIER
        ):
            raise TypeError(
                f"{self.name}: a build is a plain function of the run and, by name, of what it "
                f"reads, and no asset is called {EARLIER}"
            )
        takes = [one.name for one in parameters[1:]]
        reads = {self.input_name(read.asset) for read in self.reads}
        if set(takes) != reads:
            raise TypeError(
                f"{self.name} reads {', '.join(sorted(reads)) or 'nothing'}, and its build takes "
                f"{', '.join(sorted(takes)) or 'nothing'} beside the run: these must be the same"
            )

    def input_name(self, asset: str) -> str:
        """What `build` calls the inputs of an asset."""
        return EARLIER if asset == self.name else asset

    def check_reads(self, asset: str) -> None:
        """Raise InputMissing for an asset that the stage does not declare to read."""
        if all(read.asset != asset for read in self.reads):
            raise InputMissing(
                f"{self.name} does not declare that it reads {asset}: an artifact follows from its "
                "declared inputs alone"
            )

    def same(self, **options: Unpack[ReadOptions]) -> Read:
        """How another stage reads the artifact of its own partition."""
        return Read(self.name, self.dimensions, **options)

    def earlier(self, **options: Unpack[ReadOptions]) -> Read:
        """How another stage reads the artifacts of all weeks before its own."""
        return Read(self.name, self.dimensions, weeks="earlier", **options)

    def so_far(self, **options: Unpack[ReadOptions]) -> Read:
        """How another stage reads the artifacts of its own week and of all before."""
        return Read(self.name, self.dimensions, weeks="so_far", **options)

    @property
    def guard(self) -> Guard:
        """Raises CodeMoved once code that `build` leads to was written since the process began."""
        return guard_of(self.build)

    @property
    def code_version(self) -> str:
        """Version of all the code that `build` leads to."""
        return build_code(self.build).version

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of the libraries and tools that decide in that code, by name."""
        return build_code(self.build).libraries

    def uses(self, profile: Profile, key: Key) -> Sequence[str]:
        """Uses of models that one partition's result follows from."""
        return self.models(profile, key) if callable(self.models) else self.models

    def ref(self, key: Key) -> Ref:
        """The artifact of one partition."""
        return Ref(asset=self.name, partition=tuple(key[name] for name in self.dimensions))


@dataclass(frozen=True)
class Plan:
    """What materializing one partition would mean."""

    ref: Ref
    inputs: list[Input]
    config: dict[str, Any]
    models: dict[str, str]
    libraries: dict[str, str]
    derivation: str
    published: Manifest | None

    @property
    def nothing_to_do(self) -> bool:
        """The same derivation is published and complete."""
        return (
            self.published is not None
            and self.published.complete
            and self.published.derivation == self.derivation
        )
