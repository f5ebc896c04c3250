"""One definition read closely: its normal form, and what it leads to.

The normal form is text that says what the code does, whatever it is called and wherever it lies:
references to the package's own definitions are blanks that `reach` fills with what they refer to,
names from elsewhere are written in full whatever they are imported as, and docstrings, comments,
annotations, type checking, a last `case _: pass`, log lines and positions are left out. It is
written from the fields listed here, so that every Python writes the same.
"""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from am_assets.core.code.boundaries import DECLARES
from am_assets.core.code.modules import Definition, Function, Module, Outside, is_log, is_text
from am_assets.core.code.scopes import Scope, Target, Type
from am_assets.core.code.types import OF_CONTAINERS, Types

BLANK = "\N{WHITE SQUARE}"

# ctx, kind, type_comment and type_params say nothing of behaviour, or differ between Pythons.
_SKIPPED = frozenset({"ctx", "kind", "type_comment", "type_params", "type_ignores"})
_ANNOTATIONS = frozenset({"annotation", "returns"})
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    kind: tuple(name for name in kind._fields if name not in _SKIPPED | _ANNOTATIONS)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
_STATEMENTS = frozenset(kind for kind in _FIELDS if issubclass(kind, ast.stmt))
_IMPORTS = re.compile(r"\b(?:from|import) $")
_BY_ANNOTATION = frozenset({"pydantic.BaseModel", "typing.NamedTuple"})
"""Base classes that read their fields' annotations when they run."""


@dataclass(frozen=True)
class Asked:
    """An attribute that is used: of one class, or of whatever has one of that name (None)."""

    owner: Definition | None
    name: str


@dataclass
class Scanned:
    """What a definition says and leads to."""

    form: str = ""
    references: list[Definition] = field(default_factory=list)
    """What the blanks of the form stand for, in order."""
    used: set[Definition] = field(default_factory=set)
    """Definitions used as values: called, instantiated, passed on, derived from."""
    asked: set[Asked] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    """Own modules named in strings: what is started by name."""
    imports: set[str] = field(default_factory=set)
    """Top-level packages from elsewhere."""


