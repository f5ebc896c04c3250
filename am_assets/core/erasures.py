"""What must stay forgotten: the owners erased from a row memory, kept outside of its file.

An older copy of the memory (out of a backup, or its write-ahead log alone) brings back what was
erased since. Beside the memory lies a record of its erasures, one line each, that is only ever
added to; every opening of the memory erases again what the record says is gone. An owner whose
results are remembered anew is gone no longer, and a line says so.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_GONE, _BACK = "-", "+"


class Erasures:
    """The owners erased from the memory at `memory`; without a path for this object's life."""

    def __init__(self, memory: Path | None) -> None:
        self.path = memory and memory.with_name(memory.name + "-erased")
        self._gone: set[str] = set()
        self._read = 0

    def gone(self) -> set[str]:
        """The owners that are erased and of whom nothing was remembered since.

        A line that a kill or a full disk cut short is passed over: what it was to say was not
        done either.
        """
        if self.path is None or not self.path.is_file():
            if self.path is not None:
                self._gone, self._read = set(), 0
            return self._gone
        if self.path.stat().st_size != self._read:
            self._gone = set()
            data = self.path.read_bytes()
            for line in data.decode("utf-8", "replace").split("\n")[:-1]:
                what, _, owner = line.partition(" ")
                if what == _GONE:
                    self._gone.add(owner)
                elif what == _BACK:
                    self._gone.discard(owner)
            self._read = len(data)
        return self._gone

    def erased(self, owners: Iterable[str]) -> None:
        """Record, on disk before this returns, that `owners` are gone."""
        self._add(_GONE, sorted(set(owners) - self.gone()))

    def returned(self, owners: Iterable[str]) -> None:
        """Record that something was remembered for `owners` again."""
        self._add(_BACK, sorted(self.gone() & set(owners)))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from adding to the record while it and the memory change."""
        if self.path is None:
            yield
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _add(self, what: str, owners: list[str]) -> None:
        if not owners:
            return
        if self.path is None:
            (self._gone.update if what == _GONE else self._gone.difference_update)(owners)
            return
        lines = "".join(f"{what} {owner}\n" for owner in owners).encode()
        with self.path.open("a+b") as handle:
            handle.seek(0, os.SEEK_END)
            if handle.tell() and not _ends_whole(handle):
                lines = b"\n" + lines
            handle.write(lines)
            handle.flush()
            os.fsync(handle.fileno())


def _ends_whole(handle: BinaryIO) -> bool:
    handle.seek(-1, os.SEEK_END)
    return handle.read(1) == b"\n"
