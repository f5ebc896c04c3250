"""`am-assets materialize`: the profile's partitions, one after the other."""

from pathlib import Path

import click

from am_assets.cli.group import OUT, folder_option, main, profile_option, say


@main.command()
@profile_option
@folder_option
@click.option("--week", "weeks", multiple=True, help="Week (its Monday); default: all.")
@click.option("--asset", "assets", multiple=True, help="Only these assets; default: all.")
@click.option("--source", "sources", multiple=True, help="Only these sources.")
@click.option("--recipe", "recipes", multiple=True, help="Only these training recipes.")
def materialize(
    profile: str,
    folder: Path | None,
    weeks: tuple[str, ...],
    assets: tuple[str, ...],
    sources: tuple[str, ...],
    recipes: tuple[str, ...],
) -> None:
    """Materialize a profile's partitions in order, in this process; done work is not repeated.

    \b
    Examples:
      am-assets materialize --profile files --folder ~/datasets
      am-assets materialize --asset scores --recipe lora --week 2025-01-13
    """
    from am_assets.defs.project import Project
    from am_assets.defs.weeks import week_keys
    from am_assets.operations import backfill, report

    project = Project.open(profile, folder)
    known = week_keys(project.profile)
    todo = backfill.steps(project, known, known)
    todo = backfill.selected(
        todo,
        {"week": weeks, "source": sources, "recipe": recipes},
        assets,
    )
    instance = backfill.open_instance(project.store.root)
    try:
        worked = backfill.materialize(project, todo, instance, say)
    finally:
        project.engines.close()
    if not worked:
        say("Nothing had changed, so nothing was done again.")
    report.print_summary(project, OUT)
