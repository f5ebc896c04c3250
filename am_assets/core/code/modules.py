"""The definitions of a package's modules, and what a name in a module stands for.

Everything is read from source text: nothing is imported to be looked at.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from am_assets.core.code.files import Sources

Kind = Literal["function", "class", "method", "value", "effects", "main"]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False)
class Definition:
    """One thing that a module defines at its top, or a method of a class there.

    A `class` is its header, fields and what else its body says but for the methods. `effects` are
    a module's statements that bind no name, `main` what it does when it is run.
    """

    module: "Module"
    name: str
    kind: Kind
    nodes: list[ast.stmt] = field(default_factory=list)
    owner: "Definition | None" = None
    methods: "dict[str, Definition]" = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.path

    @property
    def path(self) -> str:
        """Dotted name, e.g. "am_assets.core.stage.Run.read"."""
        return f"{self.module.name}.{self.name}"


@dataclass(frozen=True)
class Outside:
    """A name of another package: `path` is dotted, from the top-level package on."""

    path: str

    @property
    def top(self) -> str:
        """What is imported."""
        return self.path.partition(".")[0]


@dataclass(frozen=True)
class Import:
    """What an import statement binds a name to: a module, or what a module calls `name`."""

    module: str
    name: str | None = None


class Module:
    """One module: its definitions and imports by name."""

    def __init__(self, name: str, is_package: bool, text: str) -> None:
        self.name = name
        self.is_package = is_package
        self.definitions: dict[str, Definition] = {}
        self.imports: dict[str, Import] = {}
        self.effects = Definition(self, "<effects>", "effects")
        self.main = Definition(self, "<main>", "main")
        for node in ast.parse(text).body:
            self._read(node)

    def all(self) -> Iterator[Definition]:
        """Every definition, methods included."""
        for definition in self.definitions.values():
            yield definition
            yield from definition.methods.values()
        yield self.effects
        yield self.main

    def _read(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imports.update(imported(node, self))
        elif isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, Function):
            self._add(node.name, "function", node)
        elif is_main(node):
            self.main.nodes.append(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.If | ast.Try):
            for inner in ast.walk(node) if isinstance(node, ast.If | ast.Try) else ():
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    self.imports.update(imported(inner, self))
            if isinstance(node, ast.If) and _mentions(node.test, "TYPE_CHECKING"):
                return
            names = [*_stored(node)]
            for name in names:
                self._add(name, "value", node)
            if not names:
                self.effects.nodes.append(node)
        elif not is_text(node):
            self.effects.nodes.append(node)

    def _add(self, name: str, kind: Kind, node: ast.stmt) -> Definition:
        known = self.definitions.setdefault(name, Definition(self, name, kind))
        known.nodes.append(node)
        return known

    def _class(self, node: ast.ClassDef) -> None:
        one = self._add(node.name, "class", node)
        for inner in node.body:
            if isinstance(inner, Function):
                method = one.methods.setdefault(
                    inner.name, Definition(self, f"{node.name}.{inner.name}", "method", owner=one)
                )
                method.nodes.append(inner)


class Package:
    """A package's modules, parsed when they are asked for."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.name = min(sources.texts, key=len)
        self._modules: dict[str, Module] = {}

    def is_own(self, name: str) -> bool:
        """Whether a dotted name begins with the package's."""
        return name == self.name or name.startswith(f"{self.name}.")

    def module(self, name: str) -> Module:
        """A module by its dotted name; raises ModuleNotFoundError."""
        if name not in self._modules:
            if name not in self.sources.texts:
                raise ModuleNotFoundError(f"no source for module {name}")
            is_package = name in self.sources.packages
            self._modules[name] = Module(name, is_package, self.sources.texts[name])
        return self._modules[name]

    def modules(self) -> Iterator[Module]:
        """Every module."""
        return (self.module(name) for name in self.sources.texts)

    def find(self, path: str) -> "Definition | Module":
        """What a dotted name stands for; raises LookupError."""
        module = path
        while module not in self.sources.texts:
            module = module.rpartition(".")[0]
            if not module:
                raise LookupError(f"there is no {path} in package {self.name}")
        found: Definition | Module | Outside | None = self.module(module)
        for name in path[len(module) :].split(".")[1:]:
            if isinstance(found, Module):
                found = self.resolve(found, name)
            elif isinstance(found, Definition):
                found = found.methods.get(name)
        if not isinstance(found, Definition | Module):
            raise LookupError(f"there is no {path} in package {self.name}")
        return found

    def resolve(self, module: Module, name: str) -> "Definition | Module | Outside | None":
        """What a name at a module's top stands for, followed to where it is defined."""
        if name in module.definitions:
            return module.definitions[name]
        if name in module.imports:
            return self.target(module.imports[name])
        child = f"{module.name}.{name}"
        return self.module(child) if child in self.sources.texts else None

    def target(self, one: Import) -> "Definition | Module | Outside | None":
        """What an import stands for."""
        if not self.is_own(one.module):
            return Outside(f"{one.module}.{one.name}" if one.name else one.module)
        module = self.module(one.module)
        return module if one.name is None else self.resolve(module, one.name)

    @cached_property
    def classes(self) -> list[Definition]:
        """Every class of the package."""
        return [
            one
            for module in self.modules()
            for one in module.definitions.values()
            if one.kind == "class"
        ]


def imported(node: ast.Import | ast.ImportFrom, module: Module) -> dict[str, Import]:
    """What an import statement binds."""
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.partition(".")[0]: Import(
                alias.name if alias.asname else alias.name.partition(".")[0]
            )
            for alias in node.names
        }
    home = node.module or ""
    if node.level:
        parts = module.name.split(".")
        parts = parts[: len(parts) - node.level + module.is_package]
        home = ".".join([*parts, *([home] if home else [])])
    return {alias.asname or alias.name: Import(home, alias.name) for alias in node.names}


def is_log(node: ast.stmt) -> bool:
    """A line for a run's log."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "log"
    )


def is_text(node: ast.stmt) -> bool:
    """A constant by itself: a docstring of a module, class, function or attribute, or `...`."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_main(node: ast.stmt) -> bool:
    """The part of a module that only runs when the module is started."""
    return isinstance(node, ast.If) and _mentions(node.test, "__name__")


def _mentions(node: ast.expr, name: str) -> bool:
    return any(
        (isinstance(inner, ast.Name) and inner.id == name)
        or (isinstance(inner, ast.Attribute) and inner.attr == name)
        for inner in ast.walk(node)
    )


def _stored(node: ast.stmt) -> Iterator[str]:
    """Names that a statement at a module's top binds."""
    inside: Sequence[ast.AST] = [node]
    while inside:
        following: list[ast.AST] = []
        for one in inside:
            if isinstance(one, Function | ast.ClassDef):
                yield one.name
            elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                yield one.id
            elif not isinstance(one, ast.Lambda | ast.comprehension):
                following.extend(ast.iter_child_nodes(one))
        inside = following
