"""The group of all commands, their common options, and how they speak and fail."""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

# Without a terminal rich would cut tables at 80 columns.
OUT = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


class _Group(click.Group):
    """Turns errors that name their remedy into one sentence on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (ValueError, RuntimeError, OSError) as error:
            if os.environ.get("AM_ASSETS_TRACEBACK"):
                raise
            fail(" ".join(str(error).split()) or error.__class__.__name__)


def fail(message: str) -> NoReturn:
    click.echo(f"am-assets: {message}", err=True)
    sys.exit(1)


profile_option = click.option(
    "--profile", "-p", default="mini", show_default=True, help="mini, files, full or a YAML file."
)
folder_option = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that the profile's file globs start from.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Rebuild a distilled reasoning dataset, with the lineage of every sample on record.

    Start with `am-assets demo`, then open the Dagster UI with `make ui`.
    """
    # Loopback and local files only, unless the profile names a hub; no library phones home.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Remarks of torch's C++ side (memory policy and the like) are for its developers.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


def say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
