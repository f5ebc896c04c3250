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

    def digest(self, role: str) -> str | None:
        """Digest and precision of the weights a role names, None where the profile has none."""
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
