"""`am-assets doctor`: what a run would lack, found before it."""

import json
import os
from pathlib import Path

import click
from rich.table import Table

from am_assets.cli.group import OUT, fail, folder_option, json_option, main, profile_option


@main.command()
@profile_option
@folder_option
@json_option
def doctor(profile: str, folder: Path | None, as_json: bool) -> None:
    """Check what a profile needs before anything starts: packages, models, isolation, sources.

    \b
    Example:
      am-assets doctor --profile full
    """
    # A check looks; it does not fetch models of many gigabytes.
    os.environ["HF_HUB_OFFLINE"] = "1"
    from am_assets.defs.project import Project
    from am_assets.operations.doctor import diagnose

    findings = diagnose(Project.open(profile, folder))
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        table = Table("check", "state", "detail")
        for finding in findings:
            table.add_row(finding.check, finding.state, finding.detail)
        OUT.print(table)
    if any(finding.state == "missing" for finding in findings):
        fail("something the profile needs is missing; see the table")
