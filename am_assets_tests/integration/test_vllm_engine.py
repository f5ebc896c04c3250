"""vLLM itself, on a random model: the promises that the request memory and the store rest on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from am_assets.core.requests import Completion, GenerationRequest, Sampling, generation_request
from am_assets.engines.vllm import VllmEngine
from am_assets_tests.support import tiny_models


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("models")
    return tiny_models.causal(root / "one", seed=1), tiny_models.causal(root / "two", seed=2)


@pytest.fixture(scope="module")
def engine(folders: tuple[Path, Path]) -> Iterator[VllmEngine]:
    with VllmEngine(folders[0], "teacher", options={"max_num_seqs": 16, "threads": 1}) as opened:
        yield opened


def _requests(engine: VllmEngine, count: int, max_tokens: int = 30) -> list[GenerationRequest]:
    return [
        generation_request(
            engine,
            [{"role": "user", "content": f"question {index // 2} " * (1 + index % 5)}],
            Sampling(max_tokens=max_tokens),
            index % 2,
        )
        for index in range(count)
    ]


def _answers(engine: VllmEngine, requests: list[GenerationRequest]) -> dict[str, Completion]:
    return {completion.request_key: completion for completion in engine.generate(requests)}


def test_a_seeded_request_gives_the_same_tokens_alone_batched_and_reversed(engine: VllmEngine):
    requests = _requests(engine, 60)
    batched = _answers(engine, requests)
    assert len(batched) == 60
    assert all(answer.error is None and answer.token_ids for answer in batched.values())
    assert len({answer.token_ids for answer in batched.values()}) > 50
    assert _answers(engine, requests[::-1]) == batched
    for request in requests[:3]:
        assert _answers(engine, [request]) == {request.request_key: batched[request.request_key]}


def test_a_longer_answer_begins_like_the_shorter_one(engine: VllmEngine):
    short = _answers(engine, _requests(engine, 20, max_tokens=10))
    long = _answers(engine, _requests(engine, 20, max_tokens=40))
    assert set(short) == set(long)
    for key, answer in short.items():
        assert long[key].token_ids[: len(answer.token_ids)] == answer.token_ids


def test_a_prompt_too_long_for_the_model_fails_alone(engine: VllmEngine):
    too_long = generation_request(
        engine, [{"role": "user", "content": "x" * 2000}], Sampling(max_tokens=5)
    )
    others = _requests(engine, 3)
    answers = _answers(engine, [others[0], too_long, *others[1:]])
    assert "512" in (answers.pop(too_long.request_key).error or "")
    assert len(answers) == 3
    assert all(answer.error is None for answer in answers.values())


def test_requests_stream_in_and_completions_stream_out(folders: tuple[Path, Path]):
    options = {"in_flight": 4, "max_num_seqs": 4, "threads": 1}
    with VllmEngine(folders[0], "t", options=options) as engine:
        taken: list[str] = []

        def counted() -> Iterator[GenerationRequest]:
            for request in _requests(engine, 30):
                taken.append(request.request_key)
                yield request

        answers = engine.generate(counted())
        next(answers)
        assert len(taken) <= 12
        assert len(list(answers)) == 29


class _BreaksAt(VllmEngine):
    """The real engine, but one request breaks every step it is part of."""

    poison = ""
    broken = 0

    def _step(self, flying: dict[str, GenerationRequest]) -> list[Completion]:
        if self.poison in flying:
            self.broken += 1
            raise RuntimeError("device-side assert")
        return super()._step(flying)


def test_a_request_that_breaks_the_engine_fails_alone(
    engine: VllmEngine, folders: tuple[Path, Path]
):
    requests = _requests(engine, 8)
    expected = _answers(engine, requests)
    breaking = _BreaksAt(folders[0], "t", options={"threads": 1})
    breaking.poison = requests[5].request_key
    with breaking:
        answers = _answers(breaking, requests)
    failed = answers.pop(breaking.poison)
    assert (failed.cause, failed.error) == ("engine_failed", "RuntimeError: device-side assert")
    del expected[breaking.poison]
    assert answers == expected
    assert breaking.broken > 1


def test_the_text_of_some_of_the_tokens_is_what_a_shorter_answer_says(engine: VllmEngine):
    messages = [{"role": "user", "content": "cut me"}]
    (long,) = engine.generate([generation_request(engine, messages, Sampling(max_tokens=24))])
    for limit in (1, 7, 15, 23):
        sampling = Sampling(max_tokens=limit)
        (short,) = engine.generate([generation_request(engine, messages, sampling)])
        assert short.token_ids == long.token_ids[:limit]
        assert engine.text_of(messages, long.token_ids[:limit]) == short.text


def test_abandoned_answers_disturb_nothing(engine: VllmEngine):
    requests = _requests(engine, 20)
    expected = _answers(engine, requests)
    abandoned = engine.generate(requests)
    next(abandoned)
    abandoned.close()  # type: ignore[attr-defined]
    assert _answers(engine, requests) == expected


def test_two_engines_live_side_by_side_and_one_survives_the_others_end(
    engine: VllmEngine, folders: tuple[Path, Path]
):
    mine = _answers(engine, _requests(engine, 10))
    other = VllmEngine(folders[1], "other", options={"threads": 1})
    theirs = _answers(other, _requests(other, 10))
    assert other.model.digest != engine.model.digest
    assert not set(theirs) & set(mine)
    streaming = engine.generate(_requests(engine, 10))
    first = next(streaming)
    other.close()
    assert {answer.request_key: answer for answer in [first, *streaming]} == mine
    assert _answers(other, _requests(other, 10)) == theirs
    other.close()


def test_threads_can_still_be_set_after_an_engine_ran(engine: VllmEngine):
    import torch

    _answers(engine, _requests(engine, 1))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)
