"""Derivations decide what is done: nothing twice, everything that follows from a change."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
import yaml

from am_assets.core.engines import Engines
from am_assets.core.identity import digest
from am_assets.core.ledger import Ledger, LedgerError, ledger_of
from am_assets.core.manifest import Ref
from am_assets.core.materialize import Materialized, Materializer
from am_assets.core.memory import Entry
from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import DEDUPLICATED, PROMPTS, VANISHED
from am_assets.core.stage import SOURCE_WEEK, WEEK, Built, InputMissing, Read, Stage
from am_assets.core.store import Store
from am_assets_tests.conftest import TINY, dvc

WEEKS = ["2025-01-06", "2025-01-13"]
A, B = ({"source": name, "week": WEEKS[0]} for name in "ab")
A_PROMPTS = Ref(asset="prompts", partition=("a", WEEKS[0]))
FIRST, SECOND = ({"week": week} for week in WEEKS)


class _Models:
    """Names models without having any."""

    def __init__(self, **digests: str) -> None:
        self._digests = digests

    def digest(self, role: str) -> str | None:
        return self._digests.get(role)


class _World:
    """A store, what the made-up stages would find upstream, and a count of builds."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root, "tiny")
        self.upstream = {"a": ["one", "two"], "b": ["three"]}
        self.built: list[str] = []
        self.models: dict[str, str] = {}
        self.ledger: Callable[[pa.Table], Ledger] = ledger_of
        sources = {name: TINY["sources"]["sums"] for name in self.upstream}
        self.profile = Profile.model_validate({**TINY, "sources": sources})
        self.prompts = Stage(
            name="prompts",
            dimensions=SOURCE_WEEK,
            build=self._prompts,
            config=lambda profile, key: {
                "rows": list(self.upstream[key["source"]]),
                "cleaning": profile.cleaning.model_dump(),
            },
            models=("teacher",),
        )
        self.weekly = Stage(
            name="deduplicated",
            dimensions=WEEK,
            build=self._weekly,
            reads=(
                Read("prompts", SOURCE_WEEK),
                Read("deduplicated", WEEK, weeks="earlier"),
            ),
        )
        self.reader = Stage(
            name="vanished",
            dimensions=SOURCE_WEEK,
            build=self._reader,
            reads=(Read("deduplicated", WEEK),),
        )

    def _prompts(self, run: Run) -> Built:
        self.built.append(f"prompts {run.key['source']}")
        source, week = run.key["source"], run.key["week"]
        table = PROMPTS.table(
            {"sample_id": row, "source": source, "week": week, "decision": "kept"}
            for row in self.upstream[source]
        )
        (run.folder / "extra.txt").write_text(source)
        return Built([(PROMPTS, table)], self.ledger(table))

    def _weekly(self, run: Run, prompts: Inputs, earlier: Inputs) -> Built:
        self.built.append(f"weekly {run.key['week']}")
        rows = prompts.read().select(["sample_id", "source", "week", "decision"]).to_pylist()
        table = DEDUPLICATED.table(rows)
        return Built([(DEDUPLICATED, table)], ledger_of(table))

    def _reader(self, run: Run, deduplicated: Inputs) -> Built:
        self.built.append(f"reader {run.key['source']}")
        rows = deduplicated.read()
        assert set(rows["source"].to_pylist()) <= {run.key["source"]}
        return Built([(VANISHED, VANISHED.table(rows.select(["sample_id"]).to_pylist()))])

    def run(self, stage: Stage, key: dict[str, str]) -> Materialized:
        engines = cast(Engines, _Models(**self.models))
        materializer = Materializer(self.profile, self.store, engines, WEEKS)
        return materializer.materialize(stage, key, {"run_id": "r"})

    def run_all(self) -> list[str]:
        """Materialize everything of the first week; returns what was built."""
        self.built.clear()
        for stage, keys in (
            (self.prompts, (A, B)),
            (self.weekly, (FIRST,)),
            (self.reader, (A, B)),
        ):
            for key in keys:
                self.run(stage, key)
        return self.built

    def published(self, stage: Stage, key: dict[str, str]) -> Any:
        return self.store.snapshot().manifest(stage.ref(key))


