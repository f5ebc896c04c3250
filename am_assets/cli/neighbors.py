"""`am-assets neighbors`: a prompt's nearest prompts in the vector index."""

import json
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from am_assets.cli.group import (
    OUT,
    fail,
    folder_option,
    json_option,
    main,
    profile_option,
)


@main.command()
@click.argument("sample_id", required=False)
@click.option("--text", help="Prompt to find neighbors of, instead of a sample's.")
@click.option("--k", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many.")
@profile_option
@folder_option
@json_option
def neighbors(
    sample_id: str | None,
    text: str | None,
    k: int,
    profile: str,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Print the prompts nearest to a sample's, or to any text, by exact search.

    Similarities are exact cosines, equal ones in the order of ids, so that the answer is the same
    however the index was built. The index is compared with its checksums and with the published
    roots before it is asked. The decision is that of dedup and decontamination.

    \b
    Example:
      am-assets neighbors 0d1f6a0c54c14d0f9d3d3c2b7a1e4f55
      am-assets neighbors --text "How many eggs are in two dozen?" --k 3 --json
    """
    if (sample_id is None) == (text is None):
        raise click.UsageError("name either a SAMPLE_ID or a --text")
    from am_assets.core.profile import load_profile
    from am_assets.core.store import Store, find_root
    from am_assets.stages.embedding.neighbors import described, open_index, published_partitions

    loaded = load_profile(profile, folder)
    store = Store(find_root(), loaded.name)
    snapshot, index = store.snapshot(), open_index(store.root, loaded.name)
    index.check(published_partitions(snapshot))
    if sample_id is not None:
        vector = index.vector(sample_id)
        if vector is None:
            fail(
                f"no published embedding_index holds a sample {sample_id}: ids are the sample_id "
                "column of the Parquet files under data/"
            )
        found = [near for near in index.neighbors(vector, k + 1) if near.sample_id != sample_id]
    else:
        from am_assets.engines.embedding import load_embedding_engine

        engine = load_embedding_engine(loaded.models.embedding, loaded.embedding, loaded.folder)
        found = index.neighbors(engine.embed([text or ""])[0], k)
    rows = described(snapshot, found[:k])
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table("similarity", "sample", "source", "week", "decision", "prompt")
    for row in rows:
        decision = row["decision"] or "not decided"
        table.add_row(
            f"{row['similarity']:.4f}",
            row["sample_id"],
            row["source"],
            row["week"],
            decision + (f" ({row['reason']})" if row["reason"] else ""),
            escape(row["prompt"]),
        )
    OUT.print(table)
