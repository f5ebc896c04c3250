"""What a stage is: its declaration, what it reads, and what its function sees while it runs.

A `Stage` declares what it reads (artifacts, settings, models) and a function that builds its
artifact from them. Nothing here knows Dagster.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.code.guard import Guard, guard_of, guarded
from am_assets.core.code.versions import build_code
from am_assets.core.engines import Engines, Progress
from am_assets.core.id_set import Cells, united
from am_assets.core.ledger import Ledger
from am_assets.core.manifest import Input, Manifest, Ref
from am_assets.core.profile import Profile
from am_assets.core.provenance import covered, read_covered
from am_assets.core.schema import KEPT, TableSchema
from am_assets.core.store import Snapshot, Store, read_batches
from am_assets.core.table_writer import TableWriter, WrittenTable
from am_assets.core.usage import Meter

Key = Mapping[str, str]
"""A partition: dimension to value, e.g. {"source": "mini_math", "week": "2025-01-06"}."""


SOURCE = ("source",)
BENCHMARK = ("benchmark",)
WEEK = ("week",)
SOURCE_WEEK = ("source", "week")
RECIPE_WEEK = ("recipe", "week")


class InputMissing(RuntimeError):
    """An upstream artifact is not published; the message says which to materialize."""


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


@dataclass
class Built:
    """What a stage function returns: tables, the ledger, and what only it knows.

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


class Finding(NamedTuple):
    """What a check of an artifact found; `counts` are plain values without any sample's text."""

    passed: bool
    text: str
    counts: dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """Declaration of one asset."""

    name: str
    group: str
    dimensions: tuple[str, ...]
    build: "Callable[[Run], Built]"
    reads: tuple[Read, ...] = ()
    config: "Callable[[Profile, Key], dict[str, Any]]" = lambda profile, key: {}
    """The settings the stage reads, as plain values."""
    facts: "Callable[[Snapshot, Profile, Key], dict[str, Any]]" = lambda snapshot, profile, key: {}
    """Settings that follow from what is published, e.g. the seal of the stage's own capture."""
    sealed: bool = False
    """Whether the artifact holds what cannot be had again: it is published over the state that it
    was made from and over no other, and is never begun anew while a copy of it lies in `data/`."""
    models: "tuple[str, ...] | Callable[[Profile, Key], Sequence[str]]" = ()
    """Uses of the profile's models that its result follows from; see `Engines.digest`."""
    kinds: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    """Files of the artifact that no materialization could make again: kept from `dvc gc`."""
    proves_inputs: bool = False
    """Whether the tables it reads are compared with their roots first, not only their bytes."""
    pool: str | None = None
    """Dagster pool that bounds how many partitions run at once (engines, training)."""
    description: str = ""
    derive: "Callable[[Run, Built, str], None] | None" = None
    """Brings what is derived from the artifact (an index) in line with its root."""
    pictures: "Callable[[Tables], dict[str, bytes]] | None" = None
    """PNG plots of the finished artifact's tables, by title."""
    manifest_pictures: "Callable[[Manifest], dict[str, bytes]] | None" = None
    """The same from the manifest's counts."""
    file_pictures: "Callable[[Path], dict[str, bytes]] | None" = None
    """The same for artifacts that are files; takes their folder."""
    checks: "Mapping[str, Callable[[Manifest], Finding]]" = field(default_factory=dict)
    """By name: what a person should know of the artifact; it warns and stops nothing."""

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


Tables = Callable[[str], pa.Table]
"""Reads one table of an artifact by name."""


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


