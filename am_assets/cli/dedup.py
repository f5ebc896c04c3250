"""`am-assets dedup`: semantic dedup of a file of one's own, and what each threshold would do."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from am_assets.cli.group import OUT, fail, json_option, main, say
from am_assets.standalone.embedding import (
    OpenEmbedding,
    cache_option,
    open_embedding,
    precision_option,
)

if TYPE_CHECKING:
    from am_assets.standalone.rows import LineReport

_MINILM = "files"
"""Profile whose embedding model is the packaged one."""

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_new_file = click.Path(dir_okay=False, path_type=Path)


@main.command()
@click.argument("in_path", metavar="IN.jsonl", type=_file)
@click.option("--out", "out_path", type=_new_file, help="Decisions, one a line.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Cosine similarity above which texts are duplicates; default: the embedding model's.",
)
@click.option("--profile", "-p", help="Profile whose embedding model to use; default: MiniLM.")
@click.option(
    "--ignore-references", is_flag=True, help="Drop similar texts whatever their reference answers."
)
@click.option("--sweep", is_flag=True, help="Print what each threshold would do.")
@click.option(
    "--labelled",
    type=_file,
    help="Pairs {text1, text2, label} in JSONL or CSV: the sweep adds precision and recall.",
)
@click.option(
    "--report",
    "report_path",
    type=_new_file,
    help="HTML file for the sweep's plots and pairs to look at; default: beside --out.",
)
@precision_option
@cache_option
@json_option
def dedup(
    in_path: Path,
    out_path: Path | None,
    threshold: float | None,
    profile: str | None,
    ignore_references: bool,
    sweep: bool,
    labelled: Path | None,
    report_path: Path | None,
    precision: str | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Find texts in a JSONL file that say the same as another; one decision a line.

    A row is {"id", "text", "reference_answer"?, "priority"?}, a decision {"id", "decision",
    "twin", "similarity"}, in the order of the rows. Every row that is dropped is above the
    threshold with its twin, which is kept. Of duplicates the one with the lowest priority (a
    number, 0 by default) is kept, then one with a reference answer, then the longest text, then
    the smallest id. Similar texts whose reference answers differ are both kept. Vectors are
    remembered: an interrupted run goes on where it was.

    \b
    Examples:
      am-assets dedup prompts.jsonl --threshold 0.9 --out decisions.jsonl
      am-assets dedup prompts.jsonl --sweep --report thresholds.html
    """
    if out_path is None and not sweep:
        raise click.UsageError("say where the decisions go (--out), or ask for a --sweep")
    if (labelled or report_path) and not sweep:
        raise click.UsageError("--labelled and --report belong to --sweep")
    if report_path is None and out_path is not None and sweep:
        report_path = out_path.with_name(out_path.name + ".thresholds.html")
    for path in (out_path, report_path):
        if path is not None and not path.parent.is_dir():
            fail(f"{path}: there is no folder {path.parent}; make it first")
    from tqdm import tqdm

    from am_assets.core.profile import Dedup, load_profile
    from am_assets.stages.dedup.threshold_page import threshold_page
    from am_assets.standalone.dedup import dedup_jsonl, texts_of
    from am_assets.standalone.rows import LineReport

    set_threshold = load_profile(profile or _MINILM).dedup.threshold
    settings = Dedup(
        threshold=set_threshold if threshold is None else threshold,
        keep_different_references=not ignore_references,
    )
    total = _lines(in_path)
    with open_embedding(profile, cache, precision) as opened, TemporaryDirectory() as scratch:
        bars: dict[str, tqdm[Any]] = {}

        def progress(work: str, rows: int) -> None:
            if work not in bars:
                bars[work] = tqdm(total=total, unit=" rows", desc=work, disable=None)
            bars[work].update(rows - bars[work].n)

        found = dedup_jsonl(
            in_path,
            out_path,
            opened.engine,
            opened.memory,
            opened.config,
            settings,
            out_path.parent if out_path else Path(scratch),
            progress,
            sweep=sweep,
        )
        for bar in bars.values():
            bar.close()
        steps: list[dict[str, Any]] = []
        pair_lines = LineReport()
        if labelled is not None:
            steps = _measured(labelled, pair_lines, opened, Path(scratch))
    if as_json:
        summary: dict[str, Any] = {"threshold": settings.threshold, **found.counts()}
        if found.thresholds is not None:
            summary |= {"thresholds": found.thresholds.as_dict(), "labelled": steps}
        click.echo(json.dumps(summary, indent=2))
    else:
        _print_counts(found.counts(), settings.threshold, out_path)
    if found.thresholds is not None:
        if not as_json:
            _print_steps("Dedup by threshold", found.thresholds.sweep)
            _print_steps("Labelled pairs by threshold", steps)
        if report_path is not None:
            pairs = [*found.thresholds.above, *found.thresholds.below]
            ids = [pair[key] for pair in pairs for key in ("sample_id", "twin")]
            page = threshold_page(in_path.name, found.thresholds, texts_of(in_path, ids), steps)
            report_path.write_text(page, encoding="utf-8")
            click.echo(f"plots and pairs to look at in {report_path}", err=True)
    reported = [(in_path, found.lines)]
    if labelled is not None:
        reported.append((labelled, pair_lines))
    _fail_on_malformed(reported)


