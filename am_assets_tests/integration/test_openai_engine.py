import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from am_assets.core.profile import load_profile
from am_assets.core.requests import Completion, GenerationRequest, Sampling, generation_request
from am_assets.core.settings.models import Model
from am_assets.engines.models import ModelMissing, locate_model
from am_assets.engines.openai.engine import OpenAIEngine, served_digest
from am_assets.engines.profile_engines import ProfileEngines
from am_assets.engines.vllm import VllmEngine
from am_assets_tests.support import tiny_models
from am_assets_tests.support.endpoints import (
    SERVED,
    Asked,
    Reply,
    completion,
    echo,
    endpoint,
    error,
    good,
    listing,
)

NOBODY = "http://127.0.0.1:9/v1"


def _engine(url: str, **options: Any) -> OpenAIEngine:
    settings = {"base_url": url, "concurrency": 2, "backoff": 0.02, **options}
    return OpenAIEngine(
        Model(path=SERVED, engine="openai", revision="r1", options=settings), "teacher"
    )


def _request(engine: OpenAIEngine, prompt: str) -> GenerationRequest:
    turns = [{"role": "user", "content": prompt}]
    return generation_request(engine, turns, Sampling(max_tokens=70))


def _answers(engine: OpenAIEngine, *prompts: str) -> dict[str, Completion]:
    asked = {_request(engine, prompt).request_key: prompt for prompt in prompts}
    given = list(engine.generate(_request(engine, prompt) for prompt in prompts))
    assert len(given) == len(prompts)
    return {asked[completion.request_key]: completion for completion in given}


def test_every_request_is_answered_and_one_refusal_stops_no_other():
    def behave(asked: Asked) -> Reply:
        if asked.prompt == "busy once" and asked.attempt == 0:
            return error(503, "overloaded")
        if asked.prompt == "refused":
            return error(400, "prompt too long")
        if asked.prompt == "filtered":
            return completion({"content": "echo"}, "content_filter")
        return echo(asked)

    prompts = [*(f"prompt {index}" for index in range(20)), "refused", "busy once", "filtered"]
    with endpoint(behave) as server:
        answers = _answers(_engine(server.url), *prompts)
        times = {
            prompt: sum(asked.prompt == prompt for asked in server.asked) for prompt in prompts
        }
    assert answers["prompt 3"].text == "echo prompt 3"
    assert answers["busy once"].error is None
    assert "prompt too long" in (answers["refused"].error or "")
    assert "content_filter" in (answers["filtered"].error or "")
    assert answers["refused"].cause == answers["filtered"].cause == "refused"
    assert times == dict.fromkeys(prompts, 1) | {"busy once": 2}


def test_sampling_parameters_the_seed_and_the_key_reach_the_server(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("SOME_KEY", "s3cret")
    with endpoint() as server:
        engine = _engine(server.url, api_key_env="SOME_KEY")
        request = _request(engine, "hello")
        (answer,) = engine.generate([request])
        body = server.asked[0].body
    assert (body["model"], body["seed"], body["max_tokens"]) == (SERVED, request.seed, 70)
    assert (body["temperature"], body["top_p"]) == (0.6, 0.95)
    assert "top_k" not in body
    assert (answer.prompt_tokens, answer.completion_tokens) == (3, 2)


def test_a_vllm_server_is_told_every_parameter_and_not_asked_for_more_than_its_context():
    with endpoint() as server:
        _answers(_engine(server.url, server="vllm"), "hello")
        body = server.asked[0].body
    assert body["return_token_ids"] is True
    assert (body["top_k"], body["min_p"], body["repetition_penalty"]) == (0, 0, 1)
    assert body["max_tokens"] == 64


def test_the_key_is_in_no_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    with endpoint(lambda asked: error(401, "wrong key s3cret")) as server:
        answer = _answers(_engine(server.url), "hello")["hello"]
    assert "wrong key ***" in (answer.error or "")


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (error(429), "rate_limited"),
        (error(500), "server_error"),
        (error(408), "timeout"),
        (error(409), "server_error"),
        (error(422), "refused"),
        (Reply(silent=True), "timeout"),
        (Reply(500, b"{", length=50), "garbled"),
        (Reply(body=b"<html>sign in</html>"), "garbled"),
        (Reply(body=good("half of it").body[:60], length=5000), "garbled"),
        (Reply(body=b'{"choices": []}'), "garbled"),
        (Reply(body=b'{"choices": [{"message": "hi", "finish_reason": "stop"}]}'), "garbled"),
        (Reply(body=b"\xff\xfe"), "garbled"),
        (completion({"content": "hi"}, "abort"), "garbled"),
        (completion({"content": None}), "garbled"),
    ],
)
def test_each_kind_of_failure_has_its_cause(reply: Reply, cause: str):
    with endpoint(lambda asked: reply) as server:
        # Silence is waited out, and nothing else is.
        engine = _engine(server.url, retries=0, timeout=0.2 if reply.silent else 30)
        answer = _answers(engine, "hello")["hello"]
    assert answer.cause == cause
    assert answer.error
    assert answer.finish_reason is None


