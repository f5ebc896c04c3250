"""Which of the package's classes an expression may give: light inference from annotations."""

import ast
from collections.abc import Iterable, Iterator

from am_assets.core.code.modules import Definition, Function, Module, Outside, Package
from am_assets.core.code.scopes import (
    ANYTHING,
    NOTHING,
    Scope,
    Target,
    Type,
    children,
    paired,
    union,
)

OF_CONTAINERS = frozenset(
    {
        *("add", "append", "appendleft", "clear", "copy", "count", "discard", "elements", "extend"),
        *("get", "index", "insert", "items", "keys", "move_to_end", "most_common", "pop"),
        *("popitem", "popleft", "remove", "result", "reverse", "setdefault", "sort", "total"),
        *("union", "update", "values"),
    }
)
"""Methods by which one reaches what a container, or a future, holds."""


class Types:
    """Types of expressions, annotations, fields and methods of a package."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self._tops: dict[str, Scope] = {}
        self._scopes: dict[int, Scope] = {}
        self._expressions: dict[int, Type] = {}
        self._fields: dict[Definition, dict[str, Type]] = {}
        self._sources: dict[Definition, dict[str, list[tuple[ast.expr, Scope, bool]]]] = {}
        self._ancestors: dict[Definition, tuple[Definition, ...]] = {}
        self._outside: dict[Definition, frozenset[str]] = {}

    def top(self, module: Module) -> Scope:
        """The scope of a module's top."""
        if module.name not in self._tops:
            self._tops[module.name] = Scope(self, module)
        return self._tops[module.name]

    def scope(self, node: ast.AST, outer: Scope, owner: Definition | None = None) -> Scope:
        """The scope of a function in another; of a method, its class is `owner`."""
        if id(node) not in self._scopes:
            self._scopes[id(node)] = Scope(self, outer.module, node, outer, owner)
        return self._scopes[id(node)]

    def reference(self, node: ast.expr, scope: Scope) -> Target:
        """What a name, or a dotted name through modules, stands for; None for anything else."""
        if isinstance(node, ast.Name):
            return None if scope.local(node.id) else scope.target(node.id)
        if isinstance(node, ast.Attribute):
            base = self.reference(node.value, scope)
            if isinstance(base, Module):
                return self.package.resolve(base, node.attr)
            if isinstance(base, Outside):
                # `import am_assets` binds the package; its modules are attributes of it.
                return Outside(f"{base.path}.{node.attr}")
        return None

    def bases(self, one: Definition) -> tuple[list[Definition], set[str]]:
        """Direct base classes: own ones, and the dotted names of others."""
        own: list[Definition] = []
        others: set[str] = set()
        for node in one.nodes:
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                found = self.reference(
                    base.value if isinstance(base, ast.Subscript) else base, self.top(one.module)
                )
                if isinstance(found, Definition):
                    own.append(found)
                elif isinstance(found, Outside):
                    others.add(found.path)
                elif isinstance(base, ast.Name):
                    others.add(f"builtins.{base.id}")
        return own, others

    def ancestors(self, one: Definition) -> tuple[Definition, ...]:
        """The class and its own base classes, nearest first."""
        if one not in self._ancestors:
            self._ancestors[one] = (one,)
            own, others = self.bases(one)
            found = [one, *(up for base in own for up in self.ancestors(base))]
            self._ancestors[one] = tuple(dict.fromkeys(found))
            self._outside[one] = frozenset(others).union(*(self.outside(base) for base in own))
        return self._ancestors[one]

    def outside(self, one: Definition) -> frozenset[str]:
        """Dotted names of all base classes from elsewhere."""
        self.ancestors(one)
        return self._outside.get(one, frozenset())

    def is_protocol(self, one: Definition) -> bool:
        """Whether a class only says what others have."""
        return any(
            name in ("typing.Protocol", "typing_extensions.Protocol") for name in self.bases(one)[1]
        )

    def method(self, one: Definition, name: str) -> Definition | None:
        """The method of a class, or the nearest base class's."""
        for up in self.ancestors(one):
            if name in up.methods:
                return up.methods[name]
        return None

    def members(self, one: Definition) -> set[str]:
        """Names of a class's methods and fields, those of base classes included."""
        found: set[str] = set()
        for up in self.ancestors(one):
            found.update(up.methods, self._field_sources(up))
        return found

    def attribute(self, one: Definition, name: str) -> tuple[bool, Type]:
        """Whether a class has an attribute of that name, and what it may hold or give."""
        for up in self.ancestors(one):
            if name in up.methods:
                node = up.methods[name].nodes[-1]
                assert isinstance(node, Function)
                scope = Scope(self, up.module, owner=one)
                return True, self.annotation(node.returns, scope)
            if name in self._field_sources(up):
                return True, self._field(up, name)
        return False, ANYTHING

    def _field(self, one: Definition, name: str) -> Type:
        known = self._fields.setdefault(one, {})
        if name not in known:
            known[name] = NOTHING  # while it is found out
            sources = self._field_sources(one)[name]
            declared = [entry for entry in sources if entry[2]]
            known[name] = union(
                self.annotation(node, scope) if is_annotation else self.of(node, scope)
                for node, scope, is_annotation in declared or sources
            )
        return known[name]

    def _field_sources(self, one: Definition) -> dict[str, list[tuple[ast.expr, Scope, bool]]]:
        if one in self._sources:
            return self._sources[one]
        found: dict[str, list[tuple[ast.expr, Scope, bool]]] = {}
        self._sources[one] = found
        top = self.top(one.module)

        def add(name: str, node: ast.expr, scope: Scope, is_annotation: bool) -> None:
            found.setdefault(name, []).append((node, scope, is_annotation))

        for node in one.nodes:
            for line in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    add(line.target.id, line.annotation, top, True)
                elif isinstance(line, ast.Assign):
                    for target in line.targets:
                        if isinstance(target, ast.Name):
                            add(target.id, line.value, top, False)
        for method in one.methods.values():
            for node in method.nodes:
                scope = self.scope(node, top, one)
                for line in _walk(node):
                    for target, value, is_annotation in _self_assignments(line):
                        add(target, value, scope, is_annotation)
        return found

    def annotation(self, node: ast.expr | None, scope: Scope) -> Type:
        """The own classes that an annotation names; `ANYTHING` for none, Any and object."""
        if node is None:
            return ANYTHING
        if isinstance(node, ast.Constant):
            if not isinstance(node.value, str):
                return NOTHING
            try:
                return self.annotation(ast.parse(node.value, mode="eval").body, scope)
            except SyntaxError:
                return NOTHING  # words beside a type
        if isinstance(node, (ast.Name, ast.Attribute)):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in ("Any", "object"):
                return ANYTHING
            if name == "Self" and scope.owner is not None:
                return frozenset({scope.owner})
            target = self.reference(node, scope)
            if isinstance(target, Definition) and target.kind == "class":
                return frozenset({target})
            if isinstance(target, Definition) and target.kind == "value":
                return self._alias(target)
            return NOTHING
        if isinstance(node, ast.Subscript):
            name = node.value.id if isinstance(node.value, ast.Name) else ""
            # Records of JSON hold plain values.
            if name == "Literal" or (name in ("dict", "Mapping") and _of_text(node.slice)):
                return NOTHING
        parts = [part for part in children(node) if isinstance(part, ast.expr)]
        return union(self.annotation(part, scope) for part in parts)

    def _alias(self, one: Definition) -> Type:
        found: list[Type] = []
        for node in one.nodes:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if value is None or isinstance(value, ast.Call):
                return ANYTHING  # a type variable
            found.append(self.annotation(value, self.top(one.module)))
        return union(found)

    def of(self, node: ast.expr, scope: Scope) -> Type:
        """What an expression may give."""
        key = id(node)
        if key not in self._expressions:
            self._expressions[key] = NOTHING  # while it is found out
            self._expressions[key] = self._of(node, scope)
        return self._expressions[key]

    def _of(self, node: ast.expr, scope: Scope) -> Type:
        match node:
            case ast.Constant() | ast.JoinedStr() | ast.Compare():
                return NOTHING
            case ast.Name():
                return scope.type(node.id) if scope.local(node.id) else self._value(node, scope)
            case ast.Attribute():
                if self.reference(node, scope) is not None:
                    return self._value(node, scope)
                return self._attribute(self.of(node.value, scope), node.attr)
            case ast.Call():
                return self._call(node, scope)
            case ast.Lambda():
                return self.of(node.body, self.scope(node, scope, scope.owner))
            case ast.Subscript():
                return self.of(node.value, scope)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self.of(node.elt, scope)
            case ast.DictComp():
                return union([self.of(node.key, scope), self.of(node.value, scope)])
            case ast.IfExp():
                return union([self.of(node.body, scope), self.of(node.orelse, scope)])
            case _:
                parts = [part for part in children(node) if isinstance(part, ast.expr)]
                return union(self.of(part, scope) for part in parts)

    def _attribute(self, base: Type, name: str) -> Type:
        if base is None:
            return ANYTHING
        found = [self.attribute(one, name) for one in base]
        known = [given for has, given in found if has]
        if known:
            return union(known)
        return base if not base or name in OF_CONTAINERS else ANYTHING

    def _value(self, node: ast.expr, scope: Scope) -> Type:
        target = self.reference(node, scope)
        if isinstance(target, Outside | Module):
            return NOTHING
        if target is None:
            return NOTHING  # a name of Python's own
        if target.kind == "class":
            return frozenset({target})
        if target.kind == "function":
            node = target.nodes[-1]  # type: ignore[assignment]
            assert isinstance(node, Function)
            return self.annotation(node.returns, self.top(target.module))
        return self.constant(target)

    def constant(self, one: Definition) -> Type:
        """What a module's own name may hold."""
        found: list[Type] = []
        for node in one.nodes:
            if isinstance(node, ast.AnnAssign):
                found.append(self.annotation(node.annotation, self.top(one.module)))
            elif isinstance(node, ast.Assign | ast.AugAssign):
                found.append(self.of(node.value, self.top(one.module)))
            else:
                return ANYTHING
        return union(found)

    def _call(self, node: ast.Call, scope: Scope) -> Type:
        called = node.func
        if isinstance(called, ast.Call) or self.reference(called, scope) is None:
            if isinstance(called, ast.Name) and not scope.local(called.id):
                if called.id == "super" and scope.owner is not None:
                    own, _ = self.bases(scope.owner)
                    return frozenset(own)
                return self._given(node, scope)
            base = self.of(called, scope)
            if base == NOTHING and isinstance(called, ast.Attribute):
                # A method of a value from elsewhere gives what it is given, at most.
                return self._given(node, scope)
            return base
        target = self.reference(called, scope)
        if isinstance(target, Outside):
            if target.path == "typing.cast" and node.args:
                return self.annotation(node.args[0], scope)
            return self._given(node, scope)
        return self._value(called, scope)

    def _given(self, node: ast.Call, scope: Scope) -> Type:
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
        return union(self.of(part, scope) for part in parts)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    pending = [node]
    while pending:
        one = pending.pop()
        yield one
        if not isinstance(one, ast.expr):
            pending += children(one)


def _of_text(node: ast.expr) -> bool:
    """Whether a subscript is `[str, Any]`."""
    return isinstance(node, ast.Tuple) and [
        part.id for part in node.elts if isinstance(part, ast.Name)
    ] == ["str", "Any"]


def _self_assignments(line: ast.AST) -> Iterable[tuple[str, ast.expr, bool]]:
    if isinstance(line, ast.AnnAssign) and _of_self(line.target):
        yield line.target.attr, line.annotation, True  # type: ignore[union-attr]
        return
    pairs: list[tuple[ast.expr, ast.expr]] = []
    if isinstance(line, ast.Assign):
        pairs = [pair for target in line.targets for pair in paired(target, line.value)]
    elif isinstance(line, ast.For):
        pairs = [*paired(line.target, line.iter)]
    elif isinstance(line, ast.withitem) and line.optional_vars is not None:
        pairs = [*paired(line.optional_vars, line.context_expr)]
    for target, value in pairs:
        if _of_self(target):
            yield target.attr, value, False  # type: ignore[attr-defined]


def _of_self(target: ast.expr) -> bool:
    return (
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id == "self"
    )
