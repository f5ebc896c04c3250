"""`am-assets check`: the verifier on a file of its own."""

import dataclasses
from pathlib import Path

import click

from am_assets.cli.group import fail, main, say


@main.command()
@click.argument("in_path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", "out_path", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--profile", "-p", help="Profile whose judge, reward model and settings to use; default: none."
)
def check(in_path: Path, out_path: Path, profile: str | None) -> None:
    """Verify the responses in a JSONL file; one verdict a line, in the order of the rows.

    A row is {"id", "kind", "prompt", "response", "reference_answer"?, "test_case"?,
    "constraints"?}. Without a profile there is no judge and no reward model: what needs one gets
    the status `error` with the reason judge_missing or reward_missing.

    \b
    Example:
      am-assets check answers.jsonl --out verdicts.jsonl
    """
    from tqdm import tqdm

    from am_assets.core.profile import load_profile
    from am_assets.engines.profile_engines import ProfileEngines
    from am_assets.engines.sandbox.sandbox import Sandbox
    from am_assets.stages.verification import IsolationMissing, Verification, Verifiers
    from am_assets.standalone.check import check_jsonl

    sandbox = Sandbox()
    verifiers, config, engines = Verifiers(), Verification(), None
    if profile is not None:
        loaded = load_profile(profile)
        engines = ProfileEngines(loaded, say)
        config = loaded.verification
        verifiers = Verifiers(judge=engines.generation("instruct"), reward=engines.reward())
    try:
        verifiers = dataclasses.replace(verifiers, sandbox=sandbox.start())
    except IsolationMissing as problem:
        click.echo(f"am-assets: code stays unverified: {problem}", err=True)
    with tqdm(unit=" rows", disable=None) as bar:

        def progress(done: int) -> None:
            bar.update(done - bar.n)

        report = check_jsonl(in_path, out_path, verifiers, config, progress)
    sandbox.close()
    if engines is not None:
        engines.close()
    counts = ", ".join(f"{status} {rows}" for status, rows in sorted(report.by_status.items()))
    say(f"{report.rows} verdicts in {out_path}: {counts or 'none'}")
    if accuracy := report.instructions.as_dict():
        rates = ", ".join(f"{k.replace('_', ' ')} {v:.1%}" for k, v in accuracy.items() if "_" in k)
        say(f"instruction following over {accuracy['prompts']:.0f} prompts: {rates}")
    for line, problem in report.malformed:
        click.echo(f"am-assets: {in_path}, line {line}: {problem}", err=True)
    if report.malformed_rows:
        fail(f"{report.malformed_rows} lines of {in_path} are no checks; the rest is done")