def test_a_server_that_is_not_there_is_an_error_of_each_request():
    answers = _answers(_engine(NOBODY, retries=1), *(f"prompt {index}" for index in range(3)))
    assert {answer.cause for answer in answers.values()} == {"unreachable"}
    assert "attempt 2 of 2" in (answers["prompt 0"].error or "")


def test_a_server_that_is_down_is_given_up_and_asked_again_the_next_time():
    prompts = [f"prompt {index}" for index in range(100)]
    with endpoint(lambda asked: error(503, "starting")) as server:
        engine = _engine(server.url, retries=1)
        answers = _answers(engine, *prompts)
        assert {answer.cause for answer in answers.values()} == {"server_error"}
        gave_up = [answer for answer in answers.values() if "gave up" in (answer.error or "")]
        assert len(gave_up) >= 90
        assert all("starting" in (answer.error or "") for answer in gave_up)
        assert len(server.asked) <= 20
        server.behaviour = echo
        assert all(answer.error is None for answer in _answers(engine, *prompts).values())


def test_refusals_of_single_prompts_give_nothing_up():
    def behave(asked: Asked) -> Reply:
        return echo(asked) if asked.prompt == "fine" else error(400, "too long")

    with endpoint(behave) as server:
        answers = _answers(_engine(server.url), *(f"long {index}" for index in range(50)), "fine")
    assert answers["fine"].error is None
    assert not any("gave up" in (answer.error or "") for answer in answers.values())


@pytest.mark.parametrize("header", ["retry_after", "retry_after_ms"])
def test_a_server_that_asks_to_wait_is_left_alone_by_all_requests(header: str):
    told = threading.Event()
    value, pause_s = {"retry_after": ("1", 1.0), "retry_after_ms": ("300", 0.3)}[header]
    until: list[float] = []

    def behave(asked: Asked) -> Reply:
        if asked.prompt == "first" and asked.attempt == 0:
            until.append(time.monotonic() + pause_s)
            told.set()
            return error(429, **{header: value})
        if asked.prompt == "in flight":
            # Answered while the pause lasts, so that there is room for the next request.
            told.wait(30)
            time.sleep(pause_s / 3)
        return echo(asked)

    with endpoint(behave) as server:
        answers = _answers(_engine(server.url), "first", "in flight", "third", "fourth")
        assert all(answer.error is None for answer in answers.values())
        later = [asked.at for asked in server.asked if asked.prompt in ("third", "fourth")]
        later += [asked.at for asked in server.asked if asked.attempt]
    assert len(later) == 3
    assert min(later) >= until[0]


def test_a_wait_beyond_reason_fails_the_request_and_says_so():
    with endpoint(lambda asked: error(429, "quota", retry_after="86400")) as server:
        answer = _answers(_engine(server.url), "hello")["hello"]
        assert len(server.asked) == 1
    assert answer.cause == "rate_limited"
    assert "86,400 s" in (answer.error or "")


def test_requests_are_taken_as_there_is_room_in_the_thread_that_iterates():
    taken: list[int] = []

    def counted(engine: OpenAIEngine) -> Iterator[GenerationRequest]:
        for index in range(30):
            taken.append(threading.get_ident())
            yield _request(engine, f"prompt {index}")

    with endpoint() as server:
        engine = _engine(server.url)
        answers = engine.generate(counted(engine))
        for given in range(1, 11):
            next(answers)
            assert len(taken) <= given + 2
        assert len(list(answers)) == 20
    assert set(taken) == {threading.get_ident()}


def test_a_slow_answer_holds_back_no_other():
    first = threading.Event()

    def behave(asked: Asked) -> Reply:
        if asked.prompt == "slow":
            first.wait(30)
        return echo(asked)

    with endpoint(behave) as server:
        engine = _engine(server.url)
        prompts = ["slow", *(f"quick {index}" for index in range(20))]
        answers = engine.generate([_request(engine, prompt) for prompt in prompts])
        quick = [next(answers).text for _ in range(20)]
        first.set()
        assert [answer.text for answer in answers] == ["echo slow"]
    assert len(set(quick)) == 20


def test_abandoned_answers_end_the_thread_and_disturb_nothing():
    def behave(asked: Asked) -> Reply:
        return Reply(silent=True) if asked.prompt == "never" else echo(asked)

    with endpoint(behave) as server:
        engine = _engine(server.url)
        answers = engine.generate(
            [_request(engine, prompt) for prompt in ("never", "hello", "more")]
        )
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        assert not [thread for thread in threading.enumerate() if thread.name == "answers"]
        assert _answers(engine, "hello")["hello"].text == "echo hello"


