"""`am-assets disagreements`: where those who judge a response differ."""

import json

import click

from am_assets.cli.group import OUT, json_option, main, profile_option


@main.command()
@profile_option
@click.option("--week", "weeks", multiple=True, help="Week (its Monday); default: all.")
@click.option("--source", "sources", multiple=True, help="Only these sources.")
@click.option("--kind", "kinds", multiple=True, help="Only math, code, science, …; default: all.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(0), help="Rows shown.")
@json_option
def disagreements(
    profile: str,
    weeks: tuple[str, ...],
    sources: tuple[str, ...],
    kinds: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> None:
    """Print where rule, judge, majority of the samples and recorded verdict differ.

    Counts by pair, then responses to look at; --json has their whole texts.

    \b
    Example:
      am-assets disagreements --week 2025-01-06 --kind math --limit 5 --json
    """
    from am_assets.core.profile import load_profile
    from am_assets.core.store import Store, find_root
    from am_assets.lineage import disagreements as reading
    from am_assets.operations.report import disagreement_tables
    from am_assets.stages.verification.answer_key import final_key

    snapshot = Store(find_root(), load_profile(profile).name).snapshot()
    found = reading.report(snapshot, reading.Wanted(weeks, sources, kinds, limit), final_key)
    if as_json:
        click.echo(json.dumps(found._asdict(), indent=2, ensure_ascii=False))
        return
    for table in disagreement_tables(found):
        OUT.print(table)
