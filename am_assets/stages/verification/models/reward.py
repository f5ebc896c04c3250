"""Chat and the rest: a reward model's ratings, sum / (4 x dimensions) [DD eq. 4]."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from am_assets.core.identity import digest
from am_assets.core.memory import Entry, RowMemory
from am_assets.core.requests import Message, RewardEngine
from am_assets.core.settings.verification import ChatConfig, FromDistribution
from am_assets.stages.verification.outcome import Decided, Outcome, Verifier

VERSION = "reward-1"
KIND = "rating"
"""Kind of the row memory's entries that are ratings: float32, one for each dimension."""

_TOP = 4.0
_FLOAT = np.dtype("<f4")
_BATCH = 16
"""Conversations rated, and remembered, together."""


class Answer(NamedTuple):
    """What is to be rated, and who owns the rating."""

    prompt: str
    text: str
    owner: str


class RewardJudge:
    """Rates answers to prompts; raises ValueError when the model lacks a dimension."""

    def __init__(self, engine: RewardEngine, config: ChatConfig, memory: RowMemory) -> None:
        missing = [name for name in config.dimensions if name not in engine.dimensions]
        if missing:
            raise ValueError(
                f"reward model {engine.model.name} does not rate {', '.join(missing)}; it rates "
                f"{', '.join(engine.dimensions)}: set chat.dimensions accordingly"
            )
        self._engine, self._config, self._memory = engine, config, memory
        self._columns = [engine.dimensions.index(name) for name in config.dimensions]
        identity = digest(VERSION, engine.model.digest, list(config.dimensions))
        self.verifier = Verifier("reward", f"{VERSION}+{identity[:12]}")

    def rate(self, answers: Sequence[Answer]) -> list[Decided[Outcome]]:
        """One outcome an answer, in their order; each is rated once, and its rating remembered."""
        keys = [self._key(answer) for answer in answers]
        owned = [(key, answer.owner) for key, answer in zip(keys, answers, strict=True)]
        values = self._memory.get(KIND, owned)
        missing = {
            key: answer for key, answer in zip(keys, answers, strict=True) if key not in values
        }
        owners: defaultdict[str, list[str]] = defaultdict(list)
        for key, owner in dict.fromkeys(owned):
            owners[key].append(owner)
        fresh: dict[str, Outcome] = {}
        stream = iter(missing.items())
        while batch := list(islice(stream, _BATCH)):
            ratings = self._engine.rate([_conversation(answer) for _, answer in batch])
            if ratings.shape != (len(batch), len(self._engine.dimensions)):
                failed = self.verifier.error("reward_failed", shape=list(ratings.shape))
                fresh.update((key, failed) for key, _ in batch)
                continue
            rows = {key: row for (key, _), row in zip(batch, ratings, strict=True)}
            self._remember(rows, owners)
            fresh.update((key, self._outcome(row)) for key, row in rows.items())
        return [
            Decided(fresh[key], reused=False)
            if key in fresh
            else Decided(self._outcome(np.frombuffer(values[key], dtype=_FLOAT)), reused=True)
            for key in keys
        ]

    def _key(self, answer: Answer) -> str:
        model = self._engine.model
        return digest(
            KIND,
            _conversation(answer),
            model.digest,
            model.dtype,
            self._engine.max_tokens,
            model.engine_version,
        )

    def _remember(
        self, rows: Mapping[str, np.ndarray], owners: Mapping[str, Sequence[str]]
    ) -> None:
        self._memory.put(
            KIND,
            [
                Entry(key, row.astype(_FLOAT).tobytes(), owner)
                for key, row in rows.items()
                # A rating that is no number is our side's error, and is asked again.
                if np.isfinite(row).all()
                for owner in owners[key]
            ],
        )

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
        threshold = self._config.threshold
        evidence: dict[str, Any] = {"ratings": ratings}
        if isinstance(threshold, FromDistribution):
            # Where it lies, the weekly dataset will say.
            evidence["keep_top"] = threshold.keep_top
            threshold = threshold.at_least
        evidence["threshold"] = threshold
        if score > threshold:
            return self.verifier.passed(score, **evidence)
        return self.verifier.failed("low_reward", score, **evidence)


def _conversation(answer: Answer) -> list[Message]:
    return [
        {"role": "user", "content": answer.prompt},
        {"role": "assistant", "content": answer.text},
    ]