def _lines(path: Path) -> int:
    with path.open("rb") as source:
        return sum(part.count(b"\n") for part in iter(lambda: source.read(1 << 20), b""))


def _measured(
    path: Path, lines: "LineReport", opened: OpenEmbedding, scratch: Path
) -> list[dict[str, Any]]:
    """Precision and recall on labelled pairs, by threshold."""
    import numpy as np

    from am_assets.stages.dedup.threshold_report import precision_recall
    from am_assets.stages.embedding.remembered import embed_texts
    from am_assets.stages.similarity import exact_similarity
    from am_assets.standalone.labelled_pairs import read_pairs

    pairs = list(read_pairs(path, lines))
    texts = [text for pair in pairs for text in (pair.one, pair.other)]
    vectors = embed_texts(
        texts, opened.engine, opened.memory, scratch / "labelled", config=opened.config
    )
    similarity = exact_similarity(vectors[0::2], vectors[1::2])
    grid = [hundredth / 100 for hundredth in range(50, 100, 2)]
    return precision_recall(similarity, np.array([pair.same for pair in pairs], dtype=bool), grid)


def _print_counts(counts: dict[str, int], threshold: float, out_path: Path | None) -> None:
    where = f"decisions in {out_path}: " if out_path else ""
    say(
        f"{where}{counts['kept']:,} of {counts['rows']:,} rows kept at {threshold}; dropped "
        f"{counts['identical']:,} identical, {counts['similar']:,} similar"
    )
    if counts["different_references"]:
        say(
            f"{counts['different_references']:,} of {counts['similar_pairs']:,} pairs above the "
            f"threshold have different reference answers; {counts['kept_for_reference']:,} rows "
            "are kept for that alone"
        )
    if counts["identical_with_different_references"]:
        say(
            f"{counts['identical_with_different_references']:,} identical texts have another "
            "reference answer than their twin: one of the two may be wrong"
        )


def _print_steps(title: str, steps: list[dict[str, Any]]) -> None:
    from am_assets.stages.dedup.threshold_page import shown

    if not steps:
        return
    table = Table(*(name.replace("_", " ") for name in steps[0]), title=title)
    for step in steps:
        table.add_row(*(shown(value) for value in step.values()))
    OUT.print(table)


def _fail_on_malformed(reported: "list[tuple[Path, LineReport]]") -> None:
    for path, lines in reported:
        for line, problem in lines.malformed:
            click.echo(f"am-assets: {path}, line {line}: {problem}", err=True)
    counts = [
        f"{lines.malformed_rows} lines of {path}"
        for path, lines in reported
        if lines.malformed_rows
    ]
    if counts:
        fail(f"{' and '.join(counts)} are malformed; the rest is done")
