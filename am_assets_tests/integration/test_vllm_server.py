"""vLLM's own server: the endpoint engine gives the very answers of the engine in process."""

from collections import Counter
from pathlib import Path

import pytest

from am_assets.core.memory import RowMemory
from am_assets.core.requests import (
    Completion,
    GenerationEngine,
    GenerationRequest,
    Sampling,
    generation_request,
)
from am_assets.core.settings.models import Model
from am_assets.engines.models import locate_model
from am_assets.engines.openai.engine import OpenAIEngine
from am_assets.engines.vllm import VllmEngine
from am_assets_tests.integration.test_distillation import config, distilled, prompts_of
from am_assets_tests.support.serving import NAME, vllm_server

WEIGHTS = "mini:teacher"


def _requests(engine: GenerationEngine) -> list[GenerationRequest]:
    return [
        generation_request(
            engine,
            [{"role": "user", "content": f"A box holds {index} pears and 7 more. How many now?"}],
            # Beyond the context, cut short, and never reached.
            Sampling(max_tokens=(2000, 10, 300)[index % 3]),
            index % 2,
        )
        for index in range(40)
    ]


def _answers(engine: GenerationEngine) -> dict[str, Completion]:
    return {answer.request_key: answer for answer in engine.generate(_requests(engine))}


@pytest.mark.slow
def test_an_endpoint_of_vllm_gives_the_answers_of_vllm_in_process(tmp_path: Path):
    folder = locate_model(Model(path=WEIGHTS, engine="vllm"), "teacher")
    options = {"server": "vllm", "weights": WEIGHTS, "concurrency": 16}
    with vllm_server(folder) as url:
        model = Model(path=NAME, engine="openai", options={"base_url": url, **options})
        endpoint = OpenAIEngine(model, "teacher")
        # What stands in artifacts names the weights, not how they are run.
        assert endpoint.model.name == WEIGHTS
        served = _answers(endpoint)
        there = distilled(endpoint, prompts_of(10), RowMemory(), config(2), tmp_path)
    # As the profile names the weights: who answered is part of an artifact.
    with VllmEngine(folder, WEIGHTS, max_model_len=1024, options={"threads": 1}) as engine:
        assert served == _answers(engine)
        here = distilled(engine, prompts_of(10), RowMemory(), config(2), tmp_path)
    assert there.root == here.root
    assert len(served) == 40
    assert all(answer.token_ids and answer.error is None for answer in served.values())
    assert Counter(answer.finish_reason for answer in served.values()).keys() == {"stop", "length"}
