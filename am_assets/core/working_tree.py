"""The working tree's copies of artifacts, and the scratch folders beside them.

A copy is made whole in its own artifact's folder, and so on its own file system, before it takes
the place of the old one.
"""

import errno
import fcntl
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_YOUNG_S = 3600.0
_STAGED = ".am-staged-"


@contextmanager
def scratch_folder(home: Path) -> Iterator[Path]:
    """A folder of its own in `home`, removed at the end.

    Folders that killed processes have left are removed first.
    """
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    folder = home / uuid.uuid4().hex
    lock = folder.with_suffix(".lock")
    with lock.open("w") as handle:
        # Held for as long as this process lives; before the folder, so that none is without.
        fcntl.flock(handle, fcntl.LOCK_EX)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def swap_in(target: Path, fill: Callable[[Path], None] | None, texts: Mapping[str, bytes]) -> None:
    """Let `target/data` be what `fill` puts into the folder that it is given and has to make.

    Small files beside it are written too. Where `fill` fails, nothing is changed. One process at a
    time, under a lock of the caller's.
    """
    target.mkdir(parents=True, exist_ok=True)
    for folder in left_behind(target):
        shutil.rmtree(folder, ignore_errors=True)
    staged = target / f"{_STAGED}{uuid.uuid4().hex}"
    staged.mkdir()
    try:
        if fill is not None:
            fill(staged / "data")
            if (target / "data").exists():
                (target / "data").rename(staged / "old")
            (staged / "data").rename(target / "data")
        for name, text in texts.items():
            (staged / name).write_bytes(text)
            (staged / name).replace(target / name)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def left_behind(target: Path) -> list[Path]:
    """What a process that is at work on `target`, or was killed there, has staged."""
    return list(target.glob(f"{_STAGED}*"))


def moved(folder: Path, to: Path) -> bool:
    """Move a folder within its file system; False where `to` is on another one."""
    try:
        folder.rename(to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file below `folder`, by its path there."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }


def _sweep(home: Path) -> None:
    """Remove the scratch folders in `home`, and their locks, whose process is no more."""
    for folder in {entry.with_suffix("") for entry in home.iterdir()}:
        lock = folder.with_suffix(".lock")
        if not folder.exists() and time.time() - lock.stat().st_mtime < _YOUNG_S:
            continue  # its process may be about to make the folder
        with lock.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)
