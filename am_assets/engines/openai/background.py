"""Many awaited answers, a few at a time, given to plain code as they come.

The event loop lives in a thread of its own for as long as the answers are iterated, so that this
works where the calling thread already runs a loop (a notebook).
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

Ask = Callable[[Q], Coroutine[Any, Any, A]]
Session = Callable[[], AbstractAsyncContextManager[Ask[Q, A]]]
"""Opens what all answers share (a client's connections) and gives the function that answers."""


class _Running(NamedTuple):
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    ask: Callable[[Any], Coroutine[Any, Any, Any]]


def answers_in_background(
    requests: Iterable[Q], session: Session[Q, A], in_flight: int
) -> Iterator[A]:
    """The answer to each of `requests`, in the order in which they come.

    Never more than `in_flight` requests are taken and not answered. `requests` is advanced in the
    thread that iterates, and what an answer raises is raised there. Whoever abandons the iterator
    cancels what is in flight and ends the thread.
    """
    ready: Future[_Running] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(_serve(session, ready)), name="answers", daemon=True
    )
    thread.start()
    loop, stop, ask = ready.result()
    done: SimpleQueue[Future[A]] = SimpleQueue()
    waiting, flying, exhausted = iter(requests), 0, False
    try:
        while True:
            while not exhausted and flying < in_flight:
                try:
                    request = next(waiting)
                except StopIteration:
                    exhausted = True
                else:
                    asyncio.run_coroutine_threadsafe(ask(request), loop).add_done_callback(done.put)
                    flying += 1
            if not flying:
                return
            answer = done.get()
            flying -= 1
            yield answer.result()
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _serve(session: Session[Q, A], ready: "Future[_Running]") -> None:
    """Hold the session open until `stop`; cancel what is in flight before it closes."""
    stop = asyncio.Event()
    try:
        async with session() as ask:
            ready.set_result(_Running(asyncio.get_running_loop(), stop, ask))
            await stop.wait()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    except Exception as error:
        if ready.done():
            raise
        ready.set_exception(error)
