"""The engines of one profile, made on first use and kept for the process.

An engine is known by its role in the profile (teacher, instruct, base, reward, embedding), or by a
checkpoint's digest. Causal engines hold a key-value cache each, so that only the last few stay
open; a closed one starts again when it is asked.
"""

import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from am_assets.core.engines import Progress
from am_assets.core.model_name import model_name
from am_assets.core.profile import Profile
from am_assets.core.requests import GenerationEngine, RewardEngine, WindowedEngine
from am_assets.core.runner import IsolationMissing
from am_assets.core.settings.models import Model
from am_assets.engines import uses
from am_assets.engines.embedding import (
    SentenceTransformerEngine,
    embedding_folder,
    load_embedding_engine,
)
from am_assets.engines.models import ModelMissing, locate_model
from am_assets.engines.openai.engine import OpenAIEngine, weights_folder
from am_assets.engines.perplexity import Perplexity
from am_assets.engines.ray.embedding import RayEmbeddingEngine
from am_assets.engines.ray.engine import RayEngine
from am_assets.engines.ray.pool import RayPool
from am_assets.engines.ray.rules import RayRules
from am_assets.engines.reward import RewardModel
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.engines.vllm import VllmEngine

_USES = {
    "teacher": uses.answers,
    "instruct": uses.answers,
    "base": uses.answers,
    "reward": uses.ratings,
    "reference": uses.perplexities,
    "serving": uses.serving,
    "tokens": uses.tokens,
    "training": uses.training,
}
_OPEN_ON_CPU = 4
_OPEN_ON_GPU = 1
"""A causal engine takes most of a GPU's memory for its key-value cache."""


