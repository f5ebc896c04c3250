"""Command line of the mini models' recipe: `python -m am_assets.mini.train --out DIR`."""

from pathlib import Path

import click
import torch

from am_assets.mini.training.recipes import MODEL_NAMES, ModelName, train_model


@click.command(epilog="Example: python -m am_assets.mini.train --model all --out models")
@click.option(
    "--model",
    "name",
    type=click.Choice([*MODEL_NAMES, "all"]),
    default="all",
    show_default=True,
    help="Which model to train. All but `base` start from the base model found in OUT/base.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder that receives one sub-folder a model, in the layout transformers and vLLM load.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="CPU threads. Another number, or another CPU type, gives slightly different weights.",
)
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Multiply the number of training steps; 0.02 tries the recipe out in about a minute.",
)
def main(name: str, out: Path, threads: int, scale: float) -> None:
    """Train the small models of the mini profile on generated problems.

    \b
    base      answers in plain text; what SFT starts from (from scratch)
    teacher   answers in think/answer blocks under the system prompt
    instruct  labels tasks and judges answers
    reward    rates answers: coherence, correctness, helpfulness (0 to 4 each)

    Seeds are fixed: the same code, thread count and CPU type give the same weights. All four take
    about an hour on two CPU cores.
    """
    torch.set_num_threads(threads)
    names: tuple[ModelName, ...] = tuple(each for each in MODEL_NAMES if name in (each, "all"))
    for each in names:
        try:
            folder = train_model(each, out, scale=scale)
        except FileNotFoundError as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"{each}: saved to {folder}")


if __name__ == "__main__":
    main()
