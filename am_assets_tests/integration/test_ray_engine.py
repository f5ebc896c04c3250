"""Actors of Ray give what the engines in this process give, to the token and to the bit.

One local Ray serves the module. One pipeline answers all requests of the tests: one of its two
actors is killed as soon as there is a first answer.
"""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import psutil
import pytest

from am_assets.core.memory import RowMemory
from am_assets.core.profile import load_profile
from am_assets.core.protocol import render_response
from am_assets.core.requests import Completion, GenerationRequest, Sampling, generation_request
from am_assets.core.runner import Language
from am_assets.core.settings.models import Model
from am_assets.core.settings.ray import Ray
from am_assets.core.verdict import Check, Kind
from am_assets.engines.embedding import PACKAGED, load_embedding_engine
from am_assets.engines.models import locate_model
from am_assets.engines.profile_engines import ProfileEngines
from am_assets.engines.ray.embedding import RayEmbeddingEngine
from am_assets.engines.ray.engine import RayEngine
from am_assets.engines.ray.pool import RayPool, RayUnusable
from am_assets.engines.ray.rules import RayRules
from am_assets.engines.ray.spool import Spool, SpoolReader
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.engines.vllm import VllmEngine
from am_assets.stages.verification import Verification, Verifiers, verify
from am_assets.stages.verification.rules import ThreadedRules

SECTION = Ray(actors={"teacher": 2, "base": 2, "embedding": 2, "verification": 2})
TEACHER = locate_model(Model(path="mini:teacher", engine="vllm"), "teacher")


@pytest.fixture(scope="module")
def pool() -> Iterator[RayPool]:
    opened = RayPool(SECTION)
    yield opened
    opened.close()


class Answered(NamedTuple):
    requests: list[GenerationRequest]
    completions: list[Completion]
    when_killed: int
    """Completions there were when the actor was killed."""
    left_behind: list[Path]


@pytest.fixture(scope="module")
def answered(pool: RayPool, tmp_path_factory: pytest.TempPathFactory) -> Answered:
    # Few at a time, so that there is something left to kill.
    scratch = tmp_path_factory.mktemp("scratch")
    settings = SECTION.model_copy(update={"scratch": scratch})
    pool.settings = settings
    engine = RayEngine(pool, "teacher", TEACHER, "teacher", options={"max_num_seqs": 2})
    requests = _requests(engine)
    completions: list[Completion] = []
    when_killed = 0
    for completion in engine.generate(iter(requests)):
        completions.append(completion)
        if not when_killed:
            when_killed = len(completions)
            _kill("ray::MapWorker")
    return Answered(requests, completions, when_killed, list(scratch.iterdir()))


@pytest.mark.slow
def test_every_request_is_answered_once_though_an_actor_was_killed(answered: Answered):
    assert answered.when_killed < 10
    assert len(answered.completions) == len(answered.requests)
    keys = {completion.request_key for completion in answered.completions}
    assert keys == {request.request_key for request in answered.requests}
    assert answered.left_behind == []


@pytest.mark.slow
def test_two_actors_give_the_tokens_of_one_engine_in_this_process(answered: Answered):
    with VllmEngine(TEACHER, "teacher", options={"threads": 2}) as engine:
        expected = {answer.request_key: answer for answer in engine.generate(answered.requests)}
    assert sum(len(answer.token_ids) for answer in expected.values()) > 2000
    assert {answer.request_key: answer for answer in answered.completions} == expected


@pytest.mark.slow
def test_a_prompt_too_long_is_an_error_with_its_cause_and_the_others_are_answered(
    answered: Answered,
):
    failed = [answer for answer in answered.completions if answer.error is not None]
    assert [answer.request_key for answer in failed] == [answered.requests[7].request_key]
    assert failed[0].cause == "refused"


def test_vectors_from_two_actors_are_equal_to_the_bit(pool: RayPool):
    model = Model(path=PACKAGED, engine="sentence-transformers")
    settings = load_profile("mini").embedding
    local = load_embedding_engine(model, settings, Path.cwd())
    texts = [f"How many {'very ' * (index % 20)}old maps are {index}?" for index in range(300)]
    texts[250] = "old maps " * 300
    engine = RayEmbeddingEngine(pool, model, settings, Path.cwd(), local)
    expected = local.embed(texts)
    assert np.array_equal(engine.embed(texts), expected)
    assert np.array_equal(engine.embed(texts[::-1]), expected[::-1])
    assert engine.embed([]).shape == (0, 384)
    assert engine.pieces(texts) == local.pieces(texts)
    assert engine.model == local.model


