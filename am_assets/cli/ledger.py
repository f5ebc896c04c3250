"""`am-assets ledger`: the fates of all rows, counted."""

import json

import click

from am_assets.cli.group import OUT, json_option, main, profile_option


@main.command()
@profile_option
@json_option
def ledger(profile: str, as_json: bool) -> None:
    """Print where every row of every week ended; the counts add up or this fails.

    \b
    Example:
      am-assets ledger --profile mini --json
    """
    from am_assets.core.profile import load_profile
    from am_assets.core.store import Store, find_root
    from am_assets.defs.project import ARTIFACTS, CHAIN
    from am_assets.lineage.ledger import Scope, outside, week_ledgers
    from am_assets.operations import report

    loaded = load_profile(profile)
    snapshot, scope = Store(find_root(), loaded.name).snapshot(), Scope.of(loaded)
    weeks = week_ledgers(snapshot, CHAIN, scope=scope)
    if as_json:
        click.echo(json.dumps([week.as_dict() for week in weeks], indent=2))
    else:
        report.print_ledger(weeks, outside(snapshot, scope, ARTIFACTS), OUT)
