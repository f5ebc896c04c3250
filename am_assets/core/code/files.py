"""The package's source files as this process found them, and which have moved since.

`am_assets` imports this module before any other of its own, so that whatever is loaded later is
either what was found here, or moved. Processes that hold hostile programs load it too, so that it
imports nothing at its top that they would not have.
"""

import os
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

FOLDER = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
"""The folder of the package."""


class Stamp(NamedTuple):
    """What tells that a file was written again, even if with the same bytes."""

    inode: int
    size: int
    modified_ns: int


class Sources(NamedTuple):
    """The modules of a package: their texts by dotted name, and which of them are packages."""

    texts: Mapping[str, str]
    packages: frozenset[str]


def _stamps(folder: str, at: str = "") -> dict[str, Stamp]:
    found: dict[str, Stamp] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            path = f"{at}{entry.name}"
            if entry.name.endswith(".py"):
                stat = entry.stat()
                found[path] = Stamp(stat.st_ino, stat.st_size, stat.st_mtime_ns)
            elif "." not in entry.name and entry.name != "__pycache__" and entry.is_dir():
                found |= _stamps(entry.path, f"{path}/")
    return found


AT_START = _stamps(FOLDER)
"""What every source file was when this process began, by its path in the package."""


@cache
def own_sources() -> Sources:
    """The package's modules, read once a process."""
    return read_sources(FOLDER)


@cache
def sources_digest() -> str:
    """Digest of all the package's files as this process found them."""
    import hashlib

    whole = hashlib.sha256()
    sources = own_sources()
    for name, text in sorted(sources.texts.items()):
        whole.update(f"{name}\0{name in sources.packages}\0{text}\0".encode())
    return whole.hexdigest()


def read_sources(folder: str) -> Sources:
    """The modules of the package in `folder`, called as the folder is."""
    texts: dict[str, str] = {}
    packages: set[str] = set()
    for path in sorted(_stamps(folder)):
        parts = [os.path.basename(folder), *path.removesuffix(".py").split("/")]
        if parts[-1] == "__init__":
            packages.add(".".join(parts[:-1]))
            parts.pop()
        with open(os.path.join(folder, path), encoding="utf-8") as file:
            texts[".".join(parts)] = file.read()
    return Sources(texts, frozenset(packages))


def moved(modules: Iterable[str]) -> list[str]:
    """Paths of those of `modules` whose files were written, or went away, since the start."""
    gone: list[str] = []
    for module in modules:
        path = _path(module)
        try:
            stat = os.stat(os.path.join(FOLDER, path))
        except OSError:
            gone.append(path)
            continue
        if AT_START.get(path) != Stamp(stat.st_ino, stat.st_size, stat.st_mtime_ns):
            gone.append(path)
    return sorted(gone)


@cache
def _path(module: str) -> str:
    path = "/".join(module.split(".")[1:])
    inside = f"{path}/__init__.py" if path else "__init__.py"
    return inside if inside in AT_START else f"{path}.py"
