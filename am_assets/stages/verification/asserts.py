"""Assert tests, taken apart: the candidate computes values, the comparison happens here.

`parse_assert` finds the calls of candidate functions in an assert statement; their source text is
all the candidate's process gets, and what remains of the statement (comparison, expected literal,
tolerance) is evaluated here over the returned plain values by a small interpreter.
"""

import ast
import builtins
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from am_assets.stages.verification.values import Opaque, Stream

_MAX_TEXT = 20_000
_MAX_SIZE = 1_000_000
_MAX_BITS = 10_000

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "set": frozenset,
    **{
        name: getattr(builtins, name)
        for name in (
            *("abs", "all", "any", "bool", "dict", "enumerate", "float", "frozenset", "int", "len"),
            *("list", "max", "min", "round", "sorted", "str", "sum", "tuple", "zip"),
        )
    },
    "Counter": Counter,
    "math.isclose": math.isclose,
    "math.fabs": math.fabs,
    "math.sqrt": math.sqrt,
    "math.isnan": math.isnan,
    "math.floor": math.floor,
    "math.ceil": math.ceil,
    "collections.Counter": Counter,
}
_CONSTANTS: dict[str, Any] = {"math.pi": math.pi, "math.e": math.e, "math.inf": math.inf}
_TYPES = {"int": int, "float": float, "str": str, "list": list, "tuple": tuple, "dict": dict}
_TYPES |= {"bool": bool, "set": frozenset, "bytes": bytes}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
_ORDERING = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: lambda a: not a,
    ast.USub: lambda a: -a,
    ast.UAdd: lambda a: +a,
}


class Unsupported(ValueError):
    """A test this module cannot judge out of the candidate's reach."""


@dataclass(frozen=True)
class AssertTest:
    """One assert: the candidate calls it makes, as source text, and the expression over them."""

    calls: tuple[str, ...]
    expression: ast.expr
    nodes: Mapping[ast.expr, int]

    def holds(self, values: Sequence[Any]) -> bool:
        """Whether the assert holds when its calls return `values`.

        An operation those values do not allow (a TypeError in Python) means that it does not.
        Raises Unsupported for values or sizes this interpreter will not handle.
        """
        try:
            return bool(_evaluate(self.expression, values, self.nodes))
        except Unsupported:
            raise
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
            return False
        except RecursionError as problem:
            raise Unsupported("nested too deeply") from problem


@dataclass(frozen=True)
class _Names:
    """Functions of the setup, and names of this module's own that the candidate is to define."""

    setup: frozenset[str]
    shadowed: frozenset[str] = frozenset()

    def trusts(self, call: ast.Call) -> bool:
        name = _dotted(call.func)
        return (name in _FUNCTIONS or name == "isinstance") and name not in self.shadowed


def parse_assert(
    text: str,
    setup_names: frozenset[str] = frozenset(),
    source_names: frozenset[str] = frozenset(),
) -> AssertTest:
    """Take one assert statement apart; raises Unsupported with the reason.

    `setup_names` are functions the test's own setup defines: what they return would be computed
    beside the candidate, so they may appear inside a candidate call's arguments only.
    `source_names` are functions the program defines; one called like a built-in (`sum`) is taken
    for the candidate function in a test that calls nothing else.
    """
    if len(text) > _MAX_TEXT:
        raise Unsupported("the test is too long")
    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise Unsupported("the test is not Python") from problem
    if len(body) != 1 or not isinstance(body[0], ast.Assert):
        raise Unsupported("the test is not one assert statement")
    expression = body[0].test
    calls: list[str] = []
    nodes: dict[ast.expr, int] = {}
    names = _Names(setup_names)
    try:
        _find_calls(expression, calls, nodes, names)
        if not calls:
            names = _Names(setup_names, source_names)
            _find_calls(expression, calls, nodes, names)
    except RecursionError as problem:
        raise Unsupported("nested too deeply") from problem
    if not calls:
        raise Unsupported("the test calls no candidate function")
    if _is_truth_of_nested_call(expression, names):
        raise Unsupported("the test leaves the comparison to a function of the candidate's process")
    return AssertTest(tuple(calls), expression, nodes)


