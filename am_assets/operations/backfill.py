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

from am_assets.core.materialize import Materializer
from am_assets.core.stage import (
    BENCHMARK,
    RECIPE_WEEK,
    SOURCE,
    SOURCE_WEEK,
    WEEK,
    InputMissing,
    Key,
    Stage,
)
from am_assets.defs.project import ARTIFACTS, Project
from am_assets.defs.weeks import week_keys

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
    return [stage for stage in ARTIFACTS if stage.dimensions == dimensions]


def _in_order() -> Iterator[Stage]:
    return (stage for stage in ARTIFACTS if "week" in stage.dimensions)


def materialize(
    project: Project,
    todo: Sequence[Step],
    instance: "dg.DagsterInstance",
    say: Callable[[str], None],
) -> int:
    """Run every step; returns how many partitions were worked on. The first error is raised."""
    import dagster as dg

    from am_assets.definitions import definitions_of
    from am_assets.defs.partitions import partition_key
    from am_assets.defs.progress import progress_logger

    # One store and one set of engines for all runs: models stay loaded from one to the next.
    job = definitions_of(
        project.profile,
        {"store": project.store, "engines": project.engines},
        {"progress": progress_logger(lambda line: say(f"          {line}"))},
    ).resolve_implicit_global_asset_job_def()
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
        job.execute_in_process(
            asset_selection=names,
            partition_key=partition_key(step.key, stages[0].dimensions),
            instance=instance,
            run_config={"loggers": {"progress": {}}},
        )
        worked += len(stages)
        say(f"          done in {time.monotonic() - begun:.1f} s{_counts(project, step)}")
    return worked


def _known(project: Project, stage: Stage, key: Key, instance: "dg.DagsterInstance") -> bool:
    """Nothing to do in the store, and the instance shows the root that is there."""
    import dagster as dg

    from am_assets.defs.partitions import partition_key

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
            {stage.name for stage in ARTIFACTS} if name == "asset" else set()
        )
        for value in wanted:
            if value not in known:
                listed = ", ".join(sorted(known - {""}))
                raise ValueError(f"there is no {name} {value} in this profile: choose of {listed}")
    every = {
        (read.asset, name) for stage in ARTIFACTS for read in stage.reads for name in read.every
    }
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