class ProfileEngines:
    """Engines by role; implements `core.engines.Engines`."""

    def __init__(self, profile: Profile, log: Progress = print) -> None:
        self._profile = profile
        self.log = log
        self._causal: OrderedDict[str, GenerationEngine] = OrderedDict()
        self._folders: list[Path] = []

    def digest(self, use: str) -> str | None:
        """What the results of one use of a model follow from; see `core.engines.Engines`."""
        role, _, way = use.partition(":")
        if role == "embedding":
            return uses.vectors(self._profile.models.embedding, self._embedding_folder)
        model = self._model(role)
        return None if model is None else _USES[way or role](model, role)

    def folder(self, role: str) -> Path | None:
        """Folder with the weights of a role, None where the profile has none."""
        model = self._model(role)
        if model is None:
            return None
        served = weights_folder(model, role) if model.engine == "openai" else None
        return served or locate_model(model, role)

    @cached_property
    def _embedding_folder(self) -> Path:
        return embedding_folder(self._profile.models.embedding, self._home)

    @property
    def _home(self) -> Path:
        return self._profile.folder

    @cached_property
    def _embedding(self) -> SentenceTransformerEngine:
        _no_bars()
        return load_embedding_engine(
            self._profile.models.embedding, self._profile.embedding, self._home
        )

    @cached_property
    def _ray_embedding(self) -> RayEmbeddingEngine:
        profile = self._profile
        return RayEmbeddingEngine(
            self._ray, profile.models.embedding, profile.embedding, self._home, self._embedding
        )

    def embedding(self) -> WindowedEngine:
        """The embedding model."""
        return self._ray_embedding if self._on_ray("embedding") else self._embedding

    @cached_property
    def _ray(self) -> RayPool:
        assert self._profile.ray is not None
        return RayPool(self._profile.ray)

    def _on_ray(self, role: str) -> bool:
        return self._profile.ray is not None and role in self._profile.ray.actors

    def _shared_folder(self) -> Path | None:
        """Where actors see what is put there; None is the usual temporary folder."""
        folder = self._profile.ray.scratch if self._on_ray("base") and self._profile.ray else None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def generation(self, role: str) -> GenerationEngine | None:
        """The causal model of a role, None where the profile has none."""
        model = self._model(role)
        if model is None:
            return None
        if role not in self._causal:
            self._causal[role] = self._start(role, model, None)
        return self._keep(role)

    def checkpoint(self, folder: Path, digest: str) -> GenerationEngine:
        """A trained checkpoint, served by the engine and settings of the base model.

        `folder` is copied: it may go away while the engine lives.
        """
        if digest not in self._causal:
            base = self._profile.models.base
            if base is None:
                raise ValueError("a checkpoint needs models.base in the profile")
            copy = Path(tempfile.mkdtemp(prefix="am-checkpoint-", dir=self._shared_folder()))
            self._folders.append(copy)
            shutil.copytree(folder, copy, dirs_exist_ok=True)
            self._causal[digest] = self._start("checkpoint", base, copy)
        return self._keep(digest)

    @cached_property
    def _reward(self) -> RewardEngine | None:
        model = self._model("reward")
        if model is None:
            return None
        _no_bars()
        return RewardModel(
            locate_model(model, "reward"),
            model_name(model),
            dtype=model.dtype,
            max_tokens=model.max_model_len,
            options=model.options,
            template_date=model.template_date,
        )

    def reward(self) -> RewardEngine | None:
        """The reward model, None where the profile has none."""
        return self._reward

    def perplexity(self) -> Callable[[str, str], float]:
        """Perplexity of (prompt, answer) under models.reference."""
        model = self._model("reference")
        if model is None:
            raise ModelMissing(
                "sft.perplexity_limit needs a model to score with: set models.reference in the "
                "profile"
            )
        folder = locate_model(model, "reference")
        _no_bars()
        return Perplexity(
            folder, "reference", dtype=model.dtype, max_tokens=model.max_model_len
        ).score

    @cached_property
    def _sandbox(self) -> Sandbox | None:
        try:
            return Sandbox().start()
        except IsolationMissing as problem:
            self.log(f"Code stays unverified here: {problem}")
            return None

    def sandbox(self) -> Sandbox | None:
        """The sandbox for model-written code, None (and a line that says why) without isolation."""
        return self._sandbox

    @cached_property
    def _ray_rules(self) -> RayRules:
        return RayRules(self._ray)

    def rules(self) -> RayRules | None:
        """What runs the rules of verification elsewhere; None is here, with the sandbox."""
        return self._ray_rules if self._on_ray("verification") else None

    def close(self) -> None:
        """Free what was started."""
        for engine in self._causal.values():
            if isinstance(engine, VllmEngine):
                engine.close()
        self._causal.clear()
        if self.__dict__.get("_sandbox"):
            self.__dict__.pop("_sandbox").close()
        if "_ray" in self.__dict__:
            self._ray.close()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _model(self, role: str) -> Model | None:
        return getattr(self._profile.models, role)

    def _keep(self, name: str) -> GenerationEngine:
        """Mark an engine as the last used, and close the one unused longest beyond the limit."""
        # An engine is open, so that this costs nothing more.
        import torch

        self._causal.move_to_end(name)
        while len(self._causal) > (_OPEN_ON_GPU if torch.cuda.is_available() else _OPEN_ON_CPU):
            _, oldest = self._causal.popitem(last=False)
            if isinstance(oldest, VllmEngine):
                oldest.close()
        return self._causal[name]

    def _start(self, role: str, model: Model, folder: Path | None) -> GenerationEngine:
        _no_bars()
        name = role if folder else model_name(model)
        if model.engine == "openai":
            return OpenAIEngine(model, role, folder)
        settings: dict[str, Any] = {
            "folder": folder or locate_model(model, role),
            "name": name,
            "dtype": model.dtype,
            "max_model_len": model.max_model_len,
            "options": model.options,
            "template_date": model.template_date,
        }
        served = "base" if role == "checkpoint" else role
        if self._on_ray(served):
            return RayEngine(self._ray, served, **settings)
        return VllmEngine(**settings)


def _no_bars() -> None:
    """One line a stage says more than a bar a file. Importing this library takes seconds."""
    from transformers.utils import logging

    logging.disable_progress_bar()
