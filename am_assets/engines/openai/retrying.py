"""When to ask an endpoint again, when to wait for it, and when to give it up."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from am_assets.core.requests import Cause

LONGEST_WAIT_S = 600.0
"""An endpoint that asks to wait longer has its requests fail instead."""

_LONGEST_BACKOFF_S = 60.0

T = TypeVar("T")


class Failure(Exception):
    """An attempt that brought no answer.

    `passing` failures are worth another attempt. `common` ones are the endpoint's and would befall
    any request; the others are about the one request. `wait_s` is how long the endpoint asks to be
    left alone.
    """

    def __init__(
        self,
        cause: Cause,
        text: str,
        *,
        passing: bool = False,
        common: bool = False,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(text)
        self.cause: Cause = cause
        self.text = text
        self.passing = passing
        self.common = common
        self.wait_s = wait_s


class Pause:
    """Until when nobody asks an endpoint, because it said so."""

    def __init__(self) -> None:
        self._until = 0.0

    def extend(self, seconds: float) -> None:
        self._until = max(self._until, time.monotonic() + seconds)

    @property
    def left_s(self) -> float:
        return self._until - time.monotonic()


class Retrying:
    """Attempts again what failed in passing; shared by the requests of one `generate`.

    Waits `backoff_s` after the first attempt, twice that after the second and so on, less up to
    half at random so that requests that failed together do not return together. `pause` holds all
    of them back. After `give_up_after` requests in a row, none answered in between, that used up
    their attempts on a failure of the endpoint, the others fail at once.
    """

    def __init__(self, retries: int, backoff_s: float, give_up_after: int, pause: Pause) -> None:
        self._retries = retries
        self._backoff_s = backoff_s
        self._give_up_after = give_up_after
        self._pause = pause
        self._in_a_row = 0
        self._last: Failure | None = None
        self._gave_up = asyncio.Event()

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` gives, or the Failure of the last one."""
        tried = 0
        while True:
            await self._turn()
            tried += 1
            try:
                result = await attempt()
            except Failure as failure:
                if (lasting := self._lasting(failure, tried)) is not None:
                    self._count(lasting)
                    raise lasting from failure
            else:
                self._in_a_row = 0
                return result
            backoff_s = min(self._backoff_s * 2 ** (tried - 1), _LONGEST_BACKOFF_S)
            await self._sleep(backoff_s * random.uniform(0.5, 1))

    def _lasting(self, failure: Failure, tried: int) -> Failure | None:
        """What a request ends with after this failure, None where it is tried again."""
        if not failure.passing:
            return failure
        if failure.wait_s is not None and failure.wait_s > LONGEST_WAIT_S:
            text = (
                f"{failure.text}; the server asks to wait {failure.wait_s:,.0f} s, longer than the "
                f"{LONGEST_WAIT_S:.0f} s that are waited: run again later"
            )
            return Failure(failure.cause, text, common=True)
        if failure.wait_s is not None:
            self._pause.extend(failure.wait_s)
        if tried > self._retries:
            text = f"{failure.text} (attempt {tried} of {tried})"
            return Failure(failure.cause, text, common=failure.common)
        return None

    async def _turn(self) -> None:
        while not self._gave_up.is_set() and (left_s := self._pause.left_s) > 0:
            await self._sleep(left_s)
        if self._gave_up.is_set() and self._last is not None:
            raise Failure(
                self._last.cause,
                f"gave up: {self._in_a_row} requests in a row had no answer, the last one with "
                f"{self._last.text}",
            )

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the moment of giving up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gave_up.wait()

    def _count(self, failure: Failure) -> None:
        if failure.common:
            self._in_a_row += 1
            if self._in_a_row >= self._give_up_after:
                self._last = failure
                self._gave_up.set()
