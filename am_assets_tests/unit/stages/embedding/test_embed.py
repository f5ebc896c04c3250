from collections.abc import Sequence
from typing import Any

import pytest

from am_assets.core.memory import RowMemory
from am_assets.core.schema import PROMPTS
from am_assets.core.settings.prompts import Embedding
from am_assets.core.usage import Meter
from am_assets.stages.embedding import remembered
from am_assets.stages.embedding.embed import embed_prompts
from am_assets_tests.support.rows import WordCountEngine, prompt_row


class WindowEngine(WordCountEngine):
    """Embeds ten words a window."""

    def pieces(self, texts: Sequence[str]) -> list[int]:
        return [1 + len(text.split()) // 10 for text in texts]


def prompts(count: int):
    rows = [prompt_row(f"s{n}", f"{n} pears " * (1 + 9 * (n % 2))) for n in range(count)]
    return PROMPTS.table([*rows, prompt_row("dropped", "no", decision="dropped")])


def embed(parts, memory: RowMemory, written: list[Any]):
    meter = Meter("embedding")
    counts = embed_prompts(parts, WindowEngine(), memory, Embedding(), written.append, meter)
    return counts, meter


def test_prompts_are_counted_by_their_windows_and_keep_their_number(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(remembered, "_WINDOW_TEXTS", 4)
    written: list[dict[str, Any]] = []
    counts, meter = embed([prompts(10), prompts(0)], RowMemory(), written)
    assert counts == {1: 5, 3: 5}
    assert [row["sample_id"] for row in written] == [f"s{n}" for n in range(10)]
    assert [row["pieces"] for row in written] == [1, 3] * 5
    assert (meter.made, meter.reused) == (10, 0)


def test_what_is_remembered_is_not_embedded_and_forgotten_with_its_sample():
    memory, first, second = RowMemory(), [], []
    embed([prompts(6)], memory, first)
    _, meter = embed([prompts(6)], memory, second)
    assert (meter.made, meter.reused) == (0, 6)
    assert all((a["vector"] == b["vector"]).all() for a, b in zip(first, second, strict=True))
    assert memory.erase(["s3"]) == 1
    _, meter = embed([prompts(6)], memory, [])
    assert (meter.made, meter.reused) == (1, 5)
