"""The reward model's and the perplexity model's engines, on random weights."""

import math
from pathlib import Path

import numpy as np
import pytest

from am_assets.engines.perplexity import Perplexity
from am_assets.engines.reward import RewardModel
from am_assets_tests.support import tiny_models


@pytest.fixture(scope="module")
def rewarder(tmp_path_factory: pytest.TempPathFactory) -> RewardModel:
    return RewardModel(tiny_models.reward(tmp_path_factory.mktemp("reward")), "reward")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.causal(tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def perplexity(reference: Path) -> Perplexity:
    return Perplexity(reference, "reference")


def _conversation(index: int) -> list[dict[str, str]]:
    answer = {"role": "assistant", "content": f"answer {index} " * (index % 7)}
    return [{"role": "user", "content": f"question {index}"}, answer]


def test_a_rating_does_not_depend_on_its_neighbors(rewarder: RewardModel):
    conversations = [_conversation(index) for index in range(20)]
    ratings = rewarder.rate(conversations)
    assert ratings.shape == (20, 3)
    assert ratings.dtype == np.float32
    assert np.array_equal(rewarder.rate(conversations[::-1])[::-1], ratings)
    assert np.array_equal(rewarder.rate(conversations[4:5])[0], ratings[4])


def test_dimensions_are_named_by_the_model(rewarder: RewardModel):
    assert rewarder.dimensions == ("coherence", "correctness", "helpfulness")


def test_ratings_stay_between_0_and_4(rewarder: RewardModel):
    ratings = rewarder.rate([_conversation(index) for index in range(20)])
    assert ratings.min() >= 0
    assert ratings.max() <= 4


def test_nothing_to_rate_gives_no_ratings(rewarder: RewardModel):
    assert rewarder.rate([]).shape == (0, 3)


def test_a_conversation_longer_than_the_model_is_still_rated(rewarder: RewardModel):
    turns = [{"role": "user", "content": "x" * 3000}, {"role": "assistant", "content": "y"}]
    assert np.isfinite(rewarder.rate([turns])).all()


def test_perplexity_is_that_of_the_mean_token(perplexity: Perplexity, reference: Path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    score = perplexity.score("a prompt", "an answer")
    tokenizer = AutoTokenizer.from_pretrained(str(reference))
    model = AutoModelForCausalLM.from_pretrained(str(reference), dtype=torch.float32).eval()
    ids = torch.tensor([tokenizer("a prompt\nan answer")["input_ids"]])
    with torch.no_grad():
        assert score == pytest.approx(math.exp(float(model(ids, labels=ids).loss)), rel=1e-4)
    assert perplexity.score("a prompt", "an answer") == score


def test_text_without_a_predicted_token_has_perplexity_one(perplexity: Perplexity):
    assert perplexity.score("", "") == 1.0
