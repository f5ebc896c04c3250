"""The optional judge: is a prompt of the band below the threshold the same problem as an item?"""

import re
from collections.abc import Iterator

from am_assets.core.memory import RowMemory
from am_assets.core.requests import (
    Completion,
    GenerationEngine,
    GenerationRequest,
    Sampling,
    generation_request,
)
from am_assets.core.settings.decontamination import SameProblemJudge
from am_assets.core.usage import Meter
from am_assets.stages.decontamination.hits import Undecided
from am_assets.stages.decontamination.scan import Near
from am_assets.stages.generation import Wanted, ask, bounded

_PLACEHOLDER = re.compile(r"\{(prompt|item)\}")
_ANSWER = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)

Pair = tuple[str, str, Near]
"""Sample id, prompt, the item near it."""


class Judge:
    """Asks the instruct model greedily, and after an unreadable reply once more with sampling."""

    def __init__(
        self, engine: GenerationEngine, config: SameProblemJudge, memory: RowMemory, meter: Meter
    ) -> None:
        self._engine, self._config = engine, config
        self._memory, self._meter = memory, meter

    def __call__(self, pairs: Iterator[Pair]) -> dict[tuple[str, str], bool | Undecided]:
        """Whether each prompt and item are the same problem, by (sample id, item id).

        A request that fails, or whose replies cannot be read, leaves its prompt undecided.
        """
        said: dict[tuple[str, str], bool | Undecided] = {}
        unread: list[Pair] = []

        def answered(pair: Pair, request: GenerationRequest, completion: Completion) -> None:
            sample, _, near = pair
            item = {"benchmark": near.item.benchmark, "item_id": near.item.item_id}
            key, evidence = (sample, near.item.item_id), {**item, "similarity": near.similarity}
            answer = _ANSWER.match(completion.text)
            if completion.error is not None:
                error = bounded(completion.error)
                said[key] = Undecided("judge_failed", {**evidence, "error": error})
            elif answer is not None:
                said[key] = answer[1].casefold() == "yes"
            elif request.sample_index == 0:
                unread.append(pair)
            else:
                reply = bounded(completion.text)
                said[key] = Undecided("judge_unparseable", {**evidence, "reply": reply})

        ask(self._engine, self._memory, self._questions(pairs, 0), answered, self._meter)
        if unread:
            again = self._questions(iter(unread), 1)
            ask(self._engine, self._memory, again, answered, self._meter)
        return said

    def _questions(self, pairs: Iterator[Pair], sample_index: int) -> Iterator[Wanted[Pair]]:
        sampling = Sampling(
            temperature=0.6 if sample_index else 0.0,
            top_p=0.95 if sample_index else 1.0,
            max_tokens=self._config.max_tokens,
        )
        for pair in pairs:
            sample, prompt, near = pair
            fields = {"prompt": prompt, "item": near.item.prompt}
            # One pass, so that a placeholder inside a text stays text.
            text = _PLACEHOLDER.sub(lambda match, own=fields: own[match[1]], self._config.template)
            request = generation_request(
                self._engine, [{"role": "user", "content": text}], sampling, sample_index
            )
            yield Wanted(pair, sample, request)
