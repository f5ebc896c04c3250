"""`am-assets decontaminate`: decontamination of a file of one's own."""

import json
from pathlib import Path

import click

from am_assets.cli.group import fail, json_option, main, say
from am_assets.standalone.embedding import cache_option, open_embedding, precision_option

_MINILM = "files"
"""Profile whose embedding model is the packaged one, and has its calibration."""

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@main.command()
@click.argument("in_path", metavar="IN.jsonl", type=_file)
@click.option(
    "--benchmark",
    "-b",
    "benchmarks",
    required=True,
    multiple=True,
    type=_file,
    help="JSONL file with the items of a benchmark; may be given several times.",
)
@click.option(
    "--out",
    "out_path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Decisions, one a line.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Cosine similarity above which texts are the same, whatever else they say; default: the "
    "embedding model's calibration.",
)
@click.option("--profile", "-p", help="Profile whose settings to use; default: MiniLM's own.")
@precision_option
@cache_option
@json_option
def decontaminate(
    in_path: Path,
    benchmarks: tuple[Path, ...],
    out_path: Path,
    threshold: float | None,
    profile: str | None,
    precision: str | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Find texts in a JSONL file that are items of benchmarks; one decision a line.

    A row is {"id", "text"}, a decision {"id", "decision", "benchmark", "benchmark_item",
    "method", "score"}, in the order of the rows. A benchmark's row has its text under `text`,
    `prompt`, `question` or `problem`, its answer options, if any, as a list under `choices` or
    `options`, and an id under `id`, `task_id` or `unique_id`; without one its line number is its
    id. The benchmark is named by its file. Methods are exact, ngram and embedding; no judge is
    asked. Vectors are remembered: an interrupted run goes on where it was.

    \b
    Example:
      am-assets decontaminate prompts.jsonl --benchmark math_500.jsonl \\
          --benchmark aime_2024.jsonl --out decisions.jsonl
    """
    if not out_path.parent.is_dir():
        fail(f"{out_path}: there is no folder {out_path.parent}; make it first")
    from tqdm import tqdm

    from am_assets.core.profile import load_profile
    from am_assets.standalone.decontaminate import decontaminate_jsonl

    settings = load_profile(profile or _MINILM).decontamination
    off = settings.judge.model_copy(update={"enabled": False})
    settings = settings.model_copy(update={"judge": off})
    if threshold is not None:
        others = [name for name in type(settings).model_fields if name.endswith("_threshold")]
        given = {**dict.fromkeys(others), "embedding_threshold": threshold}
        settings = settings.model_copy(update=given)
    with (
        open_embedding(profile, cache, precision) as opened,
        tqdm(unit=" rows", disable=None) as bar,
    ):

        def progress(done: int) -> None:
            bar.update(done - bar.n)

        report = decontaminate_jsonl(
            in_path,
            benchmarks,
            out_path,
            opened.engine,
            opened.memory,
            opened.config,
            settings,
            progress,
        )
    counts = report.counts()
    if as_json:
        click.echo(json.dumps(counts, indent=2))
    else:
        found = ", ".join(f"{name} {rows}" for name, rows in sorted(report.contaminated.items()))
        say(
            f"{counts['contaminated']:,} of {report.rows:,} rows are contaminated"
            f"{': ' + found if found else ''}; decisions in {out_path}"
        )
    for path, lines in report.lines.items():
        for line, problem in lines.malformed:
            click.echo(f"am-assets: {path}, line {line}: {problem}", err=True)
    wrong = [
        f"{x.malformed_rows} lines of {p}" for p, x in report.lines.items() if x.malformed_rows
    ]
    if wrong:
        fail(f"{' and '.join(wrong)} are malformed; the rest is done")
