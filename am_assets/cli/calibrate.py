"""`am-assets calibrate`: thresholds of an embedding model from labelled pairs."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.table import Table

from am_assets.cli.group import OUT, fail, json_option, main, say
from am_assets.standalone.embedding import cache_option, open_embedding, precision_option


@main.command()
@click.argument(
    "pairs_path", metavar="PAIRS", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--profile", "-p", help="Profile whose embedding model to measure; default: MiniLM.")
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PNG of precision and recall against the threshold.",
)
@precision_option
@cache_option
@json_option
def calibrate(
    pairs_path: Path,
    profile: str | None,
    plot_path: Path | None,
    precision: str | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Measure an embedding model's thresholds on labelled pairs of texts.

    PAIRS is JSONL or CSV (with a header) with the columns text1, text2 and label: 1, true or yes
    for two texts that are the same problem, 0, false or no for two that are not. Have both sorts,
    and among the latter such that look alike (the same problem with other numbers). Prints
    precision, recall and F1 against the threshold, and what to put into the profile.

    \b
    Example:
      am-assets calibrate pairs.csv --profile my.yaml --plot pairs.png
    """
    import numpy as np
    from tqdm import tqdm

    from am_assets.stages.embedding.remembered import embed_texts
    from am_assets.stages.similarity import exact_similarity
    from am_assets.standalone.calibrate import calibrate as measure
    from am_assets.standalone.labelled_pairs import read_pairs
    from am_assets.standalone.rows import LineReport

    def progress(done: int) -> None:
        bar.update(done - bar.n)

    lines = LineReport()
    pairs = list(read_pairs(pairs_path, lines))
    texts = [text for pair in pairs for text in (pair.one, pair.other)]
    with (
        open_embedding(profile, cache, precision, needs_thresholds=False) as opened,
        TemporaryDirectory() as scratch,
        tqdm(total=len(texts), unit=" texts", disable=None) as bar,
    ):
        vectors = embed_texts(
            texts,
            opened.engine,
            opened.memory,
            Path(scratch) / "vectors",
            progress,
            config=opened.config,
        )
        similarity = exact_similarity(vectors[0::2], vectors[1::2])
    found = measure(similarity, np.array([pair.same for pair in pairs], dtype=bool))
    if plot_path is not None:
        plot_path.write_bytes(found.plot())
    snippet = found.snippet(pairs_path.name)
    if as_json:
        click.echo(json.dumps({"pairs": found.pairs, "steps": found.steps, "yaml": snippet}))
    else:
        table = Table(*found.steps[0], title=f"{found.pairs:,} pairs of {pairs_path.name}")
        for step in found.steps:
            table.add_row(*(_shown(value) for value in step.values()))
        OUT.print(table)
        say(f"Put under models.embedding of the profile:\n{snippet}")
    for line, problem in lines.malformed:
        click.echo(f"am-assets: {pairs_path}, line {line}: {problem}", err=True)
    if lines.malformed_rows:
        fail(f"{lines.malformed_rows} lines of {pairs_path} are malformed; the rest is measured")


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
