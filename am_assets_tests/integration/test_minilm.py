import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from am_assets.core.config import Embedding, Model
from am_assets.engines.embedding import (
    EmbeddingModelError,
    SentenceTransformerEngine,
    load_embedding_engine,
)

TEXTS = [f"Tom has {n} apples and {'eats some of them, ' * (n % 7)}how many?" for n in range(50)]
MODEL = Model(path="packaged-minilm", engine="sentence-transformers")


@pytest.fixture(scope="module")
def engine() -> SentenceTransformerEngine:
    return load_embedding_engine(MODEL, Embedding(batch=8), Path())


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_vectors_are_the_same_bits_in_any_order_and_company(engine: SentenceTransformerEngine):
    vectors = engine.embed(TEXTS)
    order = list(range(len(TEXTS)))
    random.Random(1).shuffle(order)
    assert (engine.embed([TEXTS[i] for i in order]) == vectors[order]).all()
    assert (np.vstack([engine.embed([text]) for text in TEXTS[:6]]) == vectors[:6]).all()


@pytest.mark.usefixtures("threads")
def test_vectors_are_the_same_bits_with_one_thread_or_two(engine: SentenceTransformerEngine):
    torch.set_num_threads(1)
    one = engine.embed(TEXTS[:16])
    torch.set_num_threads(2)
    assert (engine.embed(TEXTS[:16]) == one).all()


def test_a_long_text_is_embedded_whole(engine: SentenceTransformerEngine):
    long = " ".join(TEXTS)
    vectors = engine.embed([long, long + " Describe the French revolution.", ""])
    assert engine.pieces([long, "short"])[0] > 1
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert not (vectors[0] == vectors[1]).all()
    assert engine.embed([]).shape == (0, engine.dimension) == (0, 384)


def test_settings_the_model_cannot_take_are_an_error():
    with pytest.raises(EmbeddingModelError, match="takes up to 256 tokens"):
        load_embedding_engine(MODEL, Embedding(max_tokens=512), Path())


def test_an_unknown_path_without_a_revision_is_an_error(tmp_path: Path):
    model = Model(path="no/such", engine="sentence-transformers")
    with pytest.raises(EmbeddingModelError, match="is no folder and has no `revision`"):
        load_embedding_engine(model, Embedding(), tmp_path)
