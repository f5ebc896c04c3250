"""`am-assets status`: the state of every partition, and why."""

import json
from pathlib import Path

import click
from rich.table import Table

from am_assets.cli.group import OUT, folder_option, json_option, main, profile_option, say


@main.command()
@profile_option
@folder_option
@json_option
def status(profile: str, folder: Path | None, as_json: bool) -> None:
    """Print every partition: fresh, stale (and why), incomplete, or missing.

    \b
    Example:
      am-assets status --profile mini
    """
    from am_assets.defs.project import ARTIFACTS, Project
    from am_assets.defs.weeks import week_keys
    from am_assets.lineage.ledger import Scope, outside
    from am_assets.operations.backfill import steps
    from am_assets.operations.status import status as states

    project = Project.open(profile, folder)
    weeks = week_keys(project.profile)
    rows = states(project, steps(project, weeks, weeks))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table("asset", "partition", "state", "why", "root")
    for row in rows:
        table.add_row(*(row[name] for name in ("asset", "partition", "state", "why", "root")))
    OUT.print(table)
    left_out = outside(project.store.snapshot(), Scope.of(project.profile), ARTIFACTS)
    if left_out:
        say(left_out)
