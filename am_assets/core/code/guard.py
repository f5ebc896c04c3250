"""Nothing is published or remembered that other code made than was versioned.

A process, and the workers it starts (now, or in place of one that broke down), load files of the
package as they lie when they are first needed. As long as none of them was written since the
process began, all of them ran the versioned code; from the first that was, nothing they give is
taken. Whether it has the same text again does not matter: a worker may have loaded the other.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

from am_assets.core.code.boundaries import MACHINERY
from am_assets.core.code.files import FOLDER, moved, sources_digest
from am_assets.core.code.versions import Root, is_own, reach_of
from am_assets.core.memory import Entry, RowMemory

Guard = Callable[[], None]
"""Raises CodeMoved."""


class CodeMoved(RuntimeError):
    """Source files were written while they were in use; the message names one and a remedy."""


def guard_of(build: Root) -> Guard:
    """Raises CodeMoved once a file was written that holds code `build` leads to."""
    own = [build] if is_own(build) else []
    return partial(_check, sorted(reach_of(*own, *MACHINERY, everywhere=True).modules))


def guarded(memory: RowMemory, guard: Guard) -> RowMemory:
    """`memory`, in which nothing new is put any more once `guard` raises."""
    return cast(RowMemory, _Guarded(memory, guard))


def check_same(digest: str) -> None:
    """Raises CodeMoved where this process found other files than those of `sources_digest`.

    For processes on other machines, whose files the one that asks them cannot see.
    """
    if sources_digest() != digest:
        raise CodeMoved(
            f"am_assets in {FOLDER} is not what the run was started with: install the same "
            "version on every node and run again"
        )


class _Guarded:
    def __init__(self, memory: RowMemory, guard: Guard) -> None:
        self._memory, self._guard = memory, guard

    def put(self, kind: str, entries: Iterable[Entry]) -> None:
        """See `RowMemory.put`; asks the guard once the results are there."""
        listed = list(entries)
        self._guard()
        self._memory.put(kind, listed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)


def _check(modules: list[str]) -> None:
    gone = moved(modules)
    if gone:
        others = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        raise CodeMoved(
            f"am_assets/{gone[0]}{others} changed while this run was on, so that part of it may "
            "have run other code: nothing of it was published; run again (a process that stays, "
            "like dagster dev, has to be started again)"
        )