def test_what_the_requests_raise_reaches_the_caller():
    def broken(engine: OpenAIEngine) -> Iterator[GenerationRequest]:
        yield _request(engine, "hello")
        raise LookupError("the row is gone")

    with endpoint() as server:
        engine = _engine(server.url)
        with pytest.raises(LookupError, match="the row is gone"):
            list(engine.generate(broken(engine)))
    assert not [thread for thread in threading.enumerate() if thread.name == "answers"]


def test_it_works_inside_a_running_event_loop():
    async def notebook(url: str) -> Completion:
        return _answers(_engine(url), "hello")["hello"]

    with endpoint() as server:
        assert asyncio.run(notebook(server.url)).text == "echo hello"


def test_a_prompt_that_cannot_be_sent_is_refused_alone():
    with endpoint() as server:
        answers = _answers(_engine(server.url), "half \ud800", "hello")
    assert answers["half \ud800"].cause == "refused"
    assert answers["hello"].error is None


def test_a_model_that_the_server_does_not_list_is_a_mistake_in_the_profile():
    with endpoint() as server:
        server.models = listing("another", "and-one-more")
        with pytest.raises(ModelMissing, match=r"models\.teacher\.path.*another, and-one-more"):
            _answers(_engine(server.url), "hello")
        assert server.asked == []


@pytest.mark.parametrize(
    "models", [error(404), error(500), Reply(body=b"<html>"), listing(), listing("any/*")]
)
def test_a_server_that_does_not_say_what_it_serves_is_asked_all_the_same(models: Reply):
    with endpoint() as server:
        server.models = models
        assert _answers(_engine(server.url), "hello")["hello"].text == "echo hello"


def test_options_that_cannot_be_used_are_refused():
    with pytest.raises(ValueError, match=r"teacher\.options.*base_url"):
        OpenAIEngine(Model(path="m", engine="openai"), "teacher")
    with pytest.raises(ValueError, match=r"teacher\.options.*tensor_parallel_size"):
        _engine(NOBODY, tensor_parallel_size=2)
    with pytest.raises(ValueError, match=r"teacher\.options.*base_url"):
        _engine("localhost:8000/v1")
    with pytest.raises(ValueError, match=r"teacher\.options.*concurrency"):
        _engine(NOBODY, concurrency=0)
    with pytest.raises(ModelMissing, match=r"models\.teacher\.options\.weights"):
        _engine(NOBODY, weights="./not-there")


def test_without_weights_the_identity_follows_the_served_name_and_revision():
    engine = _engine(NOBODY)
    assert engine.model.digest == f"served:{SERVED}@r1"
    assert engine.text_of([{"role": "user", "content": "hello"}], [1]) is None
    assert engine.gpus == 0


def test_with_weights_the_requests_are_those_of_vllm_on_the_same_weights():
    there = VllmEngine(locate_model(Model(path="mini:teacher", engine="vllm"), "teacher"), "any")
    here = _engine(NOBODY, weights="mini:teacher", server="vllm")
    turns = [{"role": "user", "content": "What is 2 + 3?"}]
    assert generation_request(here, turns, Sampling()) == generation_request(
        there, turns, Sampling()
    )
    assert here.text_of(turns, range(20, 40)) == there.text_of(turns, range(20, 40))
    assert here.count_tokens("What is 2 + 3?") == there.count_tokens("What is 2 + 3?")


def test_the_profile_knows_an_endpoint_by_the_digest_of_its_engine():
    mini = load_profile("mini")
    for weights in ({}, {"weights": "mini:teacher"}):
        model = Model(path="t", engine="openai", options={"base_url": NOBODY, **weights})
        models = mini.models.model_copy(update={"teacher": model})
        engines = ProfileEngines(mini.model_copy(update={"models": models}))
        opened = engines.generation("teacher")
        assert opened is not None
        assert opened.model.digest == served_digest(model, "teacher")
        assert engines.digest("teacher") == f"{opened.model.digest}/{opened.model.dtype}"


def test_an_endpoint_stands_for_a_checkpoint_only_when_it_serves_those_weights(tmp_path: Path):
    folder = tiny_models.causal(tmp_path / "trained", seed=1)
    options = {"base_url": NOBODY, "weights": str(folder)}
    served = Model(path="base", engine="openai", options=options)
    assert OpenAIEngine(served, "base", folder).model.name == "base"
    other = tiny_models.causal(tmp_path / "other", seed=2)
    with pytest.raises(ModelMissing, match="engine: vllm"):
        OpenAIEngine(served, "base", other)
