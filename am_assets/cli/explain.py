"""`am-assets explain`: a sample's story, from what was published."""

import json

import click

from am_assets.cli.group import json_option, main, profile_option, say


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
    from am_assets.defs.project import ARTIFACTS
    from am_assets.lineage.explain import explain as life_of

    snapshot = Store(find_root(), load_profile(profile).name).snapshot()
    rows = life_of(snapshot, sample_id, ARTIFACTS)
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        head = f"{row.pop('artifact')} (root {row.pop('root')})"
        say(head)
        for name, value in row.items():
            say(f"    {name}: {json.dumps(value, ensure_ascii=False)}")
