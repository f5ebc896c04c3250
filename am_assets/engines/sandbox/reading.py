"""What the text of a test says before it runs: the names it wants of the program, and whether
its verdict would be the program's own.

The rules here look at the test alone, so that no program decides whether its test can be judged.
They follow names, not paths of execution, and so refuse a little too much.
"""

import ast
import builtins
import dis
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass

# Names under which tests import what they test.
MODULES = ("candidate", "solution")
# What tests use without importing it, where the program's own imports would have provided it.
_KNOWN = {
    **dict.fromkeys(("Counter", "OrderedDict", "defaultdict", "deque"), "collections"),
    **{"Decimal": "decimal", "Fraction": "fractions", "isclose": "math", "deepcopy": "copy"},
    **dict.fromkeys(("Any", "Dict", "List", "Optional", "Set", "Tuple", "Union"), "typing"),
}
# Methods of the program's objects that are given what is expected.
_COMPARISONS = frozenset(
    {
        *("equals", "equal", "is_equal", "isEqual", "is_equal_to", "same_as", "is_same", "__eq__"),
        *("__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__", "__sub__", "__rsub__"),
    }
)
_WATCHERS = frozenset({"redirect_stdout", "redirect_stderr", "capsys", "capfd", "monkeypatch"})
_STREAMS = frozenset({"stdin", "stdout", "stderr"})
_TRUTHS = frozenset({"bool", "all", "any", "assertTrue", "assertFalse"})
_PLAIN_METHODS = frozenset(
    name
    for kind in (str, bytes, list, tuple, dict, set, int, float)
    for name in vars(kind)
    if not name.startswith("__")
)


class Unusable(ValueError):
    """A test that cannot be judged out of the program's reach; the message says why."""


@dataclass(frozen=True)
class Test:
    """A test ready to run: what it asks the program for, and what the library provides.

    `library` maps a name to the module it is of, or to itself where it is a module.
    """

    tree: ast.Module
    names: tuple[str, ...]
    library: dict[str, str]


def read(text: str, lent: str) -> Test:
    """Read a test; classes that `lent` defines are the program's and left out here.

    Raises Unusable.
    """
    try:
        tree = ast.parse(text)
        classes = {node.name for node in ast.parse(lent).body if isinstance(node, ast.ClassDef)}
        tree.body = [
            node
            for node in tree.body
            if not (isinstance(node, ast.ClassDef) and node.name in classes)
        ]
        code = compile(tree, "tests.py", "exec", dont_inherit=True)
        names, library = _wanted(tree, code)
        _Rules(tree, names).apply()
    except Unusable:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise Unusable(f"the test is not Python ({type(problem).__name__})") from problem
    return Test(tree, tuple(sorted(names)), library)


def _wanted(tree: ast.Module, code: types.CodeType) -> tuple[set[str], dict[str, str]]:
    """The names that the program is asked for, and those that the library provides."""
    loaded, stored = _names_of(code)
    free = {name for name in loaded - stored if not name.startswith("__")}
    library = {name: _KNOWN[name] for name in free & _KNOWN.keys()}
    library |= {name: name for name in free & sys.stdlib_module_names}
    common = {name for name in free if hasattr(builtins, name)}
    names = free - library.keys() - common
    if not names and not _imported(tree):
        # A program's own function may be called `sum`, in a test that names nothing else of it.
        for choice in (library.keys(), common):
            called = choice & _called(tree)
            if called:
                names = called if len(called) == 1 else set()
                break
    return names, {name: module for name, module in library.items() if name not in names}


def _names_of(code: types.CodeType) -> tuple[set[str], set[str]]:
    """Global names that a code object and those within it load, and those they define."""
    loaded, stored, own = set[str](), set[str](), set[str]()
    is_module = code.co_name == "<module>"
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
            loaded.add(step.argval)
        elif step.opname == "STORE_NAME":
            (stored if is_module else own).add(step.argval)
        elif step.opname == "STORE_GLOBAL":
            stored.add(step.argval)
    # Of a class's body: its own names are not the module's.
    loaded -= own
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner_loaded, inner_stored = _names_of(constant)
            loaded |= inner_loaded
            stored |= inner_stored
    return loaded, stored


def _imported(tree: ast.AST) -> set[str]:
    """Names under which a test imports the program, or parts of it."""
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.asname or a.name for a in node.names if a.name in MODULES}
    return found


