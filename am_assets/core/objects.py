"""The objects of the DVC cache: files under their md5, whole or told.

The lock-free way into the cache is `dvc_data`'s own build and transfer, an internal API: it is
used only in this module, and a contract test holds its results to the real `dvc` commands.

An object is compared with its md5 once a process, and again when its file has another size, time
or inode than then. A bit that turns on the disk after that is not seen before the next process.
"""

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 20
_READ_ONLY = 0o444
"""The mode of DVC's own objects."""

_sound: dict[Path, tuple[int, ...]] = {}
"""What every object that this process has compared with its md5 looked like then."""


class StoreError(RuntimeError):
    """The store cannot do what was asked; the message says what to do."""


class Entry(NamedTuple):
    """A file of a published folder."""

    md5: str
    size: int | None
    """Bytes; None where its artifact was published without them."""


class Objects:
    """The cache of the project at `root`, wherever DVC's own settings put it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def folder(self) -> Path:
        """Where the objects lie."""
        from dvc.config import Config

        settings = Config(str(self._root / ".dvc"), validate=True)
        named = settings["cache"].get("dir")
        cache = Path(named) if named else self._root / ".dvc" / "cache"
        return cache / "files" / "md5"

    def path(self, md5: str) -> Path:
        """Where an object lies, or would."""
        return self.folder / md5[:2] / md5[2:]

    def has(self, entry: Entry) -> bool:
        """Whether the object is there with its size; its bytes are not read."""
        size = file_size(self.path(entry.md5))
        return size is not None and entry.size in (None, size)

    def is_sound(self, md5: str) -> bool:
        """Whether the object is there with the bytes that its name says."""
        path = self.path(md5)
        looks = _looks(path)
        if looks is None:
            return False
        if _sound.get(path) != looks:
            if md5_of(path) != md5.removesuffix(".dir"):
                return False
            _sound[path] = looks
        return True

    def add(self, folder: Path) -> tuple[str, dict[str, Entry]]:
        """Copy a folder's files into the cache, onto the disk, without DVC's repository lock.

        Gives the md5 of the folder and its files. An object that was there and is damaged is made
        anew.
        """
        # Loaded here: commands that only read do not wait for it.
        from dvc_data.hashfile.build import build
        from dvc_data.hashfile.db.local import LocalHashFileDB
        from dvc_data.hashfile.transfer import transfer
        from dvc_data.hashfile.tree import Tree
        from dvc_objects.fs.local import localfs

        cache = LocalHashFileDB(localfs, str(self.folder))
        staging, _, tree = build(cache, str(folder), localfs, "md5")
        if not isinstance(tree, Tree) or tree.hash_info is None or tree.hash_info.value is None:
            raise StoreError(f"DVC could not hash {folder}")
        md5 = tree.hash_info.value
        files = {
            name: Entry(file_md5, (folder / name).stat().st_size)
            for name, file_md5 in parse_listing(tree.as_bytes()).items()
        }
        known = [name for name, entry in files.items() if self.path(entry.md5).exists()]
        result = transfer(staging, cache, {tree.hash_info}, shallow=False)
        if result.failed:
            raise StoreError(f"DVC could not store {len(result.failed)} objects of {folder}")
        for name in known:
            if not self.is_sound(files[name].md5):
                self.take(folder / name, files[name].md5)
        if not self.is_sound(md5):
            self.put(tree.as_bytes(), md5)
        self._flush([md5, *(entry.md5 for entry in files.values())])
        return md5, files

    def take(self, source: Path, md5: str) -> bool:
        """Make the object a copy of `source`, if that holds its bytes."""
        target = self.path(md5)
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f"{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            if not copy_checked(source, staged, md5):
                return False
            flush(staged)
            staged.chmod(_READ_ONLY)
            staged.replace(target)
        finally:
            staged.unlink(missing_ok=True)
        self._flush([md5])
        return True

    def put(self, data: bytes, md5: str) -> bool:
        """Make the object of these bytes, if they have its md5."""
        if _md5(data).hexdigest() != md5.removesuffix(".dir"):
            return False
        target = self.path(md5)
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f"{target.name}.{uuid.uuid4().hex}.tmp")
        staged.write_bytes(data)
        flush(staged)
        staged.chmod(_READ_ONLY)
        staged.replace(target)
        self._flush([md5])
        return True

    def _flush(self, names: Iterable[str]) -> None:
        """Wait until objects and their names are on the disk."""
        paths = [self.path(md5) for md5 in names]
        for path in [*paths, *sorted({path.parent for path in paths}), self.folder]:
            # `dvc gc` may have collected what no pointer names yet: publishing puts it back.
            with contextlib.suppress(FileNotFoundError):
                flush(path)


def listing(files: Mapping[str, Entry]) -> bytes:
    """DVC's object of a folder: the md5 of every file, by path."""
    rows = [{"md5": files[name].md5, "relpath": name} for name in sorted(files)]
    return json.dumps(rows, sort_keys=True).encode()


def parse_listing(data: bytes) -> dict[str, str]:
    """The md5 of every file, by path, of DVC's object of a folder."""
    return {row["relpath"]: row["md5"] for row in json.loads(data)}


def file_size(path: Path) -> int | None:
    """Bytes of a file, None where there is none."""
    looks = _looks(path)
    return None if looks is None else looks[0]


def md5_of(path: Path) -> str:
    """The md5 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, _md5).hexdigest()


def copy_checked(source: Path, target: Path, md5: str) -> bool:
    """Copy a file and say whether the bytes that were copied have this md5."""
    found = _md5()
    with source.open("rb") as read, target.open("wb") as write:
        while chunk := read.read(_CHUNK):
            found.update(chunk)
            write.write(chunk)
    return found.hexdigest() == md5


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _looks(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev


_md5 = partial(hashlib.md5, usedforsecurity=False)
