"""The embedding model for commands on people's own files, outside any project.

with open_embedding(profile, cache) as opened:
    vectors = embed_texts(
        texts, opened.engine, opened.memory, scratch / "vectors", progress, config=opened.config
    )
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from am_assets.core.memory import RowMemory
from am_assets.core.profile import load_profile
from am_assets.core.requests import WindowedEngine
from am_assets.core.settings.models import Model
from am_assets.core.settings.prompts import Embedding

cache_option = click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that remembers vectors; default: am_assets in the user's cache folder.",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    help="Precision of the embedding model; default: the profile's, or float32. On a CPU with "
    "bfloat16 instructions bfloat16 is twice as fast, on others slower; similarities move by up "
    "to 0.005.",
)


@dataclass(frozen=True)
class OpenEmbedding:
    """An embedding model, the settings it embeds by, and the memory of its vectors.

    The memory is the user's own file, shared by all standalone commands; a project's is not
    touched.
    """

    engine: WindowedEngine
    config: Embedding
    memory: RowMemory


@contextmanager
def open_embedding(
    profile: str | None,
    cache: Path | None,
    precision: str | None = None,
    *,
    needs_thresholds: bool = True,
) -> Iterator[OpenEmbedding]:
    """The embedding model of a profile (a name or a file), by default the packaged MiniLM.

    Raises ProfileError and EmbeddingModelError.
    """
    # Importing torch takes seconds.
    from am_assets.engines.embedding import PACKAGED, load_embedding_engine

    if profile is None:
        model, config = Model(path=PACKAGED, engine="sentence-transformers"), Embedding()
        folder = Path.cwd()
    else:
        loaded = load_profile(profile, needs_thresholds=needs_thresholds)
        model, config, folder = loaded.models.embedding, loaded.embedding, loaded.folder
    if precision is not None:
        model = model.model_copy(update={"dtype": precision})
    engine = load_embedding_engine(model, config, folder)
    memory = RowMemory((cache or cache_folder()) / "vectors.sqlite")
    memory.say = lambda line: click.echo(line, err=True)
    try:
        yield OpenEmbedding(engine, config, memory)
    finally:
        memory.close()


def cache_folder() -> Path:
    """`am_assets` in the folder that the XDG convention names for caches."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "am_assets"
