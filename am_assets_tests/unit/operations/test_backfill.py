"""Which partitions a command works on."""

from am_assets.defs.project import Project
from am_assets.operations.backfill import selected, steps


def test_one_source_is_not_made_without_the_takedowns_of_all() -> None:
    project = Project.open("mini")
    todo = selected(steps(project, ["2025-01-06"], []), {"source": ["mini_math"]}, [])
    sources = {
        name: {step.key["source"] for step in todo if step.stages[0].name == name}
        for name in ("takedowns", "raw_prompts")
    }
    assert sources == {"takedowns": set(project.profile.sources), "raw_prompts": {"mini_math"}}
    only = selected(todo, {"source": ["mini_math"]}, ["raw_prompts"])
    assert [step.key["source"] for step in only] == ["mini_math"]