def names_defined(setup: str) -> frozenset[str]:
    """Functions a setup defines at its top level; raises Unsupported when it is not Python."""
    if len(setup) > _MAX_TEXT:
        raise Unsupported("the setup is too long")
    try:
        body = ast.parse(setup).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise Unsupported("the setup is not Python") from problem
    return frozenset(
        node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return None


def _root(node: ast.expr) -> str | None:
    """The name a call hangs on: `Solution` in `Solution().solve(3)`."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _find_calls(
    node: ast.expr, calls: list[str], nodes: dict[ast.expr, int], names: _Names
) -> None:
    if isinstance(node, ast.Call) and not names.trusts(node):
        root = _root(node.func)
        if (
            root is None
            or root == "math"
            or (hasattr(builtins, root) and root not in names.shadowed)
        ):
            raise Unsupported(f"cannot judge {ast.unparse(node.func)[:60]}(…)")
        if root in names.setup:
            raise Unsupported(f"the setup's {root} would judge beside the candidate")
        nodes[node] = len(calls)
        calls.append(ast.unparse(node))
        return
    if isinstance(node, ast.Call) and _dotted(node.func) == "isinstance":
        parts: list[ast.expr] = node.args[:1]
    elif isinstance(node, ast.Call):
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
    elif isinstance(node, ast.Name | ast.Attribute):
        if _dotted(node) not in _CONSTANTS:
            raise Unsupported(f"cannot judge {ast.unparse(node)[:60]}")
        return
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        raise Unsupported("cannot judge a comprehension")
    else:
        parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    calling = 0
    for part in parts:
        before = len(calls)
        _find_calls(part, calls, nodes, names)
        calling += len(calls) > before
    # In `f(2) == Fraction(1, 2)` nothing tells which call is the expected value, which must not
    # reach the candidate.
    if calling > 1 and not isinstance(node, ast.BoolOp):
        raise Unsupported("more than one side of the test is a call")


def _is_truth_of_nested_call(node: ast.expr, names: _Names) -> bool:
    """`assert same(f(2), 4)`: the truth of a call whose arguments hold another call."""
    while isinstance(node, ast.UnaryOp):
        node = node.operand
    if isinstance(node, ast.BoolOp):
        return any(_is_truth_of_nested_call(value, names) for value in node.values)
    if not isinstance(node, ast.Call) or names.trusts(node):
        return False
    inside = [*node.args, *(keyword.value for keyword in node.keywords)]
    return any(
        isinstance(inner, ast.Call) and not names.trusts(inner)
        for argument in inside
        for inner in ast.walk(argument)
    )


def _evaluate(node: ast.expr, values: Sequence[Any], nodes: Mapping[ast.expr, int]) -> Any:
    def over(inner: ast.expr) -> Any:
        return _evaluate(inner, values, nodes)

    if node in nodes:
        return values[nodes[node]]
    match node:
        case ast.Constant():
            return node.value
        case ast.Name() | ast.Attribute() if (name := _dotted(node)) in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.List():
            return [over(item) for item in node.elts]
        case ast.Tuple():
            return tuple(over(item) for item in node.elts)
        case ast.Set():
            return frozenset(over(item) for item in node.elts)
        case ast.Dict():
            if any(key is None for key in node.keys):
                raise Unsupported("cannot judge ** in a dict")
            pairs = zip(node.keys, node.values, strict=True)
            return {over(key): over(value) for key, value in pairs if key is not None}
        case ast.UnaryOp() if type(node.op) in _UNARY:
            return _UNARY[type(node.op)](over(node.operand))
        case ast.BoolOp():
            return _boolean(node, over)
        case ast.BinOp():
            return _binary(node.op, over(node.left), over(node.right))
        case ast.Compare():
            return _compare(node, over)
        case ast.Subscript():
            return over(node.value)[_index(node.slice, over)]
        case ast.Call():
            return _call(node, over)
    raise Unsupported(f"cannot judge {type(node).__name__}")


def _boolean(node: ast.BoolOp, over: Callable[[ast.expr], Any]) -> Any:
    stop_at = isinstance(node.op, ast.Or)
    result: Any = None
    for operand in node.values:
        result = over(operand)
        if bool(result) is stop_at:
            break
    return result


def _binary(operator: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(operator, ast.Mod) and isinstance(left, str | bytes):
        raise Unsupported("cannot judge text formatting")
    if isinstance(operator, ast.Mult):
        for one, other in ((left, right), (right, left)):
            if not _is_number(one) and abs(other) * len(one) > _MAX_SIZE:
                raise Unsupported("too large")
        if _bits(left) + _bits(right) > _MAX_BITS:
            raise Unsupported("too large")
        return left * right
    if isinstance(operator, ast.Pow):
        if isinstance(left, int) and isinstance(right, int):
            if right > 0 and _bits(left) * right > _MAX_BITS:
                raise Unsupported("too large")
        elif not (_is_number(left) and _is_number(right)):
            raise Unsupported("cannot judge this power")
        return left**right
    if type(operator) not in _BINARY:
        raise Unsupported(f"cannot judge {type(operator).__name__}")
    return _BINARY[type(operator)](left, right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex)


def _bits(value: Any) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def _compare(node: ast.Compare, over: Callable[[ast.expr], Any]) -> bool:
    left = over(node.left)
    for operator, comparator in zip(node.ops, node.comparators, strict=True):
        right = over(comparator)
        for value in (left, right):
            # Equal to nothing plain (its own __eq__ has no say); an order would be its own.
            if isinstance(value, Opaque) and isinstance(operator, _ORDERING):
                raise Unsupported(f"a {value.type_name} cannot be passed plainly")
        if not _COMPARE[type(operator)](left, right):
            return False
        left = right
    return True


def _index(node: ast.expr, over: Callable[[ast.expr], Any]) -> Any:
    if isinstance(node, ast.Slice):
        parts = (node.lower, node.upper, node.step)
        return slice(*(None if part is None else over(part) for part in parts))
    return over(node)


def _call(node: ast.Call, over: Callable[[ast.expr], Any]) -> Any:
    name = _dotted(node.func)
    if name == "isinstance":
        return _is_instance(node, over)
    function = _FUNCTIONS[name or ""]
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        raise Unsupported("cannot judge *arguments")
    arguments = [over(argument) for argument in node.args]
    for value in arguments:
        if isinstance(value, Opaque):
            raise Unsupported(f"a {value.type_name} cannot be passed plainly")
    keywords = {keyword.arg: over(keyword.value) for keyword in node.keywords}
    allowed = {"rel_tol", "abs_tol", "reverse", "start", "default", "ndigits"}
    if not keywords.keys() <= allowed:
        raise Unsupported("cannot judge these keyword arguments")
    result = function(*arguments, **{str(key): value for key, value in keywords.items()})
    return Stream(tuple(result)) if name in ("enumerate", "zip") else result


def _is_instance(node: ast.Call, over: Callable[[ast.expr], Any]) -> bool:
    if len(node.args) != 2 or node.keywords:
        raise Unsupported("cannot judge this isinstance")
    wanted = node.args[1]
    names = wanted.elts if isinstance(wanted, ast.Tuple) else [wanted]
    types = []
    for name in names:
        if not isinstance(name, ast.Name) or name.id not in _TYPES:
            raise Unsupported("cannot judge isinstance of this type")
        types.append(_TYPES[name.id])
    return isinstance(over(node.args[0]), tuple(types))
