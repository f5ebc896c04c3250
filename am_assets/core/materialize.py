"""How a stage becomes an artifact: resolve, derive, build, check, publish.

`Materializer` resolves the inputs of a stage to one snapshot of the store, derives the artifact's
derivation, does nothing where that derivation is already published and complete, and publishes
whole or not at all. Nothing here knows Dagster.
"""

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from am_assets.core import id_set
from am_assets.core.engines import Engines, Progress
from am_assets.core.environment import environment
from am_assets.core.git_branch import Conflict
from am_assets.core.id_set import Cells, IdCounter
from am_assets.core.identity import digest, table_root
from am_assets.core.ledger import LedgerError
from am_assets.core.manifest import EMPTY_SLICE, Input, Manifest, Ref, derivation_of
from am_assets.core.profile import Profile
from am_assets.core.proving import prove
from am_assets.core.run import Run
from am_assets.core.schema import KEPT, TableSchema
from am_assets.core.stage import WEEK, Built, InputMissing, Key, Plan, Read, Stage
from am_assets.core.store import Over, Snapshot, Store, StoreError, write_table
from am_assets.core.table_writer import WrittenTable

_ATTEMPTS = 5
"""Times that another process may publish a sealed artifact first; the second finds it there."""


@dataclass(frozen=True)
class Materialized:
    """A partition after materializing: its manifest, and whether work was done."""

    manifest: Manifest
    reused: bool
    usage: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the work cost, by the name of each meter; empty where nothing was done."""


class Materializer:
    """Materializes partitions of one profile's stages, resolving inputs once at construction."""

    def __init__(
        self,
        profile: Profile,
        store: Store,
        engines: Engines,
        weeks: Sequence[str],
        log: Progress = lambda line: None,
    ) -> None:
        self.profile = profile
        self.store = store
        self.engines = engines
        self.log = log
        self.snapshot: Snapshot = store.snapshot()
        self._values = {
            "source": sorted(profile.sources),
            "benchmark": sorted(profile.benchmarks),
            "recipe": sorted(profile.recipes),
            "week": sorted(weeks),
        }

    @cached_property
    def _published(self) -> list[Ref]:
        return self.snapshot.refs()

    def plan(self, stage: Stage, key: Key) -> Plan:
        """Resolve inputs and derive; raises InputMissing when a needed artifact is absent."""
        inputs = list(self._resolve(stage, key))
        config = {
            **stage.config(self.profile, key),
            **stage.facts(self.snapshot, self.profile, key),
        }
        models = {
            use: value
            for use in stage.uses(self.profile, key)
            if (value := self.engines.digest(use)) is not None
        }
        ref = stage.ref(key)
        return Plan(
            ref,
            inputs,
            config,
            models,
            stage.libraries,
            self._derive(stage, ref, config, models, inputs),
            self.snapshot.manifest(ref),
        )

    def _derive(
        self,
        stage: Stage,
        ref: Ref,
        config: dict[str, Any],
        models: dict[str, str],
        inputs: list[Input],
    ) -> str:
        name, version, libraries = self.profile.name, stage.code_version, stage.libraries
        return derivation_of(name, ref, version, config, models, inputs, libraries)

    def materialize(self, stage: Stage, key: Key, meta: Mapping[str, Any]) -> Materialized:
        """Build and publish one partition, or find that there is nothing to do.

        `meta` (run id, host, times) goes into the DVC pointer, not into the manifest, and with it
        what the work cost. Of two processes that make a sealed artifact at once the first to
        publish is right: the other throws its own away and goes on from what was published.
        """
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._materialize(stage, key, meta)
            except Conflict:
                self.log(f"Another process published {stage.ref(key)} first, which is used instead")
                self.snapshot = self.store.snapshot()
        return self._materialize(stage, key, meta)

    def _materialize(self, stage: Stage, key: Key, meta: Mapping[str, Any]) -> Materialized:
        plan = self.plan(stage, key)
        if plan.nothing_to_do and plan.published and not self.store.mend(plan.published):
            self.store.restore(plan.published)
            return Materialized(plan.published, reused=True)
        self.store.branch.check_writable()
        if stage.sealed and plan.published is None:
            self._check_never_made(plan.ref)
        with self.store.workspace() as scratch:
            run = Run(
                stage,
                key,
                plan,
                scratch / "data",
                self.profile,
                self.engines,
                self.snapshot,
                self.log,
            )
            run.folder.mkdir()
            if stage.proves_inputs:
                for ref in {item.ref for item in plan.inputs}:
                    prove(run.manifest(ref), functools.partial(run.file, ref))
            built = stage.build(run, **run.inputs_by_name())
            manifest = self._seal(stage, plan, built, run.folder)
            stage.guard()
            # First, because what fails here must be tried again: a published derivation is not.
            if stage.derive is not None:
                stage.derive(run, built, manifest.root)
            usage = {meter.name: meter.totals() for meter in run.meters}
            self.store.publish(
                manifest,
                {**meta, **({"usage": usage} if usage else {})},
                run.folder,
                plan.published if stage.sealed else Over.ANYTHING,
            )
        return Materialized(manifest, reused=False, usage=usage)

    def _check_never_made(self, ref: Ref) -> None:
        """Raise StoreError where `data/` has a sealed artifact that the branch does not know."""
        folder = self.store.folder(ref)
        if not any((folder / name).exists() for name in ("manifest.json", "data.dvc")):
            return
        if self.store.snapshot().manifest(ref) is not None:
            raise Conflict(f"{ref} was published by another process meanwhile: materialize again")
        raise StoreError(
            f"{ref} is sealed and lies in {folder.relative_to(self.store.root)}, but the data "
            "branch does not have it: bring the branch back (fetch it from another clone, or find "
            "its last commit with `git fsck --lost-found` and name it with `git branch -f am-data "
            "COMMIT`), or move that folder away to let it be captured anew"
        )

    def _resolve(self, stage: Stage, key: Key) -> Iterable[Input]:
        for read in stage.reads:
            refs = list(self._refs(read, key))
            found = self.snapshot.manifests(refs)
            for ref in refs:
                manifest = found.get(ref)
                earlier = "week" in key and key["week"] not in ref.partition
                if manifest is None:
                    if read.optional or read.retired or (earlier and read.weeks != "same"):
                        continue
                    raise InputMissing(
                        f"{stage.ref(key)} needs {ref}, which is not materialized: materialize "
                        "it first"
                    )
                # A stage of one source reads a weekly artifact only where it is about the source.
                source = key.get("source") if read.dimensions == WEEK else None
                name = f"{read.table}/{source}" if read.table else source
                yield Input(
                    ref=ref,
                    slice=source,
                    root=manifest.slices.get(name, EMPTY_SLICE) if name else manifest.root,
                    accounts=manifest.accounts if read.accounts else None,
                    dvc=manifest.dvc.md5,
                )

    def _refs(self, read: Read, key: Key) -> Iterable[Ref]:
        choices: list[list[str]] = []
        for name in read.dimensions:
            if name == "source" and read.retired:
                published = {r.partition[0] for r in self._published if r.asset == read.asset}
                choices.append(sorted(published.difference(self._values[name])))
            elif name not in key or name in read.every:
                choices.append(self._values[name])
            elif name == "week" and read.weeks != "same":
                weeks = [week for week in self._values["week"] if week < key["week"]]
                choices.append(weeks + [key["week"]] * (read.weeks == "so_far"))
            else:
                choices.append([key[name]])
        for values in itertools.product(*choices):
            yield Ref(asset=read.asset, partition=tuple(values))

    def _seal(self, stage: Stage, plan: Plan, built: Built, folder: Path) -> Manifest:
        if built.ledger is not None:
            built.ledger.check(str(plan.ref))
        ids = _ids(stage, built)
        if built.came is not None and ids is not None:
            _check_ids(plan, built.came, id_set.united(*ids.values()))
        tables: dict[str, dict[str, Any]] = {}
        slices: dict[str, str] = {}
        for given in built.tables:
            if isinstance(given, WrittenTable):
                tables[given.schema.name] = _entry(given.schema, given.root, given.num_rows)
                continue
            schema, table = given
            write_table(table, folder, schema.name)
            root = table_root(table, schema.id_column)
            tables[schema.name] = _entry(schema, root, table.num_rows)
            if stage.dimensions == WEEK and "source" in table.column_names:
                prefix = "" if schema.name == stage.name else f"{schema.name}/"
                slices |= {
                    f"{prefix}{source}": table_root(
                        table.filter(pc.field("source") == source), schema.id_column
                    )
                    for source in sorted(set(table["source"].to_pylist()))
                }
        roots = {name: entry["root"] for name, entry in tables.items()}
        config = {**plan.config, **built.config}
        return Manifest(
            profile=self.profile.name,
            ref=plan.ref,
            root=built.root or (roots[stage.name] if len(roots) == 1 else digest("root", roots)),
            tables=tables,
            slices=_whole(slices),
            # Of the settings as the work has left them, so that the next plan finds nothing to do.
            derivation=self._derive(stage, plan.ref, config, plan.models, plan.inputs),
            inputs=plan.inputs,
            code_version=stage.code_version,
            config=config,
            models=plan.models,
            libraries=plan.libraries,
            complete=built.ledger is None or built.ledger.complete,
            ledger=built.ledger.as_dict() if built.ledger else None,
            counts=built.counts,
            ids=None if ids is None else id_set.written({**ids, **built.ids}),
            environment=environment(),
            dvc=self.store.add(folder),
            keeps=stage.keeps,
        )


