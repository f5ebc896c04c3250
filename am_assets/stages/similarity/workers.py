"""Threads that compute side by side, each alone.

Torch splits every operation among its threads and waits for the slowest; where other programs use
the processors as well, that waiting costs more than the work. Tiles are independent: one thread
takes a tile from its product to its pairs, and waits for nobody.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import torch

Task = TypeVar("Task")
Result = TypeVar("Result")


def workers(count: int) -> ThreadPoolExecutor:
    """A pool of `count` threads, in each of which torch uses no further thread.

    They end when nothing refers to the pool any more.
    """
    ready = Barrier(count + 1)

    def alone() -> None:
        # The first call in a thread takes over torch's common setting, the second departs from it.
        torch.get_num_threads()
        torch.set_num_threads(1)
        ready.wait()

    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, initializer=alone)
    for _ in range(count):
        pool.submit(bool)
    ready.wait()
    # A thread's setting becomes the one of threads to come, unless it is set back.
    torch.set_num_threads(before)
    return pool


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Task], Result], tasks: Iterable[Task], ahead: int
) -> Iterator[Result]:
    """The results of all tasks in their order, of which `ahead` are under way at a time."""
    waiting: deque[Future[Result]] = deque()
    for task in tasks:
        waiting.append(pool.submit(work, task))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
