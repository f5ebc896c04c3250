"""The names of a function and what they may hold.

A type is the set of own classes that a value may be, hold or make; `ANYTHING` where nothing is
known. Containers, iterators and callables carry the classes of what they hold and give.
"""

import ast
from collections.abc import Iterable
from typing import Any, Protocol

from am_assets.core.code.modules import Definition, Function, Module, Outside, Package, imported

Type = frozenset[Definition] | None
ANYTHING: Type = None
NOTHING: Type = frozenset()
Target = Definition | Module | Outside | None

_NAMED = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef})
_ELSEWHERE = frozenset({ast.Global, ast.Nonlocal})
_IMPORTS = frozenset({ast.Import, ast.ImportFrom})
_BINDING = frozenset(
    {
        *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For, ast.AsyncFor),
        *(ast.comprehension, ast.withitem, ast.ExceptHandler),
        *(ast.MatchAs, ast.MatchStar, ast.MatchMapping),
    }
)

# Fields of names, numbers and operators, and how a name is used: below them is nothing to see.
_PLAIN = frozenset(
    {
        *("arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind", "kwd_attrs"),
        *("level", "module", "n", "name", "op", "ops", "rest", "s", "simple", "str", "tag"),
        "type_comment",
    }
)
_GAPS = frozenset({"keys", "kw_defaults"})


def _holding(kind: type[ast.AST]) -> tuple[str, ...]:
    if kind in (ast.Constant, ast.MatchSingleton, ast.Global, ast.Nonlocal):
        return ()
    return tuple(name for name in kind._fields if name not in _PLAIN)


_HOLDING: dict[type[ast.AST], tuple[str, ...]] = {
    kind: _holding(kind)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""By kind of node: the fields that hold nodes."""


class Inference(Protocol):
    """What a scope asks of `types.Types`."""

    package: Package

    def annotation(self, node: ast.expr | None, scope: "Scope") -> Type:
        """The own classes that an annotation names."""
        ...

    def of(self, node: ast.expr, scope: "Scope") -> Type:
        """What an expression may give."""
        ...


class Scope:
    """The names of one function (or of a module's top, without a node) and what they stand for."""

    def __init__(
        self,
        types: Inference,
        module: Module,
        node: ast.AST | None = None,
        outer: "Scope | None" = None,
        owner: Definition | None = None,
    ) -> None:
        self.module, self.owner, self._outer = module, owner, outer
        self._types = types
        self._imports: dict[str, Target] = {}
        self._sources: dict[str, list[ast.expr | Type]] = {}
        self._known: dict[str, Type] = {}
        if node is not None:
            self._read(node)

    def local(self, name: str) -> bool:
        """Whether a name is bound in this function or one around it, import statements apart."""
        return name in self._sources or (self._outer is not None and self._outer.local(name))

    def target(self, name: str) -> Target:
        """What a name that is not local stands for."""
        if name in self._imports:
            return self._imports[name]
        if self._outer is not None:
            return self._outer.target(name)
        return self._types.package.resolve(self.module, name)

    def type(self, name: str) -> Type:
        """What a local name may hold."""
        if name not in self._sources:
            return self._outer.type(name) if self._outer is not None else ANYTHING
        if name not in self._known:
            self._known[name] = NOTHING  # while it is found out
            self._known[name] = union(
                self._types.of(one, self) if isinstance(one, ast.expr) else one
                for one in self._sources[name]
            )
        return self._known[name]

    def bind(self, name: str, source: ast.expr | Type) -> None:
        """Add something that a local name may hold."""
        self._sources.setdefault(name, []).append(source)

    def _read(self, node: ast.AST) -> None:
        if isinstance(node, Function | ast.Lambda):
            self._parameters(node)
        elsewhere: set[str] = set()
        body = node.body  # type: ignore[attr-defined]
        pending: list[ast.AST] = [*body] if isinstance(body, list) else [body]
        while pending:
            one = pending.pop()
            kind = type(one)
            if kind in _NAMED:
                self._named(one)  # type: ignore[arg-type]
                pending.extend(one.decorator_list)  # type: ignore[attr-defined]
                continue
            if kind is ast.Lambda:
                continue
            if kind in _ELSEWHERE:
                elsewhere.update(one.names)  # type: ignore[attr-defined]
            elif kind in _IMPORTS:
                for name, bound in imported(one, self.module).items():  # type: ignore[arg-type]
                    self._imports[name] = self._types.package.target(bound)
            elif kind in _BINDING:
                self._bind(one)
            pending += children(one)
        for name in elsewhere:
            self._sources.pop(name, None)

    def _named(self, one: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        given = ANYTHING
        if isinstance(one, Function):
            given = self._types.annotation(one.returns, self)
        self.bind(one.name, given)

    def _parameters(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        given += [one for one in (node.args.vararg, node.args.kwarg) if one is not None]
        for one in given:
            if one.arg in ("self", "cls") and self.owner is not None and one.annotation is None:
                self.bind(one.arg, frozenset({self.owner}))
            else:
                self.bind(one.arg, self._types.annotation(one.annotation, self))

    def _bind(self, one: ast.AST) -> None:
        if isinstance(one, ast.Assign):
            for target in one.targets:
                self._targets(target, one.value)
        elif isinstance(one, ast.AnnAssign):
            if isinstance(one.target, ast.Name):
                self.bind(one.target.id, self._types.annotation(one.annotation, self))
        elif isinstance(one, (ast.AugAssign, ast.NamedExpr)):
            self._targets(one.target, one.value)
        elif isinstance(one, (ast.For, ast.AsyncFor, ast.comprehension)):
            self._targets(one.target, one.iter)
        elif isinstance(one, ast.withitem):
            if one.optional_vars is not None:
                self._targets(one.optional_vars, one.context_expr)
        elif isinstance(one, ast.ExceptHandler):
            if one.name:
                self.bind(one.name, one.type if one.type is not None else ANYTHING)
        elif isinstance(one, ast.MatchAs | ast.MatchStar):
            if one.name:
                self.bind(one.name, ANYTHING)
        elif isinstance(one, ast.MatchMapping) and one.rest:
            self.bind(one.rest, ANYTHING)

    def _targets(self, target: ast.expr, value: ast.expr) -> None:
        for part, given in paired(target, value):
            if isinstance(part, ast.Name):
                self.bind(part.id, given)


def union(types: Iterable[Type]) -> Type:
    """What any of `types` may be."""
    found: set[Definition] = set()
    for one in types:
        if one is None:
            return ANYTHING
        found |= one
    return frozenset(found)


def paired(target: ast.expr, value: ast.expr) -> Iterable[tuple[ast.expr, ast.expr]]:
    """The names that are assigned to, each with what it takes a value from."""
    if isinstance(target, (ast.Tuple, ast.List)):
        several = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
        values = value.elts if several else [value] * len(target.elts)  # type: ignore[attr-defined]
        for part, given in zip(target.elts, values, strict=True):
            yield from paired(part, given)
    elif isinstance(target, ast.Starred):
        yield from paired(target.value, value)
    else:
        yield target, value


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below one, but for those that only say how it is used."""
    found: list[ast.AST] = []
    for name in _HOLDING[type(node)]:
        value: Any = getattr(node, name, None)
        if value.__class__ is list:
            # No default, and `**` in a dict, are None among them.
            found += [part for part in value if part is not None] if name in _GAPS else value
        elif value is not None:
            found.append(value)
    return found
