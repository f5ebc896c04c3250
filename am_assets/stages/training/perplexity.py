"""Perplexity of a sample's prompt and answer, scored once and remembered."""

import math
import struct
from collections.abc import Callable

from am_assets.core.identity import digest
from am_assets.core.memory import Entry, RowMemory
from am_assets.core.usage import Meter

KIND = "perplexity"
"""Kind of the row memory's entries that are perplexities: one float64."""

PerplexityOf = Callable[[str, str, str], float]
"""Perplexity of a sample, by its id, prompt and answer."""


def remembered_perplexity(
    score: Callable[[str, str], float], model: str, memory: RowMemory, meter: Meter
) -> PerplexityOf:
    """`score` of (prompt, answer) under the weights with digest `model`, worked out once a text.

    What it returns raises ValueError where the score is not a finite number.
    """

    def perplexity(sample_id: str, prompt: str, answer: str) -> float:
        key = digest(KIND, prompt, answer, model)
        if value := memory.get(KIND, [(key, sample_id)]).get(key):
            meter.found()
            return struct.unpack("<d", value)[0]
        found = score(prompt, answer)
        if not math.isfinite(found):
            raise ValueError(
                f"the perplexity of sample {sample_id} is not a finite number: compute "
                "models.reference in float32"
            )
        memory.put(KIND, [Entry(key, struct.pack("<d", found), sample_id)])
        meter.computed()
        return found

    return perplexity