@pytest.mark.slow
def test_rules_in_actors_decide_the_same_though_one_was_killed(pool: RayPool):
    config, checks = Verification(), list(_checks())
    with Sandbox(workers=2) as sandbox, ThreadedRules(sandbox) as here:
        expected = here.submit(checks, config, True).result()
        isolation = [here.isolation(language) for language in get_args(Language)]
    rules = RayRules(pool)
    assert [rules.isolation(language) for language in get_args(Language)] == isolation
    shares = [checks[start : start + 10] for start in range(0, len(checks), 10)]
    futures = [rules.submit(share, config, True) for share in shares]
    _kill("ray::RulesActor")
    assert not futures[-1].done()
    assert [outcome for future in futures for outcome in future.result()] == expected
    statuses = {outcome.status if outcome else None for outcome in expected}
    assert statuses == {"pass", "fail", None}
    verifiers = Verifiers(rules=rules)
    verdicts = list(verify(checks, verifiers, config, RowMemory()))
    assert [verdict.status for verdict in verdicts] == [
        outcome.status if outcome else "error" for outcome in expected
    ]
    rules.close()


def test_a_profile_that_names_actors_gets_the_same_models_from_them(tmp_path: Path):
    profile = load_profile("mini")
    spread = profile.model_copy(update={"ray": SECTION})
    here, there = ProfileEngines(profile), ProfileEngines(spread)
    for role, kind in (("teacher", RayEngine), ("instruct", VllmEngine), ("base", RayEngine)):
        one, other = here.generation(role), there.generation(role)
        assert one is not None
        assert other is not None
        assert type(other) is kind
        assert other.model == one.model
        assert generation_request(other, [{"role": "user", "content": "x"}], Sampling()) == (
            generation_request(one, [{"role": "user", "content": "x"}], Sampling())
        )
    assert type(there.checkpoint(TEACHER, "digest")) is RayEngine
    assert type(there.embedding()) is RayEmbeddingEngine
    there.close()


def test_a_spool_gives_back_what_was_put_in_and_knows_what_is_missing(tmp_path: Path):
    requests = [
        GenerationRequest(
            f"{index:032x}",
            ({"role": "user", "content": f"lone \ud800 and ünïcode {index}"},),
            Sampling(temperature=0.1 + index / 7, top_p=1 / (1 + index)),
            index,
            index,
        )
        for index in range(1500)
    ]
    spool = Spool(tmp_path / "s.parquet", iter(requests), workers=1)
    reader = SpoolReader(spool.path)
    parts = [reader.read(part) for part in range(spool.parts)]
    assert [request for part in parts for request in part] == requests
    assert all(8 <= len(part) <= 64 for part in parts[:-1])
    for part, listed in enumerate(parts):
        for index in range(len(listed)):
            assert (part, index) == (3, 2) or spool.answer(part, index)
    assert not spool.answer(0, 0)
    assert list(spool.missing()) == [parts[3][2]]
    again = Spool(tmp_path / "again.parquet", requests[:3])
    assert again.parts == 3


def test_without_ray_one_sentence_names_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(RayUnusable, match=r"pip install am-assets\[ray\]"):
        RayPool(SECTION)


def _requests(engine: RayEngine) -> list[GenerationRequest]:
    """60 requests that ramble, every other twice as long, one of them too long for the model."""
    requests = [
        generation_request(
            engine,
            [{"role": "user", "content": f"A box holds {index} pears and {index % 7} nails."}],
            Sampling(temperature=2.0, top_p=1.0, max_tokens=150 * (1 + index % 2)),
        )
        for index in range(60)
    ]
    too_long = [{"role": "user", "content": "pears " * 5000}]
    requests[7] = generation_request(engine, too_long, Sampling(max_tokens=5))
    return requests


def _checks() -> Iterator[Check]:
    """Right and wrong responses of every kind that rules decide, and one that no rule does."""
    doubling = {"type": "stdin_stdout", "inputs": ["2", "7"], "outputs": ["4", "14"]}
    no_comma = [{"instruction_id": "punctuation:no_comma", "kwargs": {}}]
    for index in range(40):
        number = index % 3

        def check(
            kind: Kind, answer: str, index: int = index, number: int = number, **fields: Any
        ) -> Check:
            text = render_response("hm", answer)
            return Check(f"{kind}{index}", kind, f"Question {index}?", text, **fields)

        yield check("math", f"\\boxed{{{index + number}}}", reference_answer=str(index))
        program = f"```python\nprint(int(input()) * {number})\n```"
        yield check("code", program, test_case=doubling)
        yield check("science", f"Light {number}", reference_answer="light 1")
        yield check("instruction", "no commas" + "," * number, constraints=no_comma)
        yield check("chat", f"polite {index}")


def _kill(name: str) -> None:
    """End one of this test's actors as the kernel would."""
    for child in psutil.Process().children(recursive=True):
        if name in " ".join(child.cmdline()):
            os.kill(child.pid, signal.SIGKILL)
            return
    raise AssertionError(f"there is no process {name}")
