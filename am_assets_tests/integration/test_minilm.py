import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sentence_transformers
import torch

from am_assets.core.settings.models import Model
from am_assets.core.settings.prompts import Embedding
from am_assets.engines.embedding import (
    EmbeddingModelError,
    SentenceTransformerEngine,
    embedding_folder,
    load_embedding_engine,
)
from am_assets.stages.embedding.remembered import embed_texts
from am_assets.standalone.embedding import open_embedding
from am_assets_tests.conftest import write_tiny

TEXTS = [f"Tom has {n} apples and {'eats some of them, ' * (n % 7)}how many?" for n in range(50)]
MODEL = Model(path="packaged-minilm", engine="sentence-transformers")


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def engine(request: pytest.FixtureRequest) -> SentenceTransformerEngine:
    model = MODEL.model_copy(update={"dtype": request.param})
    return load_embedding_engine(model, Embedding(batch=8), Path())


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


ODD = {
    "empty": "",
    "white space": " \n\t\u2003",
    "NUL": "\x00\x00",
    "unknown tokens": "\U00013000\U00013001 \ue000",
    "half a surrogate pair": "two \ud83d pears",
    "one long word": "a" * 100_000,
    "long words": ("b" * 120 + " pear ") * 800,
    "many characters of one token each": "\u68a8" * 1_000,
    "special tokens by name": "[CLS] [SEP] [PAD] [MASK]",
}


def test_any_text_has_a_unit_vector_that_does_not_depend_on_its_company(
    engine: SentenceTransformerEngine,
):
    texts = list(ODD.values())
    vectors = engine.embed(texts)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(ODD)), abs=1e-6)
    for name in ("empty", "half a surrogate pair", "special tokens by name"):
        index = list(ODD).index(name)
        assert (engine.embed([ODD[name]])[0] == vectors[index]).all()
    same = [name for name in ODD if (vectors[list(ODD).index(name)] == vectors[0]).all()]
    assert same == ["empty", "white space", "NUL"]


def test_half_a_surrogate_pair_counts_as_the_sign_for_no_character(
    engine: SentenceTransformerEngine,
):
    vectors = engine.embed(["two \ud83d pears", "two \ufffd pears"])
    assert (vectors[0] == vectors[1]).all()


def test_pieces_count_the_windows_that_cover_a_text(engine: SentenceTransformerEngine):
    # One word more than the window's 254, then one step of 192 more.
    for words, windows in ((254, 1), (255, 2), (254 + 192, 2), (254 + 193, 3)):
        assert engine.pieces(["egg " * words]) == [windows]
    assert engine.pieces(["a" * 253, "\u68a8" * 253, "\u68a8" * 255, ""]) == [1, 1, 2, 1]
    assert engine.pieces([]) == []


def test_a_long_text_is_the_mean_of_its_windows(engine: SentenceTransformerEngine):
    words = [f"{TEXTS[n % 50].split()[n % 3]}" for n in range(254 + 192)]
    first, second = " ".join(words[:254]), " ".join(words[-254:])
    assert engine.pieces([first, second, " ".join(words)]) == [1, 1, 2]
    whole, *windows = engine.embed([" ".join(words), first, second])
    mean = np.mean(windows, axis=0)
    assert whole == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_bfloat16_stays_within_its_tolerance():
    texts = [*TEXTS, " ".join(TEXTS), "What is $\\int_0^1 x^2 dx$?", "\u4e00\u5171\u591a\u5c11"]
    exact, fast = (
        load_embedding_engine(MODEL.model_copy(update={"dtype": dtype}), Embedding(), Path())
        for dtype in ("float32", "bfloat16")
    )
    assert (exact.embed(texts) * fast.embed(texts)).sum(axis=1).min() > 0.999
    assert exact.model.digest == fast.model.digest
    assert (exact.model.dtype, fast.model.dtype) == ("float32", "bfloat16")


def test_float32_is_what_sentence_transformers_gives():
    engine = load_embedding_engine(MODEL, Embedding(), Path())
    plain = sentence_transformers.SentenceTransformer(
        str(embedding_folder(MODEL, Path())), device="cpu"
    )
    expected = plain.encode(TEXTS, normalize_embeddings=True)
    assert engine.embed(TEXTS) == pytest.approx(expected, abs=1e-5)


def test_embedding_leaves_torchs_threads_as_they_were(engine: SentenceTransformerEngine):
    before = torch.get_num_threads()
    engine.embed(TEXTS)
    later = ThreadPoolExecutor(1).submit(torch.get_num_threads).result()
    assert torch.get_num_threads() == later == before


def test_the_standalone_model_remembers_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for remembered in (0, 1):
        with open_embedding(None, None) as opened:
            assert opened.memory.counts().get("embedding", (0, 0))[0] == remembered
            vectors = embed_texts(
                ["a pear"], opened.engine, opened.memory, tmp_path / "v", config=opened.config
            )
            assert vectors.shape == (1, 384)
    assert [path.name for path in (tmp_path / "am_assets").iterdir()] == ["vectors.sqlite"]
    write_tiny(tmp_path, embedding={"batch": 4})
    with open_embedding("tiny.yaml", tmp_path / "elsewhere", "bfloat16") as opened:
        assert opened.config == Embedding(batch=4)
        assert opened.engine.model.dtype == "bfloat16"
        assert opened.memory.counts() == {}
    assert (tmp_path / "elsewhere" / "vectors.sqlite").is_file()


def test_settings_the_model_cannot_take_are_an_error():
    with pytest.raises(EmbeddingModelError, match="takes up to 256 tokens"):
        load_embedding_engine(MODEL, Embedding(max_tokens=512), Path())


def test_an_unknown_path_without_a_revision_is_an_error(tmp_path: Path):
    model = Model(path="no/such", engine="sentence-transformers")
    with pytest.raises(EmbeddingModelError, match="is no folder and has no `revision`"):
        load_embedding_engine(model, Embedding(), tmp_path)