class Scanner:
    """Scans definitions of a package, each once."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._package = types.package
        self._done: dict[Definition, Scanned] = {}
        self._own_name = re.compile(rf"\b{re.escape(self._package.name)}(?:\.\w+)+")

    def scan(self, one: Definition) -> Scanned:
        """What `one` says and leads to."""
        if one not in self._done:
            self._done[one] = _Writer(self._types, one, self._own_name).written()
        return self._done[one]


class _Writer:
    def __init__(self, types: Types, one: Definition, own_name: re.Pattern[str]) -> None:
        self._types, self._one, self._own_name = types, one, own_name
        self._package = types.package
        self._found = Scanned()
        self._out: list[str] = []
        self._reads_annotations = one.kind == "class" and not _BY_ANNOTATION.isdisjoint(
            types.outside(one)
        )

    def written(self) -> Scanned:
        one, top = self._one, self._types.top(self._one.module)
        self._out.append(one.name.rpartition(".")[2] if one.kind == "method" else one.kind)
        for node in one.nodes:
            if one.kind == "class" and isinstance(node, ast.ClassDef):
                self._class(node, top)
            elif isinstance(node, Function):
                self._function(node, top, one.owner, named=False)
            elif one.kind == "value" and isinstance(node, ast.Assign | ast.AnnAssign):
                self._assigned(node, top)
            else:
                self._statement(node, top)
        self._found.form = "".join(self._out)
        return self._found

    def _assigned(self, node: ast.Assign | ast.AnnAssign, scope: Scope) -> None:
        """A module's own name: what it is called does not matter, its place in a tuple does."""
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Tuple):
            place = [inner.id for inner in target.elts if isinstance(inner, ast.Name)]
            self._out.append(f"[{place.index(self._one.name) if self._one.name in place else ''}]")
        if node.value is not None:
            self._write(node.value, scope)

    def _class(self, node: ast.ClassDef, scope: Scope, nested: bool = False) -> None:
        for part in (*node.decorator_list, *node.bases):
            self._write(part, scope)
        for keyword in node.keywords:
            self._write(keyword, scope)
        self._out.append("{")
        for line in node.body:
            if isinstance(line, Function):
                if nested:
                    self._function(line, scope, None, named=True)
            elif isinstance(line, ast.AnnAssign):
                self._field(line, scope)
            else:
                self._statement(line, scope)
        self._out.append("}")

    def _field(self, node: ast.AnnAssign, scope: Scope) -> None:
        self._out.append("field ")
        self._out.append(node.target.id if isinstance(node.target, ast.Name) else "")
        words = {inner.id for inner in ast.walk(node.annotation) if isinstance(inner, ast.Name)}
        if "ClassVar" in words:
            self._out.append(" shared")
        if self._reads_annotations:
            self._out.append(":")
            self._write(node.annotation, scope)
        if node.value is not None:
            self._out.append("=")
            self._write(node.value, scope)
        self._out.append(";")

    def _function(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        scope: Scope,
        owner: Definition | None,
        named: bool,
    ) -> None:
        for part in node.decorator_list:
            if not self._declares(part, scope):
                self._write(part, scope)
        self._out.append("async(" if isinstance(node, ast.AsyncFunctionDef) else "def(")
        if named:
            self._out.append(node.name)
        self._arguments(node.args, scope)
        inner = self._types.scope(node, scope, owner or scope.owner)
        self._out.append("{")
        self._statements(node.body, inner)
        self._out.append("}")

    def _declares(self, decorator: ast.expr, scope: Scope) -> bool:
        """Whether a decorator leaves its function as it is; see `boundaries.DECLARES`."""
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        target = self._types.reference(called, scope)
        return isinstance(target, Definition) and target.path in DECLARES

    def _arguments(self, node: ast.arguments, scope: Scope) -> None:
        for name in ("posonlyargs", "args", "vararg", "kwonlyargs", "kwarg"):
            given = getattr(node, name)
            for one in given if isinstance(given, list) else [given] if given else ():
                self._out.append(f"{name[0]}{name[-1]} {one.arg},")
        for one in (*node.defaults, *node.kw_defaults):
            self._out.append("=")
            if one is not None:
                self._write(one, scope)

    def _statements(self, nodes: Sequence[ast.stmt], scope: Scope) -> None:
        for node in nodes:
            self._statement(node, scope)

    def _statement(self, node: ast.stmt, scope: Scope) -> None:
        if (
            is_text(node)
            or isinstance(node, (ast.Pass, ast.Import, ast.ImportFrom))
            or is_log(node)
        ):
            self._import(node)
            return
        if isinstance(node, ast.AnnAssign):
            if node.value is None:
                return
            self._out.append("Assign(")
            self._write(node.target, scope)
            self._write(node.value, scope)
            self._out.append(")")
        elif isinstance(node, Function):
            self._function(node, scope, None, named=True)
        elif isinstance(node, ast.ClassDef):
            self._out.append(f"class {node.name}")
            self._class(node, scope, nested=True)
        else:
            self._write(node, scope)

    def _import(self, node: ast.stmt) -> None:
        """An import is no behaviour but for what it may set going elsewhere."""
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            return
        for name in names:
            if not self._package.is_own(name):
                self._found.imports.add(name.partition(".")[0])

    def _write(self, node: ast.AST, scope: Scope) -> None:
        kind = type(node)
        special = self._SPECIAL.get(kind)
        if special is not None:
            special(self, node, scope)
        else:
            self._out.append(f"{kind.__name__}(")
            self._fields(node, _FIELDS[kind], scope)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> None:
        self._out.append("lambda(")
        self._arguments(node.args, scope)
        self._write(node.body, self._types.scope(node, scope, scope.owner))
        self._out.append(")")

    def _handler(self, node: ast.ExceptHandler, scope: Scope) -> None:
        self._out.append("except(")
        if node.type is not None:
            self._weak(node.type, scope)
        self._out.append(f" {node.name or ''}")
        self._statements(node.body, scope)
        self._out.append(")")

    def _match(self, node: ast.Match, scope: Scope) -> None:
        self._out.append("Match(")
        self._field_of("subject", (node.subject,), scope)
        self._field_of("cases", node.cases[: -1 if _passes(node.cases[-1]) else None], scope)
        self._out.append(")")

    def _pattern(self, node: ast.MatchClass, scope: Scope) -> None:
        self._out.append("MatchClass(")
        self._weak(node.cls, scope)
        self._fields(node, ("patterns", "kwd_attrs", "kwd_patterns"), scope)

    def _fields(self, node: ast.AST, names: Sequence[str], scope: Scope) -> None:
        for name in names:
            value: Any = getattr(node, name, None)
            if value is not None:
                self._field_of(name, value if value.__class__ is list else (value,), scope)
        self._out.append(")")

    def _field_of(self, name: str, parts: Sequence[Any], scope: Scope) -> None:
        if not parts:
            return
        self._out.append(f" {name}=")
        for part in parts:
            if part.__class__ in _STATEMENTS:
                self._statement(part, scope)
            elif part.__class__ in _FIELDS:
                self._write(part, scope)
            else:
                self._out.append(f"{part!a},")

    def _literal(self, node: ast.Constant, scope: Scope) -> None:
        del scope  # constants are the same everywhere
        self._constant(node.value)

    def _constant(self, value: object) -> None:
        if not isinstance(value, str):
            self._out.append(f"{value!a},")
            return
        written = value.replace(BLANK, f"{BLANK}{BLANK}")
        if self._package.name not in value:
            self._out.append(f"{written!a},")
            return
        at = 0
        for named in self._own_name.finditer(value):
            name = named[0]
            while name not in self._package.sources.texts and name:
                name = name.rpartition(".")[0]
            if name and name != self._package.name:
                self._out.append(ascii(written[at : named.start()]))
                self._refer(self._package.module(name).effects)
                if named[0] == value or _IMPORTS.search(value[: named.start()]):
                    self._found.modules.add(name)
                at = named.start() + len(name)
        self._out.append(f"{written[at:]!a},")

    def _joined(self, node: ast.JoinedStr, scope: Scope) -> None:
        """A text with values in it; Pythons cut its constant parts differently."""
        self._out.append("f(")
        text = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += str(part.value)
                continue
            if text:
                self._constant(text)
                text = ""
            self._write(part, scope)
        if text:
            self._constant(text)
        self._out.append(")")

    def _name(self, node: ast.Name, scope: Scope) -> None:
        if isinstance(node.ctx, ast.Load) and not scope.local(node.id):
            self._target(node, scope.target(node.id), used=True)
        else:
            self._out.append(f"{node.id},")

    def _attribute(self, node: ast.Attribute, scope: Scope) -> None:
        target = self._types.reference(node, scope)
        if target is not None:
            self._target(node, target, used=True)
            return
        self._write(node.value, scope)
        self._out.append(f".{node.attr},")
        self._ask(self._types.of(node.value, scope), node.attr)

    def _ask(self, base: Type, name: str) -> None:
        having = [one for one in base or () if self._types.attribute(one, name)[0]]
        self._found.asked.update(Asked(one, name) for one in having)
        if base is None or (base and not having and name not in OF_CONTAINERS):
            self._found.asked.add(Asked(None, name))

    def _call(self, node: ast.Call, scope: Scope) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in ("isinstance", "issubclass") and not scope.local(name) and len(node.args) == 2:
            self._out.append(f"{name}(")
            self._write(node.args[0], scope)
            self._weak(node.args[1], scope)
            self._out.append(")")
            return
        target = self._types.reference(node.func, scope)
        if isinstance(target, Outside) and target.path == "typing.cast" and len(node.args) == 2:
            self._write(node.args[1], scope)
            return
        if name == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            self._ask(self._types.of(node.args[0], scope), str(node.args[1].value))
        self._out.append("Call(")
        self._fields(node, ("func", "args", "keywords"), scope)

    def _weak(self, node: ast.expr, scope: Scope) -> None:
        """Names that a value is only compared with: classes that nobody else makes stay unread."""
        if isinstance(node, ast.Tuple | ast.BinOp):
            for part in ast.iter_child_nodes(node):
                if isinstance(part, ast.expr):
                    self._weak(part, scope)
            return
        target = self._types.reference(node, scope)
        if isinstance(target, Definition) and target.kind == "class":
            self._target(node, target, used=False)
        else:
            self._write(node, scope)

    def _target(self, node: ast.expr, target: Target, used: bool) -> None:
        if isinstance(target, Definition):
            self._refer(target)
            if used:
                self._found.used.add(target)
        elif isinstance(target, Outside):
            self._out.append(f"<{target.path}>,")
            self._found.imports.add(target.top)
        elif isinstance(target, Module):
            self._refer(target.effects)
        elif isinstance(node, ast.Name):
            self._out.append(f"{node.id},")

    def _refer(self, one: Definition) -> None:
        self._out.append(BLANK)
        self._found.references.append(one)

    _SPECIAL: ClassVar[dict[type[ast.AST], Callable[["_Writer", Any, Scope], None]]] = {
        ast.Constant: _literal,
        ast.JoinedStr: _joined,
        ast.Name: _name,
        ast.Attribute: _attribute,
        ast.Call: _call,
        ast.Lambda: _lambda,
        ast.ExceptHandler: _handler,
        ast.Match: _match,
        ast.MatchClass: _pattern,
    }


def _passes(case: ast.match_case) -> bool:
    """`case _: pass`: what no case matches is left as it is, as without it."""
    any_value = isinstance(case.pattern, ast.MatchAs) and (
        (case.pattern.pattern, case.pattern.name, case.guard) == (None, None, None)
    )
    return any_value and all(isinstance(line, ast.Pass) for line in case.body)
