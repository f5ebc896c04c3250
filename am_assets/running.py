"""Materializing many partitions in one process, in pipeline order, with progress.

What the Dagster UI does a run at a time, for `am-assets demo` and `am-assets materialize`: the
same assets, recorded in the same instance. Partitions whose derivation is published and whose
root the instance already knows are passed over without a run. Dagster is loaded where it runs: what
only plans, like `am-assets status`, does not wait for it.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from am_assets.core.code.libraries import ABSENT
from am_assets.core.materialize import Materializer
from am_assets.core.stage import (
    BENCHMARK,
    RECIPE_WEEK,
    SOURCE,
    SOURCE_WEEK,
    WEEK,
    InputMissing,
    Key,
    Plan,
    Stage,
)
from am_assets.project import STAGES, Project
from am_assets.weeks import week_keys

if TYPE_CHECKING:
    import dagster as dg


@dataclass(frozen=True)
class Step:
    """One partition of several consecutive stages: one Dagster run."""

    stages: tuple[Stage, ...]
    key: Key

    @property
    def label(self) -> str:
        """Stages and partition, for people."""
        names = " > ".join(stage.name for stage in self.stages)
        return f"{names} {'|'.join(self.key.values())}".strip()


def steps(project: Project, weeks: Sequence[str], recipe_weeks: Sequence[str]) -> list[Step]:
    """All partitions of `weeks` in an order in which every input comes first.

    Checkpoints and scores are materialized for `recipe_weeks` only.
    """
    profile = project.profile
    listed = [
        Step((stage,), {"benchmark": name})
        for stage in _with(BENCHMARK)
        for name in sorted(profile.benchmarks)
    ]
    listed += [
        Step((stage,), {"source": name})
        for stage in _with(SOURCE)
        for name in sorted(profile.sources)
    ]
    for week in weeks:
        for dimensions, group in itertools.groupby(_in_order(), key=lambda s: s.dimensions):
            stages = tuple(group)
            if dimensions == SOURCE_WEEK:
                listed += [
                    Step(stages, {"source": name, "week": week}) for name in sorted(profile.sources)
                ]
            elif dimensions == RECIPE_WEEK and week in recipe_weeks:
                listed += [
                    Step(stages, {"recipe": name, "week": week}) for name in sorted(profile.recipes)
                ]
            elif dimensions == WEEK:
                listed.append(Step(stages, {"week": week}))
    return listed


def _with(dimensions: tuple[str, ...]) -> list[Stage]:
    return [stage for stage in STAGES if stage.dimensions == dimensions]


def _in_order() -> Iterator[Stage]:
    return (stage for stage in STAGES if "week" in stage.dimensions)


def materialize(
    project: Project,
    todo: Sequence[Step],
    instance: "dg.DagsterInstance",
    say: Callable[[str], None],
) -> int:
    """Run every step; returns how many partitions were worked on. The first error is raised."""
    import dagster as dg

    from am_assets.definitions import assets_of, resources_of
    from am_assets.partitions import partition_key

    assets = assets_of(project)
    worked = 0
    for number, step in enumerate(todo, 1):
        begun = time.monotonic()
        # What a stage makes anew may change what the stages after it in the step have to do.
        stages = list(
            itertools.dropwhile(
                lambda stage, key=step.key: _known(project, stage, key, instance), step.stages
            )
        )
        head = f"[{number:>3}/{len(todo)}] {step.label}"
        if not stages:
            say(f"{head}: nothing to do")
            continue
        say(head)
        names = [dg.AssetKey([project.profile.name, stage.name]) for stage in stages]
        dg.materialize(
            assets,
            selection=dg.AssetSelection.assets(*names),
            partition_key=partition_key(step.key, stages[0].dimensions),
            instance=instance,
            resources={**resources_of(project), "say": lambda line: say(f"          {line}")},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        worked += len(stages)
        say(f"          done in {time.monotonic() - begun:.1f} s{_counts(project, step)}")
    return worked


def _known(project: Project, stage: Stage, key: Key, instance: "dg.DagsterInstance") -> bool:
    """Nothing to do in the store, and the instance shows the root that is there."""
    import dagster as dg

    from am_assets.partitions import partition_key

    materializer = Materializer(
        project.profile, project.store, project.engines, week_keys(project.profile)
    )
    try:
        plan = materializer.plan(stage, key)
    except InputMissing:
        return False  # the same run makes the input first, or says what is missing
    if not plan.nothing_to_do or plan.published is None:
        return False
    if not project.store.in_place(plan.published):
        return False
    event = instance.get_latest_data_version_record(
        dg.AssetKey([project.profile.name, stage.name]),
        partition_key=partition_key(key, stage.dimensions),
    )
    if event is None or event.asset_materialization is None:
        return False
    tags = event.asset_materialization.tags or {}
    return tags.get("dagster/data_version") == plan.published.root


def selected(
    todo: Sequence[Step], values: Mapping[str, Sequence[str]], assets: Sequence[str]
) -> list[Step]:
    """The steps of `assets` (empty: all) whose dimensions have one of `values` (empty: any).

    What is read of every value whoever reads it (takedowns, of all sources) is never left out.
    Raises ValueError for a name that no step has.
    """
    for name, wanted in {**values, "asset": assets}.items():
        known = {step.key.get(name, "") for step in todo} | (
            {stage.name for stage in STAGES} if name == "asset" else set()
        )
        for value in wanted:
            if value not in known:
                listed = ", ".join(sorted(known - {""}))
                raise ValueError(f"there is no {name} {value} in this profile: choose of {listed}")
    every = {(read.asset, name) for stage in STAGES for read in stage.reads for name in read.every}
    steps = [
        Step(tuple(s for s in step.stages if not assets or s.name in assets), step.key)
        for step in todo
        if all(
            not wanted
            or name not in step.key
            or step.key[name] in wanted
            or all((stage.name, name) in every for stage in step.stages)
            for name, wanted in values.items()
        )
    ]
    return [step for step in steps if step.stages]


def status(project: Project, todo: Sequence[Step]) -> list[dict[str, str]]:
    """State of every partition: fresh, stale, incomplete or missing, and why.

    Dagster's badge of a partitioned asset says fresh whatever its partitions are; this does not.
    """
    materializer = Materializer(
        project.profile, project.store, project.engines, week_keys(project.profile)
    )
    # All at once: a call of git for each takes longer than all else.
    materializer.snapshot.manifests(
        {stage.ref(step.key) for step in todo for stage in step.stages}.union(
            materializer.snapshot.refs()
        )
    )
    rows: list[dict[str, str]] = []
    for step in todo:
        for stage in step.stages:
            state, why, root = _state(materializer, stage, step.key)
            partition = "|".join(stage.ref(step.key).partition)
            rows.append(
                {
                    "asset": stage.name,
                    "partition": partition,
                    "state": state,
                    "why": why,
                    "root": root[:12],
                }
            )
    return rows


def _state(materializer: Materializer, stage: Stage, key: Key) -> tuple[str, str, str]:
    published = materializer.snapshot.manifest(stage.ref(key))
    root = published.root if published else ""
    try:
        plan = materializer.plan(stage, key)
    except InputMissing as missing:
        return ("missing" if published is None else "stale"), str(missing), root
    if published is None:
        return "missing", "not materialized", ""
    if plan.derivation != published.derivation:
        return "stale", _difference(plan), root
    if not published.complete:
        return "incomplete", "rows are pending: materialize again", root
    if not materializer.store.holds(published.dvc):
        return "stale", "files are missing or cut in the DVC cache: run `am-assets restore`", root
    return "fresh", "", root


_CODE = "the stage's code changed"


def _difference(plan: Plan) -> str:
    """What a published partition's derivation no longer agrees with."""
    old = plan.published
    if old is None:
        return ""
    if plan.config != old.config:
        changed = _changed(old.config, plan.config)
        if changed == ["rules"] and "rules" in old.config:
            return _judging_change(old.config["rules"], plan.config["rules"])
        return f"settings changed: {', '.join(changed)}"
    if plan.models != old.models:
        return "a model changed"
    before = {item.read[:2]: item.read for item in old.inputs}
    changed = [str(item.ref) for item in plan.inputs if before.get(item.read[:2]) != item.read]
    if changed or len(before) != len(plan.inputs):
        return f"inputs changed: {', '.join(changed[:3]) or 'fewer than before'}"
    if plan.libraries != old.libraries:
        # A record of schema 1 tells no versions, and is stale for its code as well.
        return _library_change(old.libraries, plan.libraries) if old.libraries else _CODE
    return _CODE


