"""All that some definitions lead to, method by method, and one hash for it."""

import gc
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from am_assets.core.code.files import Sources
from am_assets.core.code.modules import Definition, Module, Package
from am_assets.core.code.scan import Asked, Scanned, Scanner
from am_assets.core.code.types import Types

_ROUNDS = 3
"""How far around a definition its neighbors tell it from one that reads the same."""

_HEADER = re.compile(r"^[ \t]*class \w+(?:\[[^\]]*\])?\(([^)]*)\)", re.MULTILINE)
_NAME = re.compile(r"\w+")

_BEYOND = b"-"
"""Stands for what is referred to and not reached."""

_BY_NAME = frozenset({"builtins.object", "typing.Generic", "typing.NamedTuple", "typing.Protocol"})
"""Base classes that call no method of their own accord but those between double underscores."""


@dataclass(frozen=True)
class Reach:
    """Definitions that are led to, and the top-level packages from elsewhere they import."""

    definitions: frozenset[Definition]
    imports: frozenset[str]
    version: str
    """12 hex digits: the same for the same behaviour, wherever it lies, whatever it is called."""

    @property
    def modules(self) -> frozenset[str]:
        """Modules that hold any of it."""
        return frozenset(one.module.name for one in self.definitions)

    @property
    def paths(self) -> frozenset[str]:
        """Dotted names of the definitions."""
        return frozenset(one.path for one in self.definitions)


class Graph:
    """A package's definitions and what they lead to; `boundaries` are not followed.

    What is `apart` is only followed from what is. Raises LookupError for a boundary that does not
    exist.
    """

    def __init__(
        self, sources: Sources, boundaries: Iterable[str] = (), apart: Iterable[str] = ()
    ) -> None:
        self.package = Package(sources)
        self.types = Types(self.package)
        self._scanner = Scanner(self.types)
        self._boundaries = _Named(self.package, boundaries)
        self._apart = _Named(self.package, apart)
        self._implementers: dict[Definition, list[Definition]] = {}

    def stops(self, one: Definition, apart: bool = True) -> bool:
        """Whether a definition lies behind a boundary; with `apart`, whether it is apart too."""
        return one in self._boundaries or (apart and one in self._apart)

    def scan(self, one: Definition) -> Scanned:
        """What one definition says and leads to."""
        return self._scanner.scan(one)

    def implementers(self, protocol: Definition) -> list[Definition]:
        """Classes of the package that have all that a protocol names."""
        if protocol not in self._implementers:
            wanted = {name for name in self.types.members(protocol) if not name.startswith("__")}
            self._implementers[protocol] = [
                one
                for one in self._classes_with(wanted)
                if not self.types.is_protocol(one) and wanted <= self.types.members(one)
            ]
        return self._implementers[protocol]

    def _classes_with(self, names: set[str]) -> Iterable[Definition]:
        """Classes that may have all of `names`: their module says them, or their base's does."""
        texts = {
            module: text
            for module, text in self.package.sources.texts.items()
            if not module.startswith(self._boundaries.modules)
        }
        pending = [module for module, text in texts.items() if all(name in text for name in names)]
        seen = set(pending)
        while pending:
            found = self.package.module(pending.pop()).definitions.values()
            classes = [one for one in found if one.kind == "class"]
            yield from classes
            called = {one.name for one in classes}
            for module in texts:
                if module not in seen and not called.isdisjoint(self._bases[module]):
                    seen.add(module)
                    pending.append(module)

    @cached_property
    def _bases(self) -> dict[str, set[str]]:
        """By module: the names that headers of its classes have."""
        return {
            module: {name for header in _HEADER.findall(text) for name in _NAME.findall(header)}
            for module, text in self.package.sources.texts.items()
        }

    def reach(self, roots: Iterable[str], everywhere: bool = False) -> Reach:
        """All that `roots` lead to: dotted names; of a class and a module, everything in it.

        What is apart is followed where a root is, or `everywhere`.
        """
        with _uncollected():
            begun = [self.package.find(path) for path in roots]
            walk = _Walk(self, not everywhere and all(one not in self._apart for one in begun))
            for found in begun:
                if isinstance(found, Module):
                    walk.module(found.name)
                else:
                    walk.whole(found)
            walk.finish()
            reached = frozenset(walk.reached)
            imports = frozenset(name for one in reached for name in self.scan(one).imports)
            return Reach(reached, imports, self.version(reached))

    def version(
        self,
        reached: frozenset[Definition],
        instead: Mapping[Definition, Scanned] | None = None,
    ) -> str:
        """Version of some definitions; of those in `instead`, as if they said that."""
        scans = {one: self.scan(one) for one in reached} | {
            one: scanned for one, scanned in (instead or {}).items() if one in reached
        }
        around: dict[Definition, list[Definition]] = {}
        for one, scanned in scans.items():
            around[one] = list(scanned.references)
            if one.kind == "class":
                own = (one.methods[name] for name in sorted(one.methods))
                around[one] += [method for method in own if method in reached]
            elif one.owner is not None:
                around[one].append(one.owner)
        forms = {one: _hash(scanned.form.encode()) for one, scanned in scans.items()}
        hashes = forms
        for _ in range(_ROUNDS):
            hashes = {
                one: _hash(forms[one], *[hashes.get(near, _BEYOND) for near in around[one]])
                for one in reached
            }
        return hashlib.sha256(b"".join(sorted(hashes.values()))).hexdigest()[:12]


