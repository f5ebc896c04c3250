"""Asking: nothing that was answered is asked again, nothing that was not is lost."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.memory import RowMemory
from am_assets.core.requests import (
    Completion,
    GenerationRequest,
    ModelIdentity,
    Sampling,
    generation_request,
)
from am_assets.core.schema import LABELS
from am_assets.core.settings.distillation import Responses
from am_assets.core.usage import Meter
from am_assets.stages.generation import NOT_ANSWERED, Wanted, ask
from am_assets_tests.support.fakes import Reply, ScriptedEngine, prompts, responses_of, sample_key


def _words(request: GenerationRequest) -> str:
    """An answer of 1 to 12 words that follows from the request."""
    return " ".join(f"w{request.seed % 97}-{index}" for index in range(1 + request.seed % 12))


def _config(samples: int = 4, max_tokens: int = 50) -> Responses:
    return Responses(samples=samples, sampling=Sampling(max_tokens=max_tokens))


def _prompts(count: int) -> pa.Table:
    return prompts(*({"prompt": f"prompt {index}"} for index in range(count)))


def _distil(
    table: pa.Table, config: Responses, memory: RowMemory, reply: Reply = _words
) -> tuple[pa.Table, int]:
    """The responses, and how many requests the engine got."""
    labels = LABELS.table(
        row | {"decision": "kept"}
        for row in table.select(["sample_id", "source", "week"]).to_pylist()
    )
    engine = ScriptedEngine(reply)
    return responses_of(table, labels, [], engine, config, memory), len(engine.asked)


def test_what_was_answered_is_not_asked_again():
    memory = RowMemory()
    first, asked = _distil(_prompts(10), _config(), memory)
    again, asked_again = _distil(_prompts(10), _config(), memory)
    assert (asked, asked_again) == (40, 0)
    assert again == first


def test_a_new_source_or_week_asks_nothing_old():
    memory = RowMemory()
    _distil(_prompts(10), _config(), memory)
    more, asked = _distil(_prompts(15), _config(), memory)
    assert (more.num_rows, asked) == (60, 20)


def test_twice_the_samples_asks_for_exactly_the_new_half():
    memory = RowMemory()
    few, _ = _distil(_prompts(10), _config(4), memory)
    many, asked = _distil(_prompts(10), _config(8), memory)
    assert (many.num_rows, asked) == (80, 40)
    assert many.filter(pa.compute.less(many["sample_index"], 4)) == few  # pyright: ignore


def test_twice_the_limit_asks_for_exactly_the_truncated_responses():
    memory = RowMemory()
    short, _ = _distil(_prompts(20), _config(max_tokens=6), memory)
    long, asked = _distil(_prompts(20), _config(max_tokens=12), memory)
    truncated = short["finish_reason"].to_pylist().count("length")
    assert 0 < truncated < 80
    assert asked == truncated
    assert long["finish_reason"].to_pylist().count("length") == 0
    assert _distil(_prompts(20), _config(max_tokens=12), memory)[1] == 0


def test_a_smaller_limit_is_served_by_cutting_what_is_remembered():
    memory, fresh = RowMemory(), RowMemory()
    _distil(_prompts(20), _config(max_tokens=12), memory)
    cut, asked = _distil(_prompts(20), _config(max_tokens=6), memory)
    asked_short, _ = _distil(_prompts(20), _config(max_tokens=6), fresh)
    assert asked == 0
    assert cut == asked_short
    # What was paid for is still there.
    assert _distil(_prompts(20), _config(max_tokens=12), memory)[1] == 0


def test_other_sampling_parameters_are_other_requests():
    memory = RowMemory()
    _distil(_prompts(3), _config(), memory)
    warm = Responses(samples=4, sampling=Sampling(temperature=0.9, max_tokens=50))
    assert _distil(_prompts(3), warm, memory)[1] == 12


def test_errors_are_not_remembered_and_asked_again():
    memory = RowMemory()

    def reply(request: GenerationRequest) -> str | Exception:
        return RuntimeError("busy") if request.sample_index == 1 else _words(request)

    broken, _ = _distil(_prompts(5), _config(), memory, reply)
    mended, asked = _distil(_prompts(5), _config(), memory)
    assert broken["decision"].to_pylist().count("pending") == 5
    assert asked == 5
    assert mended == _distil(_prompts(5), _config(), RowMemory())[0]


def test_an_erased_sample_is_asked_again_and_no_other():
    memory = RowMemory()
    _distil(_prompts(5), _config(), memory)
    assert memory.erase([sample_key("prompt 2")]) == 4
    assert _distil(_prompts(5), _config(), memory)[1] == 4


class _LazyEngine(ScriptedEngine):
    """Holds `room` requests at a time and answers the last one first."""

    def __init__(self, room: int, dies_after: int | None = None) -> None:
        super().__init__(_words)
        self._room = room
        self._left = dies_after
        self.generated: list[str] = []

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
        stream, flying = iter(requests), list[GenerationRequest]()
        while True:
            while len(flying) < self._room and (request := next(stream, None)) is not None:
                flying.append(request)
            if not flying:
                return
            request = flying.pop()
            self.generated.append(request.request_key)
            if self._left is not None:
                self._left -= 1
                if self._left < 0:
                    raise KeyboardInterrupt
            yield self._completion(request, _words(request))


def _ask(engine: ScriptedEngine, memory: RowMemory, keys: Iterable[int]) -> dict[int, str]:
    answers: dict[int, str] = {}

    def answered(row: int, request: GenerationRequest, completion: Completion) -> None:
        assert row not in answers
        answers[row] = completion.text

    listed = list(keys)
    requests = [
        generation_request(engine, [{"role": "user", "content": f"{key}"}], Sampling(), 0)
        for key in listed
    ]
    wanted = (Wanted(index, f"owner {index}", request) for index, request in enumerate(requests))
    ask(engine, memory, wanted, answered, Meter("test"))
    return answers


@given(
    keys=st.lists(st.integers(0, 30), max_size=60),
    known=st.sets(st.integers(0, 30)),
    room=st.integers(1, 10),
)
def test_every_row_is_answered_once_and_every_request_generated_once(
    keys: list[int], known: set[int], room: int
):
    memory = RowMemory()
    _ask(_LazyEngine(room), memory, sorted(known))
    engine = _LazyEngine(room)
    answers = _ask(engine, memory, keys)
    assert sorted(answers) == list(range(len(keys)))
    assert len(engine.generated) == len(set(engine.generated)) == len(set(keys) - known)


@given(dies_after=st.integers(0, 60), room=st.integers(1, 10))
def test_an_interrupted_run_loses_at_most_what_was_in_flight(dies_after: int, room: int):
    memory, engine = RowMemory(), _LazyEngine(room, dies_after)
    with contextlib.suppress(KeyboardInterrupt):
        _ask(engine, memory, range(50))
    again = _LazyEngine(room)
    _ask(again, memory, range(50))
    assert len(set(engine.generated) & set(again.generated)) <= room
    assert set(engine.generated) | set(again.generated) >= set(again.generated)
    assert len(set(engine.generated) | set(again.generated)) == 50


def test_a_request_the_engine_passes_over_comes_back_as_an_error():
    class Forgetful(ScriptedEngine):
        def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
            yield from list(super().generate(requests))[1:]

    seen: list[Any] = []
    engine = Forgetful(_words)
    table = _prompts(1)
    labels = LABELS.table(
        row | {"decision": "kept"}
        for row in table.select(["sample_id", "source", "week"]).to_pylist()
    )
    seen = responses_of(table, labels, [], engine, _config(3)).to_pylist()
    assert sorted(row["decision"] for row in seen) == ["kept", "kept", "pending"]
    lost = next(row for row in seen if row["decision"] == "pending")
    assert lost["reason"] == "engine_failed"
    assert NOT_ANSWERED in lost["evidence"]


def test_the_meter_tells_what_was_reused():
    memory = RowMemory()
    engine = _LazyEngine(4)
    _ask(engine, memory, range(3))
    lines: list[str] = []
    meter = Meter("teacher", 5, lines.append)
    wanted = [
        Wanted(
            key,
            "owner",
            generation_request(engine, [{"role": "user", "content": f"{key}"}], Sampling(), 0),
        )
        for key in range(5)
    ]
    ask(engine, memory, wanted, lambda *answer: None, meter)
    assert (meter.made, meter.reused) == (2, 3)
    assert lines[-1].startswith("teacher: 5 of 5 rows; 3 reused; ")


@pytest.mark.parametrize("text", ["", "\ud800 lone surrogate", "line\nbreak\x00", "数学 🙂"])
def test_any_text_is_remembered_as_it_was(text: str):
    memory = RowMemory()

    class Fixed(ScriptedEngine):
        def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
            for request in requests:
                yield Completion(
                    request.request_key, text, (1, 2**31 - 1), 3, 2, finish_reason="stop"
                )

    first = _ask(Fixed(_words), memory, [1])
    assert _ask(ScriptedEngine(_words), memory, [1]) == first == {0: text}


@pytest.mark.parametrize(("context", "asked"), [(64, 0), (128, 3), (None, 0)])
def test_what_the_context_cut_is_asked_again_when_there_is_more_room(
    context: int | None, asked: int
):
    """Answers of 2 tokens that ended by length far below their limit."""

    class Roomy(ScriptedEngine):
        def __init__(self, context: int | None) -> None:
            super().__init__(_words)
            self._context = context

        @property
        def model(self) -> ModelIdentity:
            return replace(super().model, context=self._context)

        def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
            for completion in super().generate(requests):
                yield replace(completion, finish_reason="length")

    memory = RowMemory()
    _ask(Roomy(64), memory, range(3))
    again = Roomy(context)
    _ask(again, memory, range(3))
    assert len(again.asked) == asked


def test_an_answer_of_unknown_length_is_not_taken_for_a_short_one():
    class Uncounted(ScriptedEngine):
        def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[Completion]:
            for completion in super().generate(requests):
                yield replace(completion, token_ids=(), completion_tokens=0)

    labels = LABELS.table(
        row | {"decision": "kept"}
        for row in _prompts(4).select(["sample_id", "source", "week"]).to_pylist()
    )
    memory, engine = RowMemory(), Uncounted(_words)
    responses_of(_prompts(4), labels, [], engine, _config(max_tokens=50), memory)
    responses_of(_prompts(4), labels, [], engine, _config(max_tokens=50), memory)
    assert len(engine.asked) == 16
    responses_of(_prompts(4), labels, [], engine, _config(max_tokens=2), memory)
    assert len(engine.asked) == 32


@pytest.mark.parametrize(("context", "asked", "tokens"), [(9, 0, 6), (7, 0, 4), (3, 1, 6)])
def test_a_remembered_answer_ends_where_the_context_does_now(context: int, asked: int, tokens: int):
    """Answers of 6 tokens to prompts of 3; with less room a fresh one would end sooner."""

    class Roomy(ScriptedEngine):
        def __init__(self, context: int | None) -> None:
            super().__init__(lambda request: "one two three four five six")
            self._context = context

        @property
        def model(self) -> ModelIdentity:
            return replace(super().model, context=self._context)

    memory = RowMemory()
    _ask(Roomy(None), memory, [1])
    engine = Roomy(context)
    answers = _ask(engine, memory, [1])
    assert len(engine.asked) == asked
    assert [len(text.split()) for text in answers.values()] == [tokens]
