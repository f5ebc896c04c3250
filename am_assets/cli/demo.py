"""`am-assets demo`: the mini profile, materialized and shown."""

import click

from am_assets.cli.group import OUT, main, say


@main.command()
@click.option("--all-weeks", is_flag=True, help="Train and score every week, not only the last.")
def demo(all_weeks: bool) -> None:
    """Materialize the mini profile on real engines and print what was made.

    \b
    Example:
      am-assets demo
    """
    from am_assets.defs.project import Project
    from am_assets.defs.weeks import week_keys
    from am_assets.operations import backfill, report

    project = Project.open("mini")
    weeks = week_keys(project.profile)
    instance = backfill.open_instance(project.store.root)
    todo = backfill.steps(project, weeks, weeks if all_weeks else weeks[-1:])
    try:
        worked = backfill.materialize(project, todo, instance, say)
    finally:
        project.engines.close()
    report.print_summary(project, OUT)
    if not worked:
        say("Nothing had changed, so nothing was done again.")
    say("")
    say("Open it with `make ui` and go to http://127.0.0.1:3000; the data is under data/mini,")
    say("the card is data/mini/release/<week>/data/README.md, `am-assets ledger` prints the fates.")
