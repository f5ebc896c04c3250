"""Assert tests: run in a process of their own, which asks the candidate's process for calls.

What is done here, before and after: a test and its setup become one program, what the setup lends
the candidate is taken out of it, and the report of the tests' process is read. How a test is run
and what of it cannot be judged is in `am_assets.engines.sandbox.testing`.
"""

import ast
import re
from dataclasses import dataclass
from typing import Any

from am_assets.core.runner import RunResult
from am_assets.stages.verification.outcome import Judged

_MAX_SETUP = 200_000
_MAX_TESTS = 4_000_000
# Modules by which tests import the program itself.
_PROGRAM = ("candidate", "solution")
_OF_RECORDS = ("__init__", "__post_init__", "__repr__", "__str__", "__eq__", "__lt__", "__hash__")
_NAME_ERROR = re.compile(r"NameError: name '(\w+)' is not defined")


class Unsupported(ValueError):
    """A test that cannot be judged out of the candidate's reach."""


@dataclass(frozen=True)
class Setup:
    """A setup: its text, what it lends a program, and the names that only it defines."""

    text: str
    lent: str
    kept: frozenset[str]


def read_setup(text: str, source: str) -> Setup:
    """Take a setup apart for the program `source`; raises Unsupported.

    A program may rely on a setup: on its imports, and on a class that problem and tests share (a
    tree's node, say). These it gets before it starts, a class if it is a mere record or the program
    names it, and the tests then use the program's class. Nothing else of a setup reaches a program:
    its functions and values may be, or compute, what is expected.
    """
    if len(text) > _MAX_SETUP:
        raise Unsupported("the setup is too long")
    try:
        body = ast.parse(text).body
        lent, kept = _divide(body, source)
        return Setup(text, ast.unparse(ast.Module(lent, [])), kept)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise Unsupported("the setup is not Python") from problem


def program(setup: Setup, test: str) -> str:
    """The program that the tests' process runs for one test; raises Unsupported."""
    if len(setup.text) + len(test) > _MAX_TESTS:
        raise Unsupported("the test is too long")
    return f"{setup.text}\n\n{test}" if setup.text else test


def judge(result: RunResult, setup: Setup) -> Judged:
    """What a run of two linked processes says about its test."""
    if result.process == "candidate":
        return _failed(result.status, result.detail, setup)
    if result.status != "ok":
        # Of the tests' process: its limits and its death are no word about the program.
        detail = f"the test itself ends by {result.status} {result.detail}".strip()
        return Judged("unverifiable", "unsupported_test", detail)
    match result.values:
        case ({"outcome": str(status), "reason": str(reason), "detail": str(detail)} as said,):
            observed = said.get("observed")
        case _:
            detail = "the test itself ends before its end"
            return Judged("unverifiable", "unsupported_test", detail)
    if status == "pass":
        return Judged("pass")
    if status == "fail":
        return _failed(reason, detail, setup, observed)
    return Judged("unverifiable", reason, detail)


def _failed(reason: str, detail: str, setup: Setup, observed: Any = None) -> Judged:
    missing = _NAME_ERROR.match(detail)
    if reason == "exception" and missing and missing[1] in setup.kept:
        detail = f"the program uses {missing[1]}, which only the setup defines"
        return Judged("unverifiable", "unsupported_test", detail)
    evidence = {"observed": str(observed)} if observed else {}
    return Judged("fail", reason, detail, evidence)


def _divide(body: list[ast.stmt], source: str) -> tuple[list[ast.stmt], frozenset[str]]:
    """The statements of a setup that a program gets, and the names that it does not get."""
    imports = [node for node in body if _is_import(node)]
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    wanted = [name for name, node in classes.items() if _is_record(node) or _names(source, name)]
    lent: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in lent:
            lent.add(name)
            inside = ast.unparse(classes[name])
            wanted += [other for other in classes if _names(inside, other)]
    shared = [node for name, node in classes.items() if name in lent]
    kept = {name for node in body for name in _defined(node)} - lent
    return [*imports, *shared], frozenset(kept)


def _is_import(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module not in (*_PROGRAM, "__future__") and not node.level
    return isinstance(node, ast.Import) and not any(n.name in _PROGRAM for n in node.names)


def _names(source: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", source) is not None


def _is_record(node: ast.ClassDef) -> bool:
    """Fields and special methods only: nothing that computes or holds an expected value."""
    return all(
        (isinstance(part, ast.FunctionDef) and part.name in _OF_RECORDS)
        or (isinstance(part, ast.AnnAssign) and part.value is None)
        or isinstance(part, ast.Pass)
        or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
        for part in node.body
    )


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    return [inner.id for t in targets for inner in ast.walk(t) if isinstance(inner, ast.Name)]