ALL = ["prompts a", "prompts b", "weekly 2025-01-06", "reader a", "reader b"]


@pytest.fixture
def world(project: Path) -> _World:
    return _World(project)


def test_a_second_run_does_nothing(world: _World) -> None:
    assert world.run_all() == ALL
    head = world.store.branch.head()
    assert world.run_all() == []
    assert world.store.branch.head() == head
    assert world.run(world.prompts, A).reused


def test_a_changed_setting_does_again_what_reads_it_and_no_more(world: _World) -> None:
    world.run_all()
    changed = world.profile.cleaning.model_copy(update={"min_characters": 2})
    world.profile = world.profile.model_copy(update={"cleaning": changed})
    # The prompts come out the same, so that nothing follows.
    assert world.run_all() == ["prompts a", "prompts b"]
    changed = world.profile.dedup.model_copy(update={"threshold": 0.5})
    world.profile = world.profile.model_copy(update={"dedup": changed})
    assert world.run_all() == []


def test_a_changed_model_does_again_what_asks_it(world: _World) -> None:
    world.run_all()
    world.models["reward"] = "r1"
    assert world.run_all() == []
    world.models["teacher"] = "t1"
    assert world.run_all() == ["prompts a", "prompts b"]


def test_another_sources_rows_do_not_touch_a_reader_of_one_source(world: _World) -> None:
    world.run_all()
    world.upstream["b"].append("four")
    assert world.run_all() == ["prompts b", "weekly 2025-01-06", "reader b"]
    world.upstream["a"].clear()
    assert world.run_all() == ["prompts a", "weekly 2025-01-06", "reader a"]
    assert world.store.table(world.published(world.reader, A).dvc, "vanished").num_rows == 0


def test_the_earlier_week_is_read_where_it_is_published(world: _World) -> None:
    world.run_all()
    for source in "ab":
        world.run(world.prompts, {"source": source, "week": WEEKS[1]})
    inputs = world.run(world.weekly, SECOND).manifest.inputs
    assert [str(item.ref) for item in inputs] == [
        "prompts a|2025-01-13",
        "prompts b|2025-01-13",
        "deduplicated 2025-01-06",
    ]
    assert world.run(world.weekly, SECOND).reused


def test_an_incomplete_artifact_is_never_nothing_to_do(world: _World) -> None:
    world.ledger = lambda table: Ledger(table.num_rows, table.num_rows - 1, {}, {"no_model": 1})
    outcome = world.run(world.prompts, A)
    assert not outcome.manifest.complete
    assert not world.run(world.prompts, A).reused
    world.ledger = ledger_of
    assert world.run(world.prompts, A).manifest.complete
    assert world.run(world.prompts, A).reused


def test_a_ledger_that_does_not_add_up_publishes_nothing(world: _World) -> None:
    world.ledger = lambda table: Ledger(table.num_rows + 1, table.num_rows)
    with pytest.raises(LedgerError, match=r"prompts a\|2025-01-06: 3 rows came in but 2"):
        world.run(world.prompts, A)
    assert world.store.snapshot().refs() == []


def test_an_error_leaves_the_earlier_artifact_and_no_scratch_files(world: _World) -> None:
    before = world.run(world.prompts, A).manifest

    def fail(run: Run) -> Built:
        (run.folder / "half.txt").write_text("half")
        raise RuntimeError("the disk is full")

    world.upstream["a"].append("more")
    with pytest.raises(RuntimeError, match="disk is full"):
        world.run(dataclasses.replace(world.prompts, build=fail), A)
    assert world.published(world.prompts, A) == before
    assert world.store.in_place(before)
    assert list((world.store.root / ".am" / "tmp").iterdir()) == []