class _Named:
    """Definitions that dotted names stand for: of a class and a module, everything in it."""

    def __init__(self, package: Package, paths: Iterable[str]) -> None:
        found = [package.find(path) for path in paths]
        self.modules = tuple(one.name for one in found if isinstance(one, Module))
        self._below = tuple(f"{name}." for name in self.modules)
        self._definitions = {one for one in found if isinstance(one, Definition)}

    def __contains__(self, one: Definition | Module) -> bool:
        if isinstance(one, Definition):
            if one in self._definitions or one.owner in self._definitions:
                return True
            one = one.module
        return one.name in self.modules or one.name.startswith(self._below)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Syntax trees are many objects that stay: looking for garbage among them takes a third.

    What is there at the end is left out of later looks, too.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()


def _hash(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"|".join(parts), digest_size=16).digest()


class _Walk:
    """One walk over the graph, until nothing more is reached.

    A class lives once it is used as a value: then its methods are reached whose names are used on
    values nobody knows the class of, and those that Python or a base class from elsewhere calls.
    """

    def __init__(self, graph: Graph, apart: bool) -> None:
        self._graph, self._types = graph, graph.types
        self._apart = apart
        self.reached: set[Definition] = set()
        self._living: set[Definition] = set()
        self._asked: set[Asked] = set()
        self._anywhere: set[str] = set()
        """Names used on values of unknown class."""
        self._protocols: dict[Definition, set[str]] = {}
        self._pending: list[Definition] = []
        self._modules: set[str] = set()

    def finish(self) -> None:
        """Go on to the end."""
        while True:
            while self._pending:
                self._follow(self._graph.scan(self._pending.pop()))
            if not self._received():
                return

    def module(self, name: str) -> None:
        """Reach a module that is started, or asked for, whole."""
        if name in self._modules:
            return
        self._modules.add(name)
        for one in self._graph.package.module(name).all():
            self.whole(one)

    def whole(self, one: Definition) -> None:
        """Reach a definition; of a class everything in it."""
        self._use(one)
        for method in one.methods.values():
            self._reach(method)

    def _reach(self, one: Definition) -> None:
        if one in self.reached or self._graph.stops(one, self._apart):
            return
        if one.kind in ("effects", "main") and not one.nodes:
            return
        self.reached.add(one)
        self._pending.append(one)
        self._reach(one.module.effects)
        if one.owner is not None:
            self._reach(one.owner)
        if one.kind == "class":
            for base in self._types.bases(one)[0]:
                self._reach(base)

    def _use(self, one: Definition) -> None:
        self._reach(one)
        if one.kind == "class" and one not in self._living and one in self.reached:
            self._living.add(one)
            self._live(one)

    def _live(self, one: Definition) -> None:
        ancestors = self._types.ancestors(one)
        called_from_elsewhere = bool(self._types.outside(one) - _BY_NAME)
        for up in ancestors:
            for name, method in up.methods.items():
                if called_from_elsewhere or name.startswith("__") or name in self._anywhere:
                    self._reach(method)
        for asked in self._asked:
            if asked.owner in ancestors:
                self._ask(one, asked.name)
        for protocol, names in self._protocols.items():
            if one in self._graph.implementers(protocol):
                for name in names:
                    self._ask(one, name)

    def _ask(self, one: Definition, name: str) -> None:
        method = self._types.method(one, name)
        if method is not None:
            self._reach(method)

    def _follow(self, scanned: Scanned) -> None:
        for one in scanned.used:
            self._use(one)
        for name in scanned.modules:
            self.module(name)
        for asked in scanned.asked - self._asked:
            self._asked.add(asked)
            if asked.owner is None:
                self._anywhere.add(asked.name)
                for one in list(self._living):
                    self._ask(one, asked.name)
            elif self._types.is_protocol(asked.owner):
                self._on_protocol(asked.owner, asked.name)
            else:
                self._ask(asked.owner, asked.name)
                for one in list(self._living):
                    if asked.owner in self._types.ancestors(one):
                        self._ask(one, asked.name)

    def _on_protocol(self, protocol: Definition, name: str) -> None:
        if name not in self._types.members(protocol):
            return
        self._protocols.setdefault(protocol, set()).add(name)
        for one in self._graph.implementers(protocol):
            if one in self._living:
                self._ask(one, name)

    def _received(self) -> bool:
        """Let live what implements a protocol of which nothing reached makes one."""
        before = len(self.reached)
        for protocol in list(self._protocols):
            able = self._graph.implementers(protocol)
            if not any(one in self._living for one in able):
                for one in able:
                    self._use(one)
        return len(self.reached) > before or bool(self._pending)