def _whole(slices: dict[str, str]) -> dict[str, str]:
    """Slice roots such that a source's covers its rows in all tables, not in the main one alone."""
    found = dict(slices)
    for source in (name for name in slices if "/" not in name):
        parts = {n: root for n, root in slices.items() if n.endswith(f"/{source}")}
        if parts:
            found[source] = digest("slice", slices[source], parts)
    return found


def _ids(stage: Stage, built: Built) -> dict[str, Cells] | None:
    """Sample ids by decision of the artifact's own table; None where its rows are no samples."""
    for given in built.tables:
        if isinstance(given, WrittenTable):
            if given.schema.name == stage.name:
                return given.ids
            continue
        schema, table = given
        if schema.name == stage.name and set(id_set.ID_COLUMNS) <= set(table.column_names):
            counter = IdCounter()
            # A table without decisions holds what is kept.
            counter.add_table(table, None if schema.has_fate else KEPT)
            return counter.cells() if schema.id_column == "sample_id" else None
    return None


def _check_ids(plan: Plan, came: Cells, decided: Cells) -> None:
    differing = id_set.differing(came, decided)
    if differing:
        cell = differing[0]
        empty = id_set.IdSet()
        raise LedgerError(
            f"{plan.ref}: the {came.get(cell, empty).rows} rows of source {cell.source} and week "
            f"{cell.week} that its inputs keep are not the {decided.get(cell, empty).rows} that "
            "were decided: its inputs are not of one generation, materialize them again, in order"
        )


def _entry(schema: TableSchema, root: str, rows: int) -> dict[str, Any]:
    return {"root": root, "rows": rows, "schema_version": schema.version}
