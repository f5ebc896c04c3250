"""Code versions that follow from the code: a change of what a function leads to is a new one."""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from am_assets.core.code.boundaries import BOUNDARIES, BY_KIND, MACHINERY
from am_assets.core.code.files import own_sources
from am_assets.core.code.libraries import TOOLS, version_of, versions_of
from am_assets.core.code.modules import Definition
from am_assets.core.code.reach import Graph, Reach

Root = Callable[..., Any] | type | str
"""A function or class, or the dotted name of one or of a module."""


class Code(NamedTuple):
    """What a result follows from, of the code that makes it."""

    version: str
    libraries: dict[str, str]
    """Versions, by name, of the libraries and tools that decide."""


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
    return Code(version, dict(_libraries(reach)))


def build_code(build: Root) -> Code:
    """Version and libraries of an artifact that `build` builds, with what every stage does."""
    return code_of(build, *MACHINERY)


def alone(*roots: Root) -> str:
    """12 hex digits for what `roots` themselves say, whatever they lead to."""
    forms = []
    for root in roots:
        found = graph().package.find(_path(root))
        if not isinstance(found, Definition):
            raise LookupError(f"{_path(root)} is a module: name a function or class of it")
        forms.append(graph().scan(found).form)
    return hashlib.sha256("\n".join(forms).encode()).hexdigest()[:12]


def reach_of(*roots: Root, everywhere: bool = False) -> Reach:
    """All that `roots`, of this package, lead to; with `everywhere`, what judges any kind too."""
    return _reach(tuple(sorted({_path(root) for root in roots})), everywhere)


@cache
def graph() -> Graph:
    """The package as this process found it."""
    return Graph(own_sources(), BOUNDARIES, BY_KIND)


@cache
def _reach(paths: tuple[str, ...], everywhere: bool) -> Reach:
    return graph().reach(paths, everywhere)


@cache
def _libraries(reach: Reach) -> dict[str, str]:
    found = versions_of(reach.imports)
    for path, names in TOOLS.items():
        if path in reach.paths:
            found |= {name: version_of(name) for name in names}
    return dict(sorted(found.items()))


def _path(root: Root) -> str:
    return root if isinstance(root, str) else f"{root.__module__}.{root.__qualname__}"


def is_own(root: Root) -> bool:
    """Whether a root is of this package."""
    return graph().package.is_own(_path(root))
