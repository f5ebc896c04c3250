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
_NOT_BEHAVIOUR = {"am_assets.core.config", "am_assets.core.store"}
"""Modules whose effect on a stage is covered otherwise: settings are part of the derivation by
value, and where bytes lie is not what they are."""


def code_version(modules: Iterable[str]) -> str:
    """12 hex digits for the behaviour of `modules` and what they import from this package."""
    pending, seen = list(modules), dict[str, str]()
    while pending:
        name = pending.pop()
        if name in seen or name in _NOT_BEHAVIOUR:
            continue
        seen[name], imported = _module(name)
        pending.extend(imported)
    joined = "\n".join(f"{name} {seen[name]}" for name in sorted(seen))
    return hashlib.sha256(joined.encode()).hexdigest()[:12]


@cache
def _module(name: str) -> tuple[str, tuple[str, ...]]:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no source for module {name}")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(a.name for a in node.names if a.name.startswith(_PACKAGE))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE):
            module = node.module or ""
            for alias in node.names:
                child = f"{module}.{alias.name}"
                imported.add(child if _is_module(child) else module)
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(sorted(imported))


@cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