def test_what_fails_to_be_derived_is_tried_again(world: _World) -> None:
    def fail(run: Run, built: Built, root: str) -> None:
        raise RuntimeError("the index is locked")

    derived: list[str] = []
    with pytest.raises(RuntimeError, match="index is locked"):
        world.run(dataclasses.replace(world.prompts, derive=fail), A)
    works = dataclasses.replace(world.prompts, derive=lambda run, built, root: derived.append(root))
    manifest = world.run(works, A).manifest
    assert derived == [manifest.root]


def test_a_missing_input_is_named(world: _World) -> None:
    world.run(world.prompts, A)
    with pytest.raises(InputMissing, match=r"deduplicated 2025-01-06 needs prompts b\|2025-01-06"):
        world.run(world.weekly, FIRST)
    with pytest.raises(InputMissing, match="needs deduplicated 2025-01-06, which is not"):
        world.run(world.reader, A)


def test_an_optional_input_may_be_missing(world: _World) -> None:
    read = Read("deduplicated", WEEK, optional=True)
    stage = dataclasses.replace(
        world.reader,
        reads=(read,),
        build=lambda run, deduplicated: Built(
            [(VANISHED, VANISHED.table([]))], counts={"n": len(run.inputs)}
        ),
    )
    assert world.run(stage, A).manifest.counts == {"n": 0}


def test_lost_cache_bytes_are_made_again(world: _World) -> None:
    manifest = world.run(world.prompts, A).manifest
    table = world.store.file(manifest.dvc, "prompts.parquet")
    table.chmod(0o644)
    table.unlink()
    # The working tree holds a copy, from which they are put back.
    assert world.run(world.prompts, A).reused
    table.chmod(0o644)
    table.unlink()
    shutil.rmtree(world.store.folder(manifest.ref) / "data")
    again = world.run(world.prompts, A)
    assert not again.reused
    assert again.manifest == manifest


def test_a_deleted_working_tree_is_brought_back_without_work(world: _World) -> None:
    manifest = world.run(world.prompts, A).manifest
    (world.store.folder(manifest.ref) / "data.dvc").unlink()
    assert world.run(world.prompts, A).reused
    assert world.store.in_place(manifest)
    assert "up to date" in dvc(world.store.root, "status")


def test_inputs_are_those_of_the_start_whatever_is_published_since(world: _World) -> None:
    world.run(world.prompts, A)
    world.run(world.prompts, B)
    old = Materializer(world.profile, world.store, cast(Engines, _Models()), WEEKS)
    world.upstream["a"].append("late")
    world.run(world.prompts, A)
    outcome = old.materialize(world.weekly, FIRST, {})
    table = world.store.table(outcome.manifest.dvc, "deduplicated")
    assert "late" not in table["sample_id"].to_pylist()


def test_manifests_hold_neither_run_nor_time_nor_host(world: _World) -> None:
    manifest = world.run(world.prompts, A).manifest
    world.store.branch.commit(
        {f"data/tiny/{manifest.ref.path}/manifest.json": None}, "Take it back"
    )
    assert world.run(world.prompts, A).manifest.dumps() == manifest.dumps()


def test_a_table_written_as_a_stream_is_the_same_artifact(world: _World) -> None:
    whole = world.run(world.prompts, A).manifest

    def streamed(run: Run) -> Built:
        with run.writer(PROMPTS) as writer:
            for row in reversed(world.upstream["a"]):
                writer.add({"sample_id": row, "source": "a", "week": WEEKS[0], "decision": "kept"})
            table = writer.finish()
        (run.folder / "extra.txt").write_text("a")
        return Built([table], table.ledger())

    world.models["teacher"] = "other"
    manifest = world.run(dataclasses.replace(world.prompts, build=streamed), A).manifest
    assert manifest.root == whole.root
    assert manifest.tables == whole.tables
    assert manifest.ledger == whole.ledger
    assert manifest.dvc.nfiles == whole.dvc.nfiles