def _judging_change(old: Mapping[str, list[str]], new: Mapping[str, list[str]]) -> str:
    """Kinds that are judged otherwise, and libraries of other versions where there are some."""
    kinds = _changed(old, new)
    before, now = (
        dict(
            entry.rsplit(" ", 1)
            for kind in kinds
            for entry in listed.get(kind, [])
            if " " in entry  # the others are versions of code
        )
        for listed in (old, new)
    )
    libraries = _library_change(before, now) if before.keys() == now.keys() else ""
    return f"what judges changed: {', '.join(kinds)}" + f" ({libraries})" * bool(libraries)


def _library_change(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} {old.get(name, ABSENT)} became {new.get(name, ABSENT)}"
        for name in _changed(old, new)
    )


def _changed(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    return [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def _counts(project: Project, step: Step) -> str:
    snapshot = project.store.snapshot()
    parts = []
    for stage in step.stages:
        manifest = snapshot.manifest(stage.ref(step.key))
        if manifest is not None and manifest.ledger is not None:
            ledger = manifest.ledger
            parts.append(f"{stage.name} {ledger['kept']}/{ledger['rows_in']}")
    return f" (kept/in: {', '.join(parts)})" if parts else ""


def open_instance(root: Path) -> "dg.DagsterInstance":
    """The instance of $DAGSTER_HOME, or of `.dagster_home` in the project folder."""
    import dagster as dg

    # Dagster refuses a relative path.
    home = Path(os.environ.get("DAGSTER_HOME") or root / ".dagster_home").resolve()
    home.mkdir(parents=True, exist_ok=True)
    settings, link = root / "dagster.yaml", home / "dagster.yaml"
    if settings.is_file() and not link.exists():
        link.symlink_to(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    return dg.DagsterInstance.get()
