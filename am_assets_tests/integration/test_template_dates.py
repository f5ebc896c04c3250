"""A chat template that prints today's date, in every engine that renders it: the profile's day."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from am_assets.core.chat_templates import pinned
from am_assets.core.requests import Sampling, generation_request
from am_assets.core.schema import SFT
from am_assets.core.settings.models import Model
from am_assets.core.settings.training import Recipe
from am_assets.engines.chat_tokenizer import ChatTokenizer
from am_assets.engines.openai import endpoint
from am_assets.engines.openai.endpoint import EndpointOptions
from am_assets.engines.openai.engine import OpenAIEngine
from am_assets.engines.ray.engine import RayEngine
from am_assets.engines.ray.pool import Actors
from am_assets.engines.reward import RewardModel
from am_assets.engines.vllm import VllmEngine
from am_assets.stages.training.train import checkpoint_root, train
from am_assets_tests.support import tiny_models

TURNS = [{"role": "user", "content": "What is new?"}]
DAY, OTHER = date(2025, 1, 6), date(2025, 2, 7)
CLOCK = '<|im_start|>system\nToday is {{ strftime_now("%d %B %Y") }}<|im_end|>\n'


def _dated(folder: Path) -> Path:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = CLOCK + tiny_models.CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _dated(tiny_models.causal(tmp_path_factory.mktemp("dated")))


def _endpoint(folder: Path, server: str) -> Model:
    options = {"base_url": "http://127.0.0.1:1/v1", "server": server, "weights": str(folder)}
    return Model(path="served", engine="openai", options=options, template_date=DAY)


class _Pool:
    """Names actors without starting any."""

    def actors(self, role: str) -> Actors:
        return Actors(1, 1, 0)


def test_every_engine_renders_the_profiles_day_and_asks_by_one_key(folder: Path):
    pool: Any = _Pool()
    engines = [
        VllmEngine(folder, "one", template_date=DAY),
        RayEngine(pool, "teacher", folder, "one", template_date=DAY),
        OpenAIEngine(_endpoint(folder, "vllm"), "teacher"),
    ]
    rendered = {engine.render(TURNS) for engine in engines}
    (text,) = rendered
    assert text.startswith("<|im_start|>system\nToday is 06 January 2025<|im_end|>\n")
    keys = {generation_request(engine, TURNS, Sampling()).request_key for engine in engines}
    assert len(keys) == 1
    other = VllmEngine(folder, "one", template_date=OTHER)
    assert generation_request(other, TURNS, Sampling()).request_key not in keys


def test_a_server_that_cannot_be_told_the_day_is_an_error(folder: Path):
    with pytest.raises(ValueError, match="trust-request-chat-template"):
        OpenAIEngine(_endpoint(folder, "openai"), "teacher")
    plain = _endpoint(folder, "openai").model_copy(update={"options": {"base_url": "http://x/v1"}})
    assert "Today" not in OpenAIEngine(plain, "teacher").render(TURNS)


def test_a_vllm_server_is_sent_the_template_that_has_the_day(folder: Path):
    options = EndpointOptions.model_validate(_endpoint(folder, "vllm").options)
    dated = endpoint.extra_body(options, ChatTokenizer(folder, DAY))
    plain = endpoint.extra_body(options, None)
    assert dated is not None
    assert plain is not None
    assert dated["chat_template"] == pinned(CLOCK + tiny_models.CHAT_TEMPLATE, DAY)
    assert "chat_template" not in plain
    assert plain.items() <= dated.items()


def test_ratings_follow_the_day(tmp_path: Path):
    folder = _dated(tiny_models.reward(tmp_path / "reward"))
    turns = [*TURNS, {"role": "assistant", "content": "Nothing."}]
    one, again, other = (
        RewardModel(folder, "reward", template_date=day) for day in (DAY, DAY, OTHER)
    )
    assert (one.rate([turns]) == again.rate([turns])).all()
    assert (one.rate([turns]) != other.rate([turns])).any()
    assert one.model == again.model != other.model


def test_an_unknown_option_of_a_reward_model_is_named(tmp_path: Path):
    folder = tiny_models.reward(tmp_path / "reward")
    with pytest.raises(ValueError, match=r"models\.reward\.options has no dimension, only"):
        RewardModel(folder, "reward", options={"dimension": ["a", "b", "c"]})


def _table() -> pa.Table:
    return SFT.table(
        {
            "sample_id": f"s{index}",
            "messages": [{"role": "user", "content": f"{index} + 1"}],
            "response": f"<think>one more</think><answer>{index + 1}</answer>",
            "decision": "kept",
        }
        for index in range(8)
    )


@pytest.mark.filterwarnings("ignore")
def test_training_follows_the_day_and_keeps_the_template(folder: Path, tmp_path: Path):
    recipe = Recipe(kind="full", epochs=3, max_length=512, batch_size=8, learning_rate=1e-3)
    for name, day in (("one", DAY), ("two", DAY), ("other", OTHER)):
        train(_table(), recipe, folder, tmp_path / name, template_date=day, threads=1)
    roots = [checkpoint_root(tmp_path / name) for name in ("one", "two", "other")]
    assert roots[0] == roots[1] != roots[2]
    for name in ("one", "other"):
        template = AutoTokenizer.from_pretrained(tmp_path / name).chat_template
        assert template == CLOCK + tiny_models.CHAT_TEMPLATE
