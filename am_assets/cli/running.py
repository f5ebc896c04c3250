"""Commands that make and check a profile's artifacts."""

import json
import os
from pathlib import Path

import click
from rich.table import Table

from am_assets.cli.group import OUT, fail, folder_option, json_option, main, profile_option, say


@main.command()
@click.option("--all-weeks", is_flag=True, help="Train and score every week, not only the last.")
def demo(all_weeks: bool) -> None:
    """Materialize the mini profile on real engines and print what was made.

    \b
    Example:
      am-assets demo
    """
    from am_assets import reporting, running
    from am_assets.project import Project
    from am_assets.weeks import week_keys

    project = Project.open("mini")
    weeks = week_keys(project.profile)
    instance = running.open_instance(project.store.root)
    todo = running.steps(project, weeks, weeks if all_weeks else weeks[-1:])
    try:
        worked = running.materialize(project, todo, instance, say)
    finally:
        project.engines.close()
    reporting.print_summary(project, OUT)
    if not worked:
        say("Nothing had changed, so nothing was done again.")
    say("")
    say("Open it with `make ui` and go to http://127.0.0.1:3000; the data is under data/mini,")
    say("the card is data/mini/release/<week>/data/README.md, `am-assets ledger` prints the fates.")


@main.command()
@profile_option
@folder_option
@click.option("--week", "weeks", multiple=True, help="Week (its Monday); default: all.")
@click.option("--asset", "assets", multiple=True, help="Only these assets; default: all.")
@click.option("--source", "sources", multiple=True, help="Only these sources.")
@click.option("--recipe", "recipes", multiple=True, help="Only these training recipes.")
def materialize(
    profile: str,
    folder: Path | None,
    weeks: tuple[str, ...],
    assets: tuple[str, ...],
    sources: tuple[str, ...],
    recipes: tuple[str, ...],
) -> None:
    """Materialize a profile's partitions in order, in this process; done work is not repeated.

    \b
    Examples:
      am-assets materialize --profile files --folder ~/datasets
      am-assets materialize --asset scores --recipe lora --week 2025-01-13
    """
    from am_assets import reporting, running
    from am_assets.project import Project
    from am_assets.weeks import week_keys

    project = Project.open(profile, folder)
    known = week_keys(project.profile)
    todo = running.steps(project, known, known)
    todo = running.selected(
        todo,
        {"week": weeks, "source": sources, "recipe": recipes},
        assets,
    )
    instance = running.open_instance(project.store.root)
    try:
        worked = running.materialize(project, todo, instance, say)
    finally:
        project.engines.close()
    if not worked:
        say("Nothing had changed, so nothing was done again.")
    reporting.print_summary(project, OUT)


@main.command()
@profile_option
@folder_option
@json_option
def status(profile: str, folder: Path | None, as_json: bool) -> None:
    """Print every partition: fresh, stale (and why), incomplete, or missing.

    \b
    Example:
      am-assets status --profile mini
    """
    from am_assets import running
    from am_assets.lineage.ledger import Scope, outside
    from am_assets.project import Project
    from am_assets.weeks import week_keys

    project = Project.open(profile, folder)
    weeks = week_keys(project.profile)
    rows = running.status(project, running.steps(project, weeks, weeks))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table("asset", "partition", "state", "why", "root")
    for row in rows:
        table.add_row(*(row[name] for name in ("asset", "partition", "state", "why", "root")))
    OUT.print(table)
    left_out = outside(project.store.snapshot(), Scope.of(project.profile))
    if left_out:
        say(left_out)


@main.command()
@profile_option
def restore(profile: str) -> None:
    """Bring data/, the DVC cache and the vector index in line with the data branch.

    Contents are compared, not only sizes. What is whole in one place mends the others; what is
    whole nowhere is listed, and the rest is brought in line all the same. In a new clone the first
    call writes the pointers that `dvc fetch` goes by.

    \b
    Example (in a new clone, or after deleting data/):
      am-assets restore; dvc fetch; am-assets restore
    """
    from am_assets.core.profile import load_profile
    from am_assets.core.store import Store, find_root
    from am_assets.stages.embedding.neighbors import open_index, published_partitions

    store = Store(find_root(), load_profile(profile).name)
    snapshot = store.snapshot()
    refs, restored, lost = snapshot.refs(), 0, list[str]()
    for manifest in snapshot.manifests(refs).values():
        if problems := store.mend(manifest, thorough=True):
            store.point(manifest)
            lost += problems
        else:
            restored += store.restore(manifest, thorough=True)
    say(f"{len(refs)} artifacts published, {restored} brought in line")
    for problem in lost:
        say(problem)
    if lost:
        fail(
            f"{len(lost)} files are whole in no place of this clone: run `dvc fetch`, then this "
            "command again, or materialize their artifacts again"
        )
    partitions = published_partitions(snapshot)
    indexed = open_index(store.root, store.profile).restore(partitions)
    say(f"{len(partitions)} partitions in the vector index, {indexed} brought in line")


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
    from am_assets.diagnosis import diagnose
    from am_assets.project import Project

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
