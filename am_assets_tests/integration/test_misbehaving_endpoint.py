"""A server that fails at random: no row is lost, or an empty answer, or paid for twice."""

import random
from collections import Counter
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, get_args

import pytest

from am_assets.core.memory import RowMemory
from am_assets.core.requests import Cause, Completion, Sampling, generation_request
from am_assets.core.settings.models import Model
from am_assets.core.usage import Meter
from am_assets.engines.openai.engine import OpenAIEngine
from am_assets.stages.generation import Wanted, ask
from am_assets_tests.support.endpoints import (
    SERVED,
    Asked,
    Reply,
    completion,
    echo,
    endpoint,
    error,
    good,
)

ROWS = 150
_DONE = format_datetime(datetime(2025, 1, 6, tzinfo=UTC), usegmt=True)


def _misbehave(asked: Asked) -> Reply:
    """One of all that goes wrong in three attempts of five, the same ones in every run."""
    fate = random.Random(f"{asked.prompt}/{asked.attempt}")
    if fate.random() < 0.4:
        return echo(asked)
    text = good(f"echo {asked.prompt}").body
    return fate.choice(
        [
            error(429, "slow down", retry_after_ms="30"),
            error(429, "slow down", retry_after=_DONE),
            error(500, "oops"),
            error(503, retry_after="0"),
            Reply(502, b"<html>bad gateway</html>"),
            Reply(body=b"{'not': 'JSON'"),
            Reply(body=b'{"error": {"message": "upstream failed"}}'),
            Reply(body=b""),
            Reply(body=text[: len(text) // 2], length=len(text)),
            Reply(body=text[:90], length=90_000),
            completion({"content": None}),
            completion({"content": ""}, usage={"completion_tokens": 0}),
            Reply(silent=True),
        ]
    )


def _engine(url: str, timeout: float) -> OpenAIEngine:
    options: dict[str, Any] = {"base_url": url, "retries": 1, "backoff": 0.02, "timeout": timeout}
    return OpenAIEngine(Model(path=SERVED, engine="openai", options=options), "teacher")


def _ask(engine: OpenAIEngine, memory: RowMemory) -> tuple[dict[str, Completion], Meter]:
    rows: dict[str, Completion] = {}

    def note(row: str, request: object, answer: Completion) -> None:
        assert row not in rows
        rows[row] = answer

    meter = Meter("rows", ROWS)
    wanted = (
        Wanted(row, row, generation_request(engine, [{"role": "user", "content": row}], Sampling()))
        for row in map("row {}".format, range(ROWS))
    )
    ask(engine, memory, wanted, note, meter)
    return rows, meter


@pytest.mark.attack
def test_no_row_is_lost_to_a_server_that_fails_at_random_and_only_failed_ones_are_asked_again():
    memory = RowMemory()
    with endpoint(_misbehave) as server:
        rows, meter = _ask(_engine(server.url, timeout=1.5), memory)
        assert len(rows) == ROWS
        failed = {row for row, answer in rows.items() if answer.error is not None}
        answered = set(rows) - failed
        # A third by what the server does; a slow machine may lose some more to the timeout.
        assert len(failed) > ROWS // 10
        assert len(answered) > ROWS // 10
        assert {rows[row].text for row in answered} == {f"echo {row}" for row in answered}
        assert {rows[row].cause for row in failed} <= set(get_args(Cause))
        assert all(rows[row].text == "" and not rows[row].token_ids for row in failed)
        assert meter.made == len(answered)
        assert meter.errors == Counter(rows[row].cause for row in failed)

        server.behaviour = echo
        server.asked.clear()
        again, meter = _ask(_engine(server.url, timeout=60), memory)
        assert sorted(asked.prompt for asked in server.asked) == sorted(failed)
        assert (meter.made, meter.reused, meter.errors.total()) == (len(failed), len(answered), 0)
        assert {row: answer.text for row, answer in again.items()} == {
            row: f"echo {row}" for row in rows
        }
