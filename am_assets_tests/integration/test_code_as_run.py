"""What runs is what was versioned: traced while the tiny profile is made.

Real git, DVC, embedding model and workers; Dagster is left out.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from am_assets.core.code.boundaries import MACHINERY
from am_assets.core.code.versions import graph, reach_of
from am_assets.core.materialize import Materializer
from am_assets.core.run import Inputs, Run
from am_assets.core.stage import Built, Stage
from am_assets.defs.project import Project
from am_assets.defs.weeks import week_keys
from am_assets.operations.backfill import steps
from am_assets_tests.conftest import write_tiny
from am_assets_tests.support.tracing import functions_run


@pytest.fixture(scope="module")
def ran(new_project: Callable[[], Path]) -> dict[str, set[str]]:
    """The functions that each stage ran."""
    folder = new_project()
    write_tiny(folder)
    ran: dict[str, set[str]] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AM_ASSETS_ROOT", str(folder))
        patched.chdir(folder)
        project = Project.open("tiny.yaml")
        weeks = week_keys(project.profile)
        for step in steps(project, weeks, weeks):
            for stage in step.stages:
                ran[stage.name] = set()
                materializer = Materializer(
                    project.profile, project.store, project.engines, weeks, _quiet
                )
                materializer.materialize(_traced(stage, ran[stage.name]), step.key, {})
        project.engines.close()
    return ran


def _quiet(line: str) -> None:
    """Nobody reads along."""


def _traced(stage: Stage, ran: set[str]) -> Stage:
    @functools.wraps(stage.build)
    def build(run: Run, **inputs: Inputs) -> Built:
        with functions_run() as found:
            built = stage.build(run, **inputs)
        ran.update(found)
        return built

    return dataclasses.replace(stage, build=build)


def test_whatever_ran_is_part_of_the_version(ran: dict[str, set[str]]) -> None:
    assert sum(map(len, ran.values())) > 300
    for name, paths in ran.items():
        reached = reach_of(
            f"am_assets.defs.assets.{name}.{name}", *MACHINERY, everywhere=True
        ).paths
        for path in paths - reached:
            found = graph().package.find(path.removesuffix(".<lambda>"))
            assert not hasattr(found, "path") or graph().stops(found, apart=False), (  # type: ignore[arg-type]
                f"{name} ran {path}, and its version does not know"
            )