def _called(tree: ast.AST) -> set[str]:
    """Names called, or given to a function that the test defines (`check(sum)`)."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    called = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id in defined:
            called |= {value.id for value in call.args if isinstance(value, ast.Name)}
    return called


class _Rules:
    """Follows what comes from the program through a test's names."""

    def __init__(self, tree: ast.Module, names: set[str]) -> None:
        self._nodes = list(ast.walk(tree))
        self._functions = {
            node.name: node for node in self._nodes if isinstance(node, ast.FunctionDef)
        }
        self._remote = names | _imported(tree)
        """Names of functions, classes and objects of the program's."""
        self._results: set[str] = set()
        """Names of what its functions returned."""
        self._values: dict[str, list[ast.expr]] = {}
        self._follow()

    def apply(self) -> None:
        """Raise Unusable for what would not be judged here."""
        for node in self._nodes:
            if isinstance(node, ast.Assert | ast.If | ast.While | ast.IfExp):
                self._check_truth(node.test, 0)
            elif isinstance(node, ast.Call) and _last(node.func) in _TRUTHS and node.args:
                self._check_truth(node.args[0], 0)
            self._check_form(node)
        asserts = [node.test for node in self._nodes if isinstance(node, ast.Assert)]
        if asserts and all(self._compares_program_with_itself(test) for test in asserts):
            raise Unusable("the test compares the program with itself only")

    def _follow(self) -> None:
        flows = list(self._flows())
        size = -1
        while size != len(self._remote) + len(self._results):
            size = len(self._remote) + len(self._results)
            for target, value in flows:
                names = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
                if self._is_object(value):
                    self._remote |= names
                elif self._is_result(value):
                    self._results |= names

    def _flows(self) -> Iterator[tuple[ast.AST, ast.expr]]:
        """(target, value) wherever a value gets a name."""
        for node in self._nodes:
            match node:
                case ast.Assign():
                    for target in node.targets:
                        yield target, node.value
                        if isinstance(target, ast.Name):
                            self._values.setdefault(target.id, []).append(node.value)
                case ast.AnnAssign(value=ast.expr() as value) | ast.AugAssign(value=value):
                    yield node.target, value
                case ast.NamedExpr():
                    yield node.target, node.value
                case ast.For() | ast.comprehension():
                    yield node.target, node.iter
                case ast.Call(func=ast.Name(id=name)) if name in self._functions:
                    yield from self._passed(node, self._functions[name].args)
                case _:
                    pass

    @staticmethod
    def _passed(call: ast.Call, into: ast.arguments) -> Iterator[tuple[ast.AST, ast.expr]]:
        parameters = [*into.posonlyargs, *into.args]
        for parameter, value in zip(parameters, call.args, strict=False):
            yield ast.Name(parameter.arg), value
        for keyword in call.keywords:
            if keyword.arg is not None:
                yield ast.Name(keyword.arg), keyword.value

    def _is_object(self, value: ast.expr) -> bool:
        """A function, class or constructed object of the program's."""
        while isinstance(value, ast.Attribute):
            value = value.value
        if isinstance(value, ast.Name):
            return value.id in self._remote
        return isinstance(value, ast.Call) and self._is_call(value) and _constructs(value)

    def _is_result(self, value: ast.AST) -> bool:
        """Whether an expression holds what a function of the program's returned."""
        return any(
            (isinstance(node, ast.Name) and node.id in self._results)
            or (isinstance(node, ast.Call) and self._is_call(node) and not _constructs(node))
            for node in ast.walk(value)
        )

    def _is_call(self, call: ast.Call) -> bool:
        """Whether the program computes this call."""
        inner: ast.expr = call.func
        while isinstance(inner, ast.Attribute | ast.Call | ast.Subscript):
            inner = inner.func if isinstance(inner, ast.Call) else inner.value
        return isinstance(inner, ast.Name) and inner.id in self._remote

    def _check_truth(self, test: ast.expr, depth: int) -> None:
        """Refuse a truth that is a function's of the program, told what the program returned."""
        if depth > 20:
            return
        match test:
            case ast.UnaryOp(op=ast.Not()):
                inside = [test.operand]
            case ast.BoolOp():
                inside = test.values
            case ast.Compare() if any(
                isinstance(part, ast.Constant) and isinstance(part.value, bool)
                for part in (test.left, *test.comparators)
            ):
                inside = [test.left, *test.comparators]
            case ast.Name():
                inside = self._values.get(test.id, [])
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                inside = [test.elt]
            case ast.List() | ast.Tuple() | ast.Set():
                inside = test.elts
            case ast.Call() if self._is_call(test):
                self._check_told(test)
                return
            case ast.Call(func=ast.Name(id=name)) if name in self._functions:
                inside = [
                    node.value
                    for node in ast.walk(self._functions[name])
                    if isinstance(node, ast.Return) and node.value is not None
                ]
            case ast.Call() if _last(test.func) in _TRUTHS:
                inside = test.args
            case _:
                return
        for part in inside:
            self._check_truth(part, depth + 1)

    def _check_told(self, call: ast.Call) -> None:
        name = _last(call.func)
        if isinstance(call.func, ast.Attribute) and name in _PLAIN_METHODS:
            return
        told = [*call.args, *(keyword.value for keyword in call.keywords)]
        if any(self._is_result(argument) for argument in told):
            raise Unusable("the test leaves the comparison to a function of the program")

    def _check_form(self, node: ast.AST) -> None:
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in _COMPARISONS:
                if self._is_call(node) or self._is_result(node.func):
                    raise Unusable("the test leaves the comparison to a method of the program")
            case ast.Compare() if any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
                sides = (node.left, *node.comparators)
                plain = any(isinstance(side, ast.Constant) for side in sides)
                both = all(self._is_result(side) or self._is_object(side) for side in sides)
                direct = any(isinstance(s, ast.Name) and s.id in self._remote for s in sides)
                if not plain and (both or direct):
                    raise Unusable("the test compares the program's objects by identity")
            case ast.ExceptHandler(type=ast.expr() as caught):
                if any(self._is_object(kind) for kind in getattr(caught, "elts", [caught])):
                    raise Unusable("the test catches an exception that the program defines")
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                if name in _WATCHERS:
                    raise Unusable("the test watches the program's output")
                if name in _STREAMS and isinstance(getattr(node, "ctx", None), ast.Store):
                    raise Unusable("the test watches the program's output")
            case ast.ImportFrom(module=str(module)) if module.startswith("unittest.mock"):
                raise Unusable("the test replaces parts of the program")
            case _:
                pass

    def _compares_program_with_itself(self, test: ast.expr) -> bool:
        return isinstance(test, ast.Compare) and all(
            any(isinstance(node, ast.Call) and self._is_call(node) for node in ast.walk(side))
            for side in (test.left, *test.comparators)
        )


def _last(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _constructs(call: ast.Call) -> bool:
    """Classes are named with a capital letter."""
    return _last(call.func)[:1].isupper()
