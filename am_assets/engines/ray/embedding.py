"""Embedding by several models at once, each in an actor of Ray."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from am_assets.core.code.files import sources_digest
from am_assets.core.code.guard import check_same
from am_assets.core.requests import ModelIdentity
from am_assets.core.settings.models import Model
from am_assets.core.settings.prompts import Embedding
from am_assets.engines.embedding import (
    SentenceTransformerEngine,
    device_of,
    load_embedding_engine,
)
from am_assets.engines.ray.pool import RayPool, RayUnusable, reason

_TEXTS = 128
"""Texts an actor embeds at a time."""
_RETRIES = 3


class RayEmbeddingEngine:
    """An embedding model in several actors; implements `core.requests.WindowedEngine`.

    A vector does not depend on what shares its batch, so it is the same whichever actor gives it.
    The actors stay from one `embed` to the next, until another engine needs their room: texts come
    in windows, and a pipeline of Ray Data would load the models anew for each. Windows are counted
    by `local`, the same model in this process.
    """

    def __init__(
        self,
        pool: RayPool,
        model: Model,
        settings: Embedding,
        folder: Path,
        local: SentenceTransformerEngine,
    ) -> None:
        self._pool = pool
        self._arguments = (model, settings, folder)
        self._local = local
        actors = pool.actors("embedding")
        on_gpu = device_of(model) != "cpu"
        self._actors = actors if on_gpu else replace(actors, gpus=0)
        self._handles: list[Any] = []

    @property
    def model(self) -> ModelIdentity:
        return self._local.model

    @property
    def dimension(self) -> int:
        return self._local.dimension

    @property
    def gpus(self) -> float:
        return self._actors.gpus * self._actors.count

    def pieces(self, texts: Sequence[str]) -> list[int]:
        """How many windows each text is embedded in."""
        return self._local.pieces(texts)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit-length float32 vectors, shape (len(texts), dimension).

        An actor that dies is replaced and embeds its texts again. Raises RayUnusable where Ray
        cannot be used, or the actors die again and again.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        from ray.exceptions import RayError
        from ray.util import ActorPool

        self._pool.start(self._actors)
        if not self._handles:
            self._start()
        shares = [texts[start : start + _TEXTS] for start in range(0, len(texts), _TEXTS)]
        answers: Iterator[Any] = ActorPool(self._handles).map(
            lambda actor, share: actor.embed.remote(share), shares
        )
        try:
            return np.concatenate(list(answers))
        except RayError as error:
            self.close()
            raise RayUnusable(
                f"embedding in Ray's actors failed ({reason(error)}): run again"
            ) from error

    def close(self) -> None:
        """End the actors; a later `embed` starts them again."""
        self._pool.kill(self._handles)
        self._handles = []

    def _start(self) -> None:
        import ray

        self._pool.hold(self.close)
        actor: Any = ray.remote(
            num_cpus=self._actors.cpus,
            num_gpus=self._actors.gpus,
            max_restarts=-1,
            max_task_retries=_RETRIES,
        )(EmbeddingActor)
        self._handles = [
            actor.remote(sources_digest(), *self._arguments) for _ in range(self._actors.count)
        ]


class EmbeddingActor:
    """One embedding model in an actor."""

    def __init__(self, code: str, model: Model, settings: Embedding, folder: Path) -> None:
        check_same(code)
        self._engine = load_embedding_engine(model, settings, folder)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """See `SentenceTransformerEngine.embed`."""
        return self._engine.embed(texts)
