"""Commands that read what was published and remembered."""

import json

import click
from rich.table import Table

from am_assets.cli.group import OUT, json_option, main, profile_option, say


@main.command()
@profile_option
@json_option
def ledger(profile: str, as_json: bool) -> None:
    """Print where every row of every week ended; the counts add up or this fails.

    \b
    Example:
      am-assets ledger --profile mini --json
    """
    from am_assets import reporting
    from am_assets.core.profile import load_profile
    from am_assets.core.store import Store, find_root
    from am_assets.lineage.ledger import Scope, outside, week_ledgers

    loaded = load_profile(profile)
    snapshot, scope = Store(find_root(), loaded.name).snapshot(), Scope.of(loaded)
    weeks = week_ledgers(snapshot, scope=scope)
    if as_json:
        click.echo(json.dumps([week.as_dict() for week in weeks], indent=2))
    else:
        reporting.print_ledger(weeks, outside(snapshot, scope), OUT)


@main.command()
@click.argument("sample_id")
@profile_option
@json_option
def explain(sample_id: str, profile: str, as_json: bool) -> None:
    """Print the life of one sample: origin, every decision, who answered and checked, what learned.

    \b
    Example:
      am-assets explain 0d1f6a0c54c14d0f9d3d3c2b7a1e4f55
    """
    from am_assets.core.profile import load_profile
    from am_assets.core.store import Store, find_root
    from am_assets.lineage.explain import explain as life_of

    rows = life_of(Store(find_root(), load_profile(profile).name).snapshot(), sample_id)
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        head = f"{row.pop('artifact')} (root {row.pop('root')})"
        say(head)
        for name, value in row.items():
            say(f"    {name}: {json.dumps(value, ensure_ascii=False)}")


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
    from am_assets import reporting
    from am_assets.core.profile import load_profile
    from am_assets.core.store import Store, find_root
    from am_assets.lineage.disagreements import Wanted, report
    from am_assets.stages.verification.answer_key import final_key

    snapshot = Store(find_root(), load_profile(profile).name).snapshot()
    found = report(snapshot, Wanted(weeks, sources, kinds, limit), final_key)
    if as_json:
        click.echo(json.dumps(found._asdict(), indent=2, ensure_ascii=False))
        return
    for table in reporting.disagreement_tables(found):
        OUT.print(table)


@main.command()
@click.option("--erase", "erased", multiple=True, metavar="SAMPLE_ID", help="Forget this sample.")
@click.option("--verify", is_flag=True, help="Check every entry, and forget the damaged ones.")
@json_option
def memory(erased: tuple[str, ...], verify: bool, as_json: bool) -> None:
    """Print what the row memory holds: answers, vectors, verdicts that are never paid for again.

    It serves all profiles of the project. What is erased or damaged is asked again where it is
    needed.

    \b
    Example:
      am-assets memory
      am-assets memory --verify
      am-assets memory --erase 0d1f6a0c54c14d0f9d3d3c2b7a1e4f55
    """
    from am_assets.core.memory import RowMemory
    from am_assets.core.store import find_root, memory_path

    remembered = RowMemory(memory_path(find_root()))
    remembered.say = lambda line: click.echo(line, err=True)
    forgotten = remembered.erase(erased)
    verified = remembered.verify() if verify else None
    counts = remembered.counts()
    if as_json:
        kinds = {kind: {"entries": n, "bytes": size} for kind, (n, size) in counts.items()}
        found = verified and {"entries": verified[0], "damaged": verified[1]}
        click.echo(json.dumps({"erased": forgotten, "verified": found, "kinds": kinds}, indent=2))
        return
    if erased:
        say(f"{forgotten} entries of {len(erased)} samples erased")
    if verified is not None:
        say(f"{verified[0]:,} entries checked, {verified[1]:,} damaged and forgotten")
    table = Table("kind", "entries", "MiB")
    for kind, (entries, size) in counts.items():
        table.add_row(kind, f"{entries:,}", f"{size / 2**20:,.1f}")
    OUT.print(table)
