"""What a build sees while it runs: its partition, its inputs, its settings and engines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.code.guard import guarded
from am_assets.core.engines import Engines, Progress
from am_assets.core.id_set import Cells, united
from am_assets.core.manifest import Input, Manifest, Ref
from am_assets.core.profile import Profile
from am_assets.core.provenance import covered, read_covered
from am_assets.core.schema import KEPT, TableSchema
from am_assets.core.stage import InputMissing, Key, Plan, Stage
from am_assets.core.store import Snapshot, Store, read_batches
from am_assets.core.table_writer import TableWriter
from am_assets.core.usage import Meter

Weeks = Literal["all", "same", "earlier"]
"""Of the artifacts that a run reads those of every week, of its own, or of those before."""


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
        return read_covered(path, name, self.passed(asset), str(self.stage.ref(self.key)))

    def meter(
        self, name: str, total: int | None = None, unit: str = "rows", gpus: float = 0
    ) -> Meter:
        """A meter whose lines go to the run's log and whose totals to the artifact's metadata."""
        self.meters.append(Meter(name, total, self.log, unit, gpus))
        return self.meters[-1]

    def writer(self, schema: TableSchema) -> TableWriter:
        """A writer of one of the artifact's tables, for rows that come as a stream."""
        return TableWriter(schema, self.folder, self.folder.parent)

    def inputs_by_name(self) -> "dict[str, Inputs]":
        """What the stage's build takes beside the run."""
        assets = dict.fromkeys(read.asset for read in self.stage.reads)
        return {self.stage.input_name(asset): Inputs(self, asset) for asset in assets}

    def manifest(self, ref: Ref) -> Manifest:
        """Of the manifest of one input what the build may know; see `core.provenance.covered`."""
        if ref not in self._manifests:
            raise InputMissing(f"{ref} is not an input of {self.stage.name}")
        return self._manifests[ref]

    def read_ref(self, ref: Ref, table: str) -> pa.Table:
        """One table of one input artifact, its rows limited like those of `read`."""
        self.manifest(ref)
        item = self._items[ref]
        path = self.table_file(item, table)
        rows = read_covered(path, table, self.passed(ref.asset), str(ref))
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

    def passed(self, asset: str) -> frozenset[str]:
        """Provenance columns that the stage has declared to pass on."""
        reads = (read for read in self.stage.reads if read.asset == asset)
        return frozenset(name for read in reads for name in read.passthrough)

    def table_file(self, item: Input, table: str) -> Path:
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


class Inputs:
    """The artifacts of one asset that a run reads: what a build takes beside its run.

    Raises InputMissing for an asset that the stage does not declare to read.
    """

    def __init__(self, run: Run, asset: str) -> None:
        run.stage.check_reads(asset)
        self._run = run
        self.asset = asset
        self._items = [item for item in run.inputs if item.ref.asset == asset]

    @property
    def refs(self) -> list[Ref]:
        """The artifacts, in order."""
        return [item.ref for item in self._items]

    @property
    def rows_kept(self) -> int:
        """Rows that the artifacts keep, all together."""
        return sum(self._run.manifest(ref).rows_kept or 0 for ref in self.refs)

    def kept_ids(self, weeks: Weeks = "all") -> Cells | None:
        """Sample ids that the artifacts keep; None where one does not say. Limited like `read`."""
        parts: list[Cells] = []
        for item in self._limited(weeks):
            cells = self._run.manifest(item.ref).cells(KEPT)
            if cells is None:
                return None
            parts.append({c: ids for c, ids in cells.items() if item.slice in (None, c.source)})
        return united(*parts)

    def read(self, table: str | None = None, weeks: Weeks = "all") -> pa.Table:
        """Rows of a table (named like the asset by default), those of all artifacts joined.

        `weeks` limits the artifacts to the run's own week (`same`) or to earlier ones (`earlier`).
        Rows of other sources are left out where the input is read as one source's slice, and
        provenance columns where they are not declared.
        """
        parts = [self._run.read_ref(item.ref, table or self.asset) for item in self._limited(weeks)]
        if not parts:
            raise InputMissing(f"{self._run.stage.name} has no input {self.asset}")
        # Weeks made by an older schema version lack the columns that came since.
        return pa.concat_tables(parts, promote_options="default")

    def each(self, table: str) -> Iterator[pa.Table]:
        """A table of each artifact that has it, in order, its rows limited like those of `read`."""
        for ref in self.refs:
            if table in self._run.manifest(ref).tables:
                yield self._run.read_ref(ref, table)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The rows that `read` gives, some columns of them, a bounded number at a time."""
        for item in self._items:
            path = self._run.table_file(item, self.asset)
            yield from read_batches(path, columns, item.slice, self._run.passed(self.asset))

    def _limited(self, weeks: Weeks) -> list[Input]:
        return [
            item
            for item in self._items
            if weeks == "all" or self._run.is_own_week(item.ref) == (weeks == "same")
        ]


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
        for ref in wanted:
            self._run.stage.check_reads(ref.asset)
        return {ref: self._manifests[ref] for ref in wanted if ref in self._manifests}

    def table(self, ref: Ref, name: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of one table of an input, provenance only as declared."""
        return self._run.read_ref(ref, name).select(list(columns))

    def refs(self) -> list[Ref]:
        """Every input, in order of name."""
        return sorted(self._manifests, key=lambda ref: (ref.asset, ref.partition))