def test_an_input_read_in_parts_is_the_input(world: _World) -> None:
    world.run_all()
    seen: list[tuple[list[str], list[str]]] = []

    def reading(run: Run, prompts: Inputs, deduplicated: Inputs) -> Built:
        whole, sliced = (
            pa.concat_tables(inputs.batches(["sample_id"]))["sample_id"].to_pylist()
            for inputs in (prompts, deduplicated)
        )
        seen.append((whole, sliced))
        return Built([(VANISHED, VANISHED.table([]))])

    reads = (Read("prompts", SOURCE_WEEK), Read("deduplicated", WEEK))
    world.run(dataclasses.replace(world.reader, build=reading, reads=reads), A)
    assert seen == [(["one", "two"], ["one", "two"])]


def test_what_the_work_cost_is_told_and_goes_with_the_pointer_not_the_manifest(
    world: _World,
) -> None:
    def metered(run: Run) -> Built:
        meter = run.meter("teacher", 2)
        meter.found()
        meter.computed()
        return Built([(PROMPTS, PROMPTS.table([]))])

    stage = dataclasses.replace(world.prompts, build=metered)
    outcome = world.run(stage, A)
    assert (outcome.usage["teacher"]["made"], outcome.usage["teacher"]["reused"]) == (1, 1)
    pointer = world.store.folder(stage.ref(A)) / "data.dvc"
    assert yaml.safe_load(pointer.read_text())["meta"]["usage"] == outcome.usage
    assert "reused" not in outcome.manifest.dumps().decode()
    assert dvc(world.store.root, "status", str(pointer)).strip()


def test_the_row_memory_outlives_the_run_and_serves_other_profiles(world: _World) -> None:
    def remembering(run: Run) -> Built:
        run.memory.put("generation", [Entry(digest("key"), b"answer", "sample")])
        return Built([(PROMPTS, PROMPTS.table([]))])

    world.run(dataclasses.replace(world.prompts, build=remembering), A)
    other = Store(world.store.root, "other")
    assert other.memory.get("generation", [(digest("key"), "sample")])


def test_a_build_sees_no_artifact_that_its_stage_does_not_declare(world: _World) -> None:
    world.run_all()

    def curious(run: Run, deduplicated: Inputs) -> Built:
        assert [ref.asset for ref in run.snapshot.refs()] == ["deduplicated"]
        with pytest.raises(InputMissing, match=r"prompts a\|2025-01-06 is not an input"):
            run.snapshot.table(A_PROMPTS, "prompts", ["sample_id"])
        return Built([], root=str(run.snapshot.manifest(A_PROMPTS)))

    stage = dataclasses.replace(world.reader, build=curious)
    with pytest.raises(InputMissing, match="vanished does not declare that it reads prompts"):
        world.run(dataclasses.replace(stage, config=lambda profile, key: {"again": True}), A)


def test_a_build_of_one_source_sees_no_more_of_a_weekly_artifact_than_its_slice(
    world: _World,
) -> None:
    world.run_all()

    def curious(run: Run, deduplicated: Inputs) -> Built:
        (ref,) = deduplicated.refs
        assert run.manifest(ref).root == run.inputs[0].root
        assert run.manifest(ref).rows_kept is None
        assert run.read_ref(ref, "deduplicated")["source"].unique().to_pylist() == ["a"]
        run.file(ref, "deduplicated.parquet")
        raise AssertionError

    stage = dataclasses.replace(world.reader, build=curious)
    with pytest.raises(InputMissing, match="does not cover all of it"):
        world.run(dataclasses.replace(stage, config=lambda profile, key: {"again": True}), A)


def test_a_ledger_that_is_read_makes_its_reader_stale_when_it_changes(world: _World) -> None:
    world.weekly = dataclasses.replace(
        world.weekly,
        reads=(Read("prompts", SOURCE_WEEK, accounts=True), world.weekly.earlier()),
    )
    world.run_all()
    assert world.run_all() == []
    world.ledger = lambda table: ledger_of(table, collapsed={"repeat": 1})
    changed = dataclasses.replace(world.prompts, config=lambda profile, key: {"again": True})
    for key in (A, B):
        world.run(changed, key)
    world.built.clear()
    assert not world.run(world.weekly, FIRST).reused
