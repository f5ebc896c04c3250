"""Chat and the rest: a reward model's ratings, sum / (4 x dimensions) [DD eq. 4]."""

import math
from collections.abc import Sequence

import numpy as np

from am_assets.core.identity import digest
from am_assets.core.requests import RewardEngine
from am_assets.stages.verification.config import ChatConfig
from am_assets.stages.verification.outcome import Outcome, Verifier

VERSION = "reward-1"
_TOP = 4.0


class RewardJudge:
    """Rates prompt and answer pairs; raises ValueError when the model lacks a dimension."""

    def __init__(self, engine: RewardEngine, config: ChatConfig) -> None:
        missing = [name for name in config.dimensions if name not in engine.dimensions]
        if missing:
            raise ValueError(
                f"reward model {engine.model.name} does not rate {', '.join(missing)}; it rates "
                f"{', '.join(engine.dimensions)}: set chat.dimensions accordingly"
            )
        self._engine, self._config = engine, config
        self._columns = [engine.dimensions.index(name) for name in config.dimensions]
        identity = digest(VERSION, engine.model.digest, list(config.dimensions))
        self.verifier = Verifier("reward", f"{VERSION}+{identity[:12]}")

    def rate(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        """One outcome for each (prompt, answer), in their order."""
        if not pairs:
            return []
        conversations = [
            [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
            for prompt, answer in pairs
        ]
        ratings = self._engine.rate(conversations)
        if ratings.shape != (len(pairs), len(self._engine.dimensions)):
            return [self.verifier.error("reward_failed", shape=list(ratings.shape)) for _ in pairs]
        return [self._outcome(row) for row in ratings]

    def _outcome(self, row: np.ndarray) -> Outcome:
        chosen = [float(row[column]) for column in self._columns]
        if not all(math.isfinite(value) for value in chosen):
            return self.verifier.error("reward_failed", detail="a rating is not a finite number")
        # Six digits: the last bits of a float32 sum are nobody's judgement.
        ratings = {
            name: round(min(max(value, 0.0), _TOP), 6)
            for name, value in zip(self._config.dimensions, chosen, strict=True)
        }
        score = round(math.fsum(ratings.values()) / (_TOP * len(ratings)), 6)
        if score > self._config.threshold:
            return self.verifier.passed(score, ratings=ratings)
        return self.verifier.failed("low_reward", score, ratings=ratings)
