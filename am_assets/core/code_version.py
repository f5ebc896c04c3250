"""Code versions that follow from the code: a change of a stage's source is a new version.

The version hashes the syntax trees of the stage's modules and of every am_assets module they
import, docstrings removed, so that comments and formatting do not count as changes.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_PACKAGE = "am_assets"
_NOT_BEHAVIOUR = {
    "am_assets.core.comparing",
    "am_assets.core.config",
    "am_assets.core.memory",
    "am_assets.core.section",
    "am_assets.core.store",
    "am_assets.core.usage",
}
"""Modules whose effect on a stage is covered otherwise: settings are part of the derivation by
value, and where bytes lie, and what they cost, is not what they are."""


def code_version(modules: Iterable[str], entry: str | None = None) -> str:
    """12 hex digits for the behaviour of `modules` and what they import from this package.

    Of the module `entry` only its own functions count, not its imports or declarations.
    """
    pending, seen = list(modules), dict[str, str]()
    if entry is not None:
        seen["entry"] = _functions(entry)
    while pending:
        name = pending.pop()
        if name in seen or name in _NOT_BEHAVIOUR:
            continue
        seen[name], imported = _module(name)
        pending.extend(imported)
    joined = "\n".join(f"{name} {seen[name]}" for name in sorted(seen))
    return hashlib.sha256(joined.encode()).hexdigest()[:12]


def _source(name: str) -> ast.Module:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no source for module {name}")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return tree


def _is_text(node: ast.stmt) -> bool:
    """A string by itself: a docstring of a module, class, function or attribute."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


@cache
def _functions(name: str) -> str:
    functions = [ast.dump(node) for node in _source(name).body if isinstance(node, ast.FunctionDef)]
    return hashlib.sha256("\n".join(functions).encode()).hexdigest()


@cache
def _module(name: str) -> tuple[str, tuple[str, ...]]:
    tree = _source(name)
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(a.name for a in node.names if a.name.startswith(_PACKAGE))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE):
            module = node.module or ""
            for alias in node.names:
                child = f"{module}.{alias.name}"
                imported.add(child if _is_module(child) else module)
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(sorted(imported))


@cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
