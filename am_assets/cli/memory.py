"""`am-assets memory`: remembered row results: verify, erase."""

import json

import click
from rich.table import Table

from am_assets.cli.group import OUT, json_option, main, say


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
