"""`am-assets index`: the vector index, made again from what it follows."""

import json

import click
from rich.table import Table

from am_assets.cli.group import (
    OUT,
    fail,
    json_option,
    main,
    profile_option,
    say,
)


@main.command()
@click.option("--rebuild", is_flag=True, help="Make it anew from the published vectors.")
@click.option("--verify", is_flag=True, help="Compare it with the published vectors row by row.")
@profile_option
@json_option
def index(rebuild: bool, verify: bool, profile: str, as_json: bool) -> None:
    """Print what the vector index holds; make it anew, or prove it equal to what was published.

    The index follows from the versioned Parquet files of embedding_index. It is brought in line by
    every materialization and by `am-assets restore`. Its files are compared with their checksums
    each time, its rows with the published ones by --verify. A rebuild leaves no byte of the old
    one.

    \b
    Example:
      am-assets index --rebuild --verify
    """
    from am_assets.core.profile import load_profile
    from am_assets.core.store import Store, find_root
    from am_assets.stages.embedding.neighbors import open_index, published_partitions

    store = Store(find_root(), load_profile(profile).name)
    partitions = published_partitions(store.snapshot())
    held = open_index(store.root, store.profile)
    if rebuild:
        held.rebuild(partitions)
    if problem := held.damage():
        fail(f"the vector index is damaged ({problem}): run `am-assets index --rebuild`")
    rows = [
        {
            "source": part.source,
            "week": part.week,
            "root": part.root,
            "state": "in line" if held.holds(part) else "not loaded",
        }
        for part in partitions
    ]
    differences = held.differences(partitions) if verify else []
    if as_json:
        result = {"rows": held.count(), "partitions": rows, "differences": differences}
        click.echo(json.dumps(result if verify else result | {"differences": None}, indent=2))
    else:
        table = Table("source", "week", "root", "index")
        for row in rows:
            table.add_row(row["source"], row["week"], row["root"][:12], row["state"])
        OUT.print(table)
        say(f"{held.count():,} vectors" + (" compared, all equal" * (verify and not differences)))
    if differences:
        fail(
            f"the vector index differs from what is published ({differences[0]}; "
            f"{len(differences)} differences): run `am-assets index --rebuild`"
        )
