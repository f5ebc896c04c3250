"""Test cases of code samples: published layouts brought into the contract's three types.

The types are {"type": "stdin_stdout", "language", "inputs", "outputs"}, {"type": "function",
"fn_name", "inputs", "outputs"} and {"type": "asserts", "setup"?, "tests"}; the first two may have a
"tolerance".
"""

import ast
import json
from collections.abc import Mapping
from typing import Any


def checked_case(value: Any) -> dict[str, Any] | None:
    """A test case in one of the three types, or None when `value` is none of them.

    Accepts APPS/TACO (`inputs`, `outputs`, optional `fn_name`) and lists of input/output pairs as
    in LiveCodeBench (texts) or SandboxFusion ({"stdin"}, {"stdout"}).
    """
    if isinstance(value, list):
        return _from_pairs(value)
    if not isinstance(value, Mapping):
        return None
    case = {key: item for key, item in value.items() if item is not None}
    if isinstance(case.get("tests"), list):
        return asserts_case(case["tests"], str(case.get("setup") or ""), None)
    inputs, outputs = case.get("inputs"), case.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        return None
    if not inputs:
        return None
    # What the source lets numbers differ by (see verification.forms).
    kept = {"tolerance": case["tolerance"]} if "tolerance" in case else {}
    if "fn_name" in case:
        return {
            "type": "function",
            "fn_name": str(case["fn_name"]),
            "inputs": inputs,
            "outputs": outputs,
            **kept,
        }
    return {**_stdin_stdout(inputs, outputs, str(case.get("language", "python"))), **kept}


def asserts_case(tests: Any, setup: str, entry_point: str | None) -> dict[str, Any] | None:
    """An asserts case from a list of asserts, its JSON text, or HumanEval's `check(candidate)`.

    None when there is no test. A `check` that does more than assert, a loop over inputs, say, stays
    whole, as one test.
    """
    if isinstance(tests, str):
        listed = _json_list(tests)
        if listed is None:
            return _from_check(tests, entry_point)
        tests = listed
    if not isinstance(tests, list | tuple):
        return None
    asserts = [str(test).strip() for test in tests if str(test).strip()]
    return _asserts(asserts, setup) if asserts else None


def _asserts(asserts: list[str], setup: str) -> dict[str, Any]:
    case: dict[str, Any] = {"type": "asserts", "tests": asserts}
    return {**case, "setup": setup} if setup.strip() else case


def _json_list(text: str) -> list[Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) else None


def _stdin_stdout(inputs: list[Any], outputs: list[Any], language: str) -> dict[str, Any]:
    return {
        "type": "stdin_stdout",
        "language": language,
        "inputs": [_lines(item) for item in inputs],
        "outputs": [_lines(item) for item in outputs],
    }


def _lines(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _from_pairs(pairs: list[Any]) -> dict[str, Any] | None:
    inputs, outputs = [], []
    for pair in pairs:
        if not isinstance(pair, Mapping) or pair.get("testtype", "stdin") != "stdin":
            return None
        given, wanted = pair.get("input"), pair.get("output")
        if isinstance(given, Mapping) and isinstance(wanted, Mapping):
            given, wanted = given.get("stdin"), wanted.get("stdout")
        if given is None or wanted is None:
            return None
        inputs.append(given)
        outputs.append(wanted)
    return _stdin_stdout(inputs, outputs, "python") if inputs else None


class _Rename(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


def _from_check(source: str, entry_point: str | None) -> dict[str, Any] | None:
    """Cut `def check(candidate): assert …` into asserts about `entry_point`, if that is all."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    check = next(
        (n for n in module.body if isinstance(n, ast.FunctionDef) and n.name == "check"), None
    )
    if check is None or not entry_point or not check.args.args:
        return None
    body = [node for node in check.body if not _is_noise(node)]
    if not any(isinstance(node, ast.Assert) for node in ast.walk(check)):
        return None
    if not all(isinstance(node, ast.Assert) for node in body):
        return _asserts([f"{source.strip()}\n\ncheck({entry_point})"], "")
    rename = _Rename(check.args.args[0].arg, entry_point)
    # An assert of a constant ("assert True") tests nothing and would dilute the score.
    asserts = [
        ast.unparse(rename.visit(node))
        for node in body
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant)
    ]
    setup = [
        ast.unparse(node)
        for node in module.body
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef) and node is not check
    ]
    return _asserts(asserts, "\n".join(setup)) if asserts else None


def _is_noise(node: ast.stmt) -> bool:
    """Docstrings, `pass` and the `print` of a passing case."""
    if isinstance(node, ast.Pass):
        return True
    if not isinstance(node, ast.Expr):
        return False
    called = node.value.func if isinstance(node.value, ast.Call) else None
    return isinstance(node.value, ast.Constant) or (
        isinstance(called, ast.Name) and called.id == "print"
    )
