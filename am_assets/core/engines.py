"""The engines a run may use: what a stage asks of the models of a profile and of the sandbox."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from am_assets.core.requests import GenerationEngine, RewardEngine, WindowedEngine

Progress = Callable[[str], None]
"""Takes one line that says how far the work is."""


class Engines(Protocol):
    """The models of a profile and the sandbox, made on first use."""

    log: Progress

    def digest(self, use: str) -> str | None:
        """What the results of one use of a model follow from, None where the profile has no model.

        A use is a role, for what its model answers, rates or embeds, or `role:tokens` (counts of
        tokens), `role:training` (a model trained from it), `role:serving` (how checkpoints of it
        are served, without its weights).
        """
        ...

    def folder(self, role: str) -> Path | None:
        """Folder with the weights a role names, None where the profile has none."""
        ...

    def embedding(self) -> WindowedEngine: ...

    def perplexity(self) -> "Callable[[str, str], float]":
        """Perplexity of (prompt, answer) under the reference model."""
        ...

    def generation(self, role: str) -> GenerationEngine | None: ...

    def checkpoint(self, folder: Path, digest: str) -> GenerationEngine: ...

    def reward(self) -> RewardEngine | None: ...

    def rules(self) -> Any:
        """What runs the rules of verification elsewhere, None where they run in this process."""
        ...

    def sandbox(self) -> Any:
        """The code runner, or None where the kernel offers no isolation."""
        ...
