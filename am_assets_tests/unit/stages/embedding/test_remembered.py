from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.memory import RowMemory
from am_assets.core.settings.prompts import Embedding
from am_assets.stages.embedding import remembered
from am_assets.stages.embedding.remembered import embed_texts, windows
from am_assets_tests.support.rows import WordCountEngine


class CountingEngine(WordCountEngine):
    """Counts the texts it embeds."""

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.embedded += texts
        return super().embed(texts)


TEXTS = [f"{n} pears and {n % 3} eggs" for n in range(20)]


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_WINDOW_TEXTS", 4)


@pytest.mark.usefixtures("small_windows")
def test_vectors_are_those_of_the_engine_in_order_and_mapped_from_the_file(tmp_path: Path):
    engine, seen = CountingEngine(), list[int]()
    vectors = embed_texts(
        iter(TEXTS), engine, RowMemory(), tmp_path / "v", seen.append, config=Embedding()
    )
    assert isinstance(vectors, np.memmap)
    assert vectors.dtype == np.float32
    assert (vectors == WordCountEngine().embed(TEXTS)).all()
    assert seen == [4, 8, 12, 16, 20]
    assert (tmp_path / "v").stat().st_size == 20 * 64 * 4


@pytest.mark.usefixtures("small_windows")
def test_equal_texts_are_embedded_once_near_and_far(tmp_path: Path):
    engine = CountingEngine()
    vectors = embed_texts(
        TEXTS + TEXTS[:1] * 3 + TEXTS, engine, RowMemory(), tmp_path / "v", config=Embedding()
    )
    assert engine.embedded == TEXTS
    assert (vectors[20:23] == vectors[0]).all()
    assert (vectors[23:] == vectors[:20]).all()


@pytest.mark.usefixtures("small_windows")
def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path):
    def ends_early() -> Iterator[str]:
        yield from TEXTS[:10]
        raise KeyboardInterrupt

    engine, path = CountingEngine(), tmp_path / "memory.sqlite"
    with pytest.raises(KeyboardInterrupt):
        embed_texts(ends_early(), engine, RowMemory(path), tmp_path / "v", config=Embedding())
    assert engine.embedded == TEXTS[:8]
    vectors = embed_texts(TEXTS, engine, RowMemory(path), tmp_path / "v", config=Embedding())
    assert engine.embedded == TEXTS
    assert (vectors == WordCountEngine().embed(TEXTS)).all()


def test_other_settings_are_other_vectors(tmp_path: Path):
    engine, memory = CountingEngine(), RowMemory()
    for config in (Embedding(), Embedding(stride=100), Embedding()):
        embed_texts(["a"], engine, memory, tmp_path / "v", config=config)
    assert engine.embedded == ["a", "a"]


def test_no_texts_are_an_empty_array(tmp_path: Path):
    vectors = embed_texts([], CountingEngine(), RowMemory(), tmp_path / "v", config=Embedding())
    assert vectors.shape == (0, 64)


def test_numbers_that_are_not_finite_are_an_error(tmp_path: Path):
    class Broken(WordCountEngine):
        def embed(self, texts: Sequence[str]) -> np.ndarray:
            return np.full((len(texts), 64), np.nan, dtype=np.float32)

    with pytest.raises(ValueError, match="not finite"):
        embed_texts(["a"], Broken(), RowMemory(), tmp_path / "v", config=Embedding())


@given(st.lists(st.integers(0, 3 << 20), max_size=30))
def test_windows_hold_every_item_in_order_and_stay_small(sizes: list[int]):
    found = list(windows(sizes, lambda size: size))
    assert [size for window in found for size in window] == sizes
    assert all(len(window) == 1 or sum(window) <= 2 << 20 for window in found)
