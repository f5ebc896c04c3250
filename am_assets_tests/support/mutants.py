"""Definitions that behave otherwise: one mutant for each kind of change that is possible."""

import ast
import copy
from collections.abc import Callable, Iterator

from am_assets.core.code.modules import Definition, Function

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
}


def _constant(node: ast.AST) -> bool:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str | int | float):
        return False
    value = node.value
    if isinstance(value, bool):
        node.value = not value
    elif isinstance(value, str):
        node.value = f"{value}~"
    else:
        node.value = value + 1
    return True


def _compare(node: ast.AST) -> bool:
    if not isinstance(node, ast.Compare) or type(node.ops[0]) not in _SWAPS:
        return False
    node.ops[0] = _SWAPS[type(node.ops[0])]()  # type: ignore[call-overload]
    return True


def _operator(node: ast.AST) -> bool:
    if not isinstance(node, ast.BoolOp | ast.BinOp) or type(node.op) not in _SWAPS:
        return False
    node.op = _SWAPS[type(node.op)]()  # type: ignore[assignment]
    return True


def _condition(node: ast.AST) -> bool:
    if not isinstance(node, ast.If | ast.IfExp | ast.While):
        return False
    node.test = ast.UnaryOp(ast.Not(), node.test)
    return True


def _returned(node: ast.AST) -> bool:
    if not isinstance(node, ast.Return) or node.value is None:
        return False
    node.value = None
    return True


def _begun(node: ast.AST) -> bool:
    if not isinstance(node, Function):
        return False
    node.body.insert(0, ast.parse("raise RuntimeError('mutant')").body[0])
    return True


def _field(node: ast.AST) -> bool:
    if not isinstance(node, ast.ClassDef):
        return False
    node.body.insert(0, ast.parse("mutant = 1").body[0])
    return True


_KINDS: tuple[Callable[[ast.AST], bool], ...] = (
    *(_constant, _compare, _operator, _condition, _returned, _begun, _field),
)


def mutants(one: Definition, most: int | None = None) -> Iterator[Definition]:
    """The definition with its first constant, comparison, operator, … changed; `most` kinds."""
    for kind in _KINDS[:most]:
        nodes = [copy.deepcopy(node) for node in one.nodes]
        if any(kind(part) for node in nodes for part in _behaviour(node, one.kind == "class")):
            yield Definition(one.module, one.name, one.kind, nodes, one.owner, one.methods)


def mutated(text: str) -> str:
    """A module in which every function and method fails at once."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        _begun(node)
    return ast.unparse(ast.fix_missing_locations(tree))


def _declares(decorator: ast.expr) -> bool:
    """Whether it says what an artifact reads and shows, which is no behaviour of its build."""
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id == "artifact"
    )


def _behaviour(node: ast.AST, of_class: bool) -> Iterator[ast.AST]:
    """What of a syntax tree is behaviour: no annotation, no text by itself, no line of a log."""
    if isinstance(node, ast.Expr) and (
        isinstance(node.value, ast.Constant)
        or (
            isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Attribute)
            and node.value.func.attr == "log"
        )
    ):
        return
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return
    if isinstance(node, ast.Import | ast.ImportFrom | ast.MatchSingleton):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params"):
            continue
        if name == "decorator_list":
            value = [part for part in value if not _declares(part)]
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Function) and of_class:
                continue  # methods are definitions of their own
            if isinstance(node, ast.Call) and name == "args" and _is_cast(node):
                part = node.args[1]
            if isinstance(part, ast.AST):
                yield from _behaviour(part, False)


def _is_cast(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "cast"
