"""The state of every partition, and which change made it stale."""

from collections.abc import Mapping, Sequence

from am_assets.core.code.libraries import ABSENT
from am_assets.core.materialize import Materializer
from am_assets.core.stage import (
    InputMissing,
    Key,
    Plan,
    Stage,
)
from am_assets.defs.project import Project
from am_assets.defs.weeks import week_keys
from am_assets.operations.backfill import Step


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
            return judging_change(old.config["rules"], plan.config["rules"])
        return f"settings changed: {', '.join(changed)}"
    if plan.models != old.models:
        return "a model changed"
    before = {item.read[:2]: item.read for item in old.inputs}
    changed = [str(item.ref) for item in plan.inputs if before.get(item.read[:2]) != item.read]
    if changed or len(before) != len(plan.inputs):
        return f"inputs changed: {', '.join(changed[:3]) or 'fewer than before'}"
    if plan.libraries != old.libraries:
        # A record of schema 1 tells no versions, and is stale for its code as well.
        return library_change(old.libraries, plan.libraries) if old.libraries else _CODE
    return _CODE


def judging_change(old: Mapping[str, list[str]], new: Mapping[str, list[str]]) -> str:
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
    libraries = library_change(before, now) if before.keys() == now.keys() else ""
    return f"what judges changed: {', '.join(kinds)}" + f" ({libraries})" * bool(libraries)


def library_change(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Libraries of other versions, with both."""
    return ", ".join(
        f"{name} {old.get(name, ABSENT)} became {new.get(name, ABSENT)}"
        for name in _changed(old, new)
    )


def _changed(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    return [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
