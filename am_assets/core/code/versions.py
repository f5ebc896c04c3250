"""Code versions that follow from the code: a change of what a function leads to is a new one."""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from am_assets.core.code.boundaries import BOUNDARIES, BY_KIND, MACHINERY
from am_assets.core.code.files import own_sources
from am_assets.core.code.kept_results import kept_results
from am_assets.core.code.libraries import TOOLS, version_of, versions_of
from am_assets.core.code.modules import Definition
from am_assets.core.code.reach import Graph

_PACKAGE = f"{__name__.partition('.')[0]}."

Root = Callable[..., Any] | type | str
"""A function or class, or the dotted name of one or of a module."""


class Code(NamedTuple):
    """What a result follows from, of the code that makes it."""

    version: str
    libraries: dict[str, str]
    """Versions, by name, of the libraries and tools that decide."""


class Reached(NamedTuple):
    """What roots lead to; see `Reach`."""

    version: str
    imports: frozenset[str]
    paths: frozenset[str]
    modules: frozenset[str]


def code_version(*roots: Root) -> str:
    """12 hex digits for the behaviour of `roots` and of all they lead to in this package.

    Raises LookupError for a name that is not in the package.
    """
    return code_of(*roots).version


def code_of(*roots: Root) -> Code:
    """Version and libraries of `roots` and of all they lead to; see `code_version`.

    Raises UnknownLibrary where they import what nobody has judged.
    """
    elsewhere = [root for root in roots if not is_own(root)]
    reach = reach_of(*(root for root in roots if is_own(root)))
    version = reach.version
    if elsewhere:
        # A function of another package: nothing is known of what it leads to but its file.
        files = b"".join(Path(inspect.getfile(root)).read_bytes() for root in elsewhere)  # type: ignore[arg-type]
        version = hashlib.sha256(version.encode() + files).hexdigest()[:12]
    return Code(version, dict(libraries_of(reach)))


def build_code(build: Root) -> Code:
    """Version and libraries of an artifact that `build` builds, with what every stage does."""
    return code_of(build, *MACHINERY)


def alone(*roots: Root) -> str:
    """12 hex digits for what `roots` themselves say, whatever they lead to."""
    return alone_of_paths(tuple(_path(root) for root in roots))


def reach_of(*roots: Root, everywhere: bool = False) -> Reached:
    """All that `roots`, of this package, lead to; with `everywhere`, what judges any kind too."""
    return reach_of_paths(tuple(sorted({_path(root) for root in roots})), everywhere)


@cache
def graph() -> Graph:
    """The package as this process found it."""
    return Graph(own_sources(), BOUNDARIES, BY_KIND)


@cache
def reach_of_paths(paths: tuple[str, ...], everywhere: bool) -> Reached:
    """The same of sorted dotted names; found once a process."""
    key = " ".join(("everywhere" if everywhere else "reach", *paths))
    kept = kept_results().get(key)
    if kept is None:
        found = graph().reach(paths, everywhere)
        kept = {
            "version": found.version,
            "imports": sorted(found.imports),
            "paths": sorted(found.paths),
            "modules": sorted(found.modules),
        }
        kept_results().put(key, kept)
    names = (frozenset(kept[name]) for name in ("imports", "paths", "modules"))
    return Reached(str(kept["version"]), *names)


@cache
def alone_of_paths(paths: tuple[str, ...]) -> str:
    """The same of dotted names; found once a process."""
    key = " ".join(("alone", *paths))
    kept = kept_results().get(key)
    if kept is None:
        forms: list[str] = []
        for path in paths:
            found = graph().package.find(path)
            if not isinstance(found, Definition):
                raise LookupError(f"{path} is a module: name a function or class of it")
            forms.append(graph().scan(found).form)
        kept = {"version": hashlib.sha256("\n".join(forms).encode()).hexdigest()[:12]}
        kept_results().put(key, kept)
    return str(kept["version"])


@cache
def libraries_of(reach: Reached) -> dict[str, str]:
    """Versions, by name, of the libraries and tools that decide in what was reached."""
    found = versions_of(reach.imports)
    for path, names in TOOLS.items():
        if path in reach.paths:
            found |= {name: version_of(name) for name in names}
    return dict(sorted(found.items()))


def _path(root: Root) -> str:
    return root if isinstance(root, str) else f"{root.__module__}.{root.__qualname__}"


def is_own(root: Root) -> bool:
    """Whether a root is of this package."""
    return f"{_path(root)}.".startswith(_PACKAGE)