class Run:
    """What a stage function sees: its partition, its resolved inputs, settings and engines."""

    def __init__(
        self,
        stage: Stage,
        key: Key,
        plan: Plan,
        folder: Path,
        profile: Profile,
        engines: Engines,
        snapshot: Snapshot,
        log: Progress,
    ) -> None:
        self.profile = profile
        self.engines = engines
        self.log = log
        self.stage = stage
        self.key = key
        self.inputs = plan.inputs
        self.config = plan.config
        self.published = plan.published
        """The manifest of this partition as it is published now, if it is."""
        self.folder = folder
        """Where files of the artifact go."""
        self._store: Store = snapshot.store
        self.root = self._store.root
        memory = self._store.memory
        memory.say = log
        self.memory = guarded(memory, stage.guard)
        """What engines gave before; see `core.memory`."""
        self.meters: list[Meter] = []
        self._items = {item.ref: item for item in plan.inputs}
        self._manifests = {
            ref: covered(manifest, self._items[ref])
            for ref, manifest in snapshot.manifests(self._items).items()
        }
        self.snapshot = InputSnapshot(self, snapshot, self._manifests)
        """The inputs as they were when they were resolved; of the store nothing else."""

    def published_file(self, name: str) -> Path:
        """One file of this partition as it is published now."""
        if self.published is None:
            raise InputMissing(f"{self.stage.ref(self.key)} is not published")
        return self._store.file(self.published.dvc, name)

    def published_table(self, name: str) -> pa.Table:
        """One table of this partition as it is published now."""
        asset = self.stage.name
        path = self.published_file(f"{name}.parquet")
        return read_covered(path, name, self._passed(asset), str(self.stage.ref(self.key)))

    def meter(
        self, name: str, total: int | None = None, unit: str = "rows", gpus: float = 0
    ) -> Meter:
        """A meter whose lines go to the run's log and whose totals to the artifact's metadata."""
        self.meters.append(Meter(name, total, self.log, unit, gpus))
        return self.meters[-1]

    def writer(self, schema: TableSchema) -> TableWriter:
        """A writer of one of the artifact's tables, for rows that come as a stream."""
        return TableWriter(schema, self.folder, self.folder.parent)

    def refs(self, asset: str) -> list[Ref]:
        """The artifacts of `asset` that this run reads, in order."""
        return [item.ref for item in self.inputs if item.ref.asset == asset]

    def manifest(self, ref: Ref) -> Manifest:
        """Of the manifest of one input what the build may know; see `core.provenance.covered`."""
        if ref not in self._manifests:
            raise InputMissing(f"{ref} is not an input of {self.stage.name}")
        return self._manifests[ref]

    def kept_ids(self, asset: str, weeks: str = "all") -> Cells | None:
        """Sample ids that the input artifacts of `asset` keep; None where one does not say.

        Limited like `read`.
        """
        parts: list[Cells] = []
        for item in self.inputs:
            if item.ref.asset == asset and self._in_weeks(item.ref, weeks):
                cells = self.manifest(item.ref).cells(KEPT)
                if cells is None:
                    return None
                parts.append({c: ids for c, ids in cells.items() if item.slice in (None, c.source)})
        return united(*parts)

    def read(self, asset: str, table: str | None = None, weeks: str = "all") -> pa.Table:
        """Rows of an input asset's table (named like the asset by default), all parts joined.

        `weeks` limits the parts to the run's own week (`same`) or to earlier ones (`earlier`).
        Rows of other sources are left out where the input is read as one source's slice, and
        provenance columns where they are not declared.
        """
        parts = [
            self.read_ref(item.ref, table or asset)
            for item in self.inputs
            if item.ref.asset == asset and self._in_weeks(item.ref, weeks)
        ]
        if not parts:
            raise InputMissing(f"{self.stage.name} has no input {asset}")
        # Weeks made by an older schema version lack the columns that came since.
        return pa.concat_tables(parts, promote_options="default")

    def batches(
        self, asset: str, columns: Sequence[str], table: str | None = None
    ) -> Iterator[pa.Table]:
        """The same rows as `read` gives, some columns of them, a bounded number at a time."""
        for item in self.inputs:
            if item.ref.asset == asset:
                path = self._table(item, table or asset)
                yield from read_batches(path, columns, item.slice, self._passed(asset))

    def has(self, asset: str, weeks: str = "all") -> bool:
        """Whether any artifact of `asset` is among the inputs."""
        return any(self._in_weeks(ref, weeks) for ref in self.refs(asset))

    def read_ref(self, ref: Ref, table: str) -> pa.Table:
        """One table of one input artifact, its rows limited like those of `read`."""
        self.manifest(ref)
        item = self._items[ref]
        path = self._table(item, table)
        rows = read_covered(path, table, self._passed(ref.asset), str(ref))
        return rows.filter(pc.field("source") == item.slice) if item.slice else rows

    def file(self, ref: Ref, name: str) -> Path:
        """One table's file of an input artifact; read it with readers of `core.provenance`."""
        manifest, item = self.manifest(ref), self._items[ref]
        if item.slice or name.removesuffix(".parquet") not in manifest.tables:
            raise InputMissing(
                f"{self.stage.name} cannot read {name} of {ref} as a file: the root it follows "
                "from does not cover all of it"
            )
        return self._store.file(manifest.dvc, name)

    def copy_files(self, ref: Ref, to: Path) -> None:
        """All files of an input artifact that is files, not tables (a checkpoint)."""
        manifest = self.manifest(ref)
        if manifest.tables:
            raise InputMissing(f"{ref} is tables, which {self.stage.name} reads as such")
        self._store.copy_files(manifest.dvc, to)

    def is_own_week(self, ref: Ref) -> bool:
        """Whether an input is of the run's own week, not of an earlier one."""
        return self.key["week"] in ref.partition

    def _in_weeks(self, ref: Ref, weeks: str) -> bool:
        return weeks == "all" or self.is_own_week(ref) == (weeks == "same")

    def _passed(self, asset: str) -> frozenset[str]:
        """Provenance columns that the stage has declared to pass on."""
        reads = (read for read in self.stage.reads if read.asset == asset)
        return frozenset(name for read in reads for name in read.passthrough)

    def _table(self, item: Input, table: str) -> Path:
        """File of a table of an input, whose root (or slice root) must cover it."""
        if item.slice and not self._covers(item, table):
            raise InputMissing(
                f"{self.stage.name} reads {item.ref} as the slice {item.slice}, whose root does "
                f"not cover the table {table}"
            )
        return self._store.file(self.manifest(item.ref).dvc, f"{table}.parquet")

    def _covers(self, item: Input, table: str) -> bool:
        """Whether a slice root is over its source's rows of `table`; see `Read.table`."""
        reads = {read.table for read in self.stage.reads if read.asset == item.ref.asset}
        if None not in reads:
            return table in reads
        slices = self.manifest(item.ref).slices
        return table == item.ref.asset or any(name.startswith(f"{table}/") for name in slices)


class InputSnapshot(Snapshot):
    """Of a snapshot the inputs of one run, and of their manifests what the run may know."""

    def __init__(self, run: Run, whole: Snapshot, manifests: Mapping[Ref, Manifest]) -> None:
        super().__init__(whole.store, whole.commit)
        self._run = run
        self._manifests = manifests

    def manifests(self, refs: Iterable[Ref]) -> dict[Ref, Manifest]:
        """The manifests of those of `refs` that are inputs.

        Raises InputMissing for an asset that the stage does not declare to read.
        """
        wanted = list(refs)
        stage = self._run.stage
        declared = {read.asset for read in stage.reads}
        for ref in wanted:
            if ref.asset not in declared:
                raise InputMissing(
                    f"{stage.name} does not declare that it reads {ref.asset}: an artifact "
                    "follows from its declared inputs alone"
                )
        return {ref: self._manifests[ref] for ref in wanted if ref in self._manifests}

    def table(self, ref: Ref, name: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of one table of an input, provenance only as declared."""
        return self._run.read_ref(ref, name).select(list(columns))

    def refs(self) -> list[Ref]:
        """Every input, in order of name."""
        return sorted(self._manifests, key=lambda ref: (ref.asset, ref.partition))
