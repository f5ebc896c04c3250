"""Code: sandboxed tests, the first ten of them; score = passed / run [method.md, AM, DD 2.4].

The candidate's process gets a program and inputs. Expected outputs stay here, and the comparison
happens here, over plain values.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from am_assets.stages.verification.asserts import (
    AssertTest,
    Unsupported,
    names_defined,
    parse_assert,
)
from am_assets.stages.verification.config import CodeConfig
from am_assets.stages.verification.outcome import Outcome, Verifier
from am_assets.stages.verification.runner import CodeRunner, Job, RunnerFailed, RunResult
from am_assets.stages.verification.values import NotWireForm, read, same

VERIFIER = Verifier("sandbox", "code-1")

_FENCE = re.compile(r"[ \t]*(?P<marks>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)")
_DEFINITION = re.compile(r"^def (\w+)", re.MULTILINE)
_PYTHON = ("python", "python3", "py", "py3")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '(\w+)")
# Libraries a problem may take for granted that the sandbox does not carry.
_LIBRARIES = frozenset(
    {
        *("numpy", "scipy", "pandas", "sympy", "sklearn", "networkx", "torch", "matplotlib"),
        *("sortedcontainers", "gmpy2", "numba", "nltk", "requests", "bs4", "PIL", "cv2", "yaml"),
        "regex",
    }
)


class Malformed(ValueError):
    """A test case that is not of a known shape; the message says what is wrong."""


def extract_code(answer: str) -> str:
    """The program in an answer: its last Python block, else an unmarked one, else all of it."""
    blocks = list(_fenced(answer))
    if not blocks:
        return answer
    for languages in (_PYTHON, ("",)):
        chosen = [code for language, code in blocks if language in languages]
        if chosen:
            return chosen[-1]
    return blocks[-1][1]


def _fenced(text: str) -> Iterator[tuple[str, str]]:
    """(language, code) of each fenced block that closes."""
    marks, language, lines = "", "", list[str]()
    for line in text.splitlines(keepends=True):
        if marks:
            if line.strip() == marks:
                yield language, "".join(lines)
                marks = ""
            else:
                lines.append(line)
        elif fence := _FENCE.match(line):
            marks, language, lines = fence["marks"], fence["language"].lower(), []


def check_code(
    answer: str, test_case: dict[str, Any] | None, runner: CodeRunner | None, config: CodeConfig
) -> Outcome:
    """Run an answer's program against a test case; never raises on hostile input."""
    if not test_case:
        return VERIFIER.unverifiable("no_test_case")
    try:
        tests = _tests(test_case, answer, config)
    except Malformed as problem:
        return VERIFIER.unverifiable("malformed_test_case", detail=str(problem))
    except Unsupported as problem:
        return VERIFIER.unverifiable("unsupported_test", detail=str(problem))
    except LanguageUnsupported as problem:
        return VERIFIER.unverifiable("language_unsupported", detail=str(problem))
    if runner is None:
        return VERIFIER.error("isolation_missing")
    try:
        return _run(tests, runner, config)
    except RunnerFailed as problem:
        return VERIFIER.error("runner_failed", detail=str(problem))
    except Unsupported as problem:
        return VERIFIER.unverifiable("unsupported_test", detail=str(problem))


class LanguageUnsupported(ValueError):
    """A language the sandbox does not run."""


class _StdoutTest:
    """Input text and the text expected on standard output."""

    def __init__(self, source: str, stdin: str, expected: str, config: CodeConfig) -> None:
        self.job = _job(config, source, len(expected), stdin=stdin)
        self._expected = expected.split()

    def passes(self, result: RunResult) -> bool:
        # All tokens, in order, as many: neither layout nor a prefix nor a set of lines.
        return result.stdout.split() == self._expected


class _CallTest:
    """A function call and the JSON value expected from it."""

    def __init__(self, source: str, call: str, expected: Any, config: CodeConfig) -> None:
        self.job = _job(config, source, len(json.dumps(expected)), expressions=(call,))
        self._expected = expected

    def passes(self, result: RunResult) -> bool:
        return same(read(result.values[0]), self._expected)


class _AssertTest:
    """An assert statement, whose candidate calls alone go to the sandbox."""

    def __init__(self, source: str, setup: str, test: AssertTest, config: CodeConfig) -> None:
        self.job = _job(config, source, 0, expressions=test.calls, setup=setup)
        self._test = test

    def passes(self, result: RunResult) -> bool:
        return self._test.holds([read(value) for value in result.values])


_Test = _StdoutTest | _CallTest | _AssertTest


def _job(config: CodeConfig, source: str, expected_size: int, **inputs: Any) -> Job:
    return Job(
        source=source,
        time_limit_s=config.time_limit_s,
        memory_mb=config.memory_mb,
        # A right answer must fit, however long the expected one is.
        output_bytes=max(config.output_kb * 1024, 4 * expected_size),
        **inputs,
    )


def _tests(test_case: dict[str, Any], answer: str, config: CodeConfig) -> list[_Test]:
    source = extract_code(answer)
    match test_case.get("type"):
        case "stdin_stdout":
            language = test_case.get("language", "python")
            if language != "python":
                raise LanguageUnsupported(f"the sandbox runs Python, not {language!r}"[:80])
            inputs, outputs = _paired(test_case, config)
            return [
                _StdoutTest(source, _text(one), _text(other), config)
                for one, other in zip(inputs, outputs, strict=True)
            ]
        case "function":
            inputs, outputs = _paired(test_case, config)
            function = _callable(test_case.get("fn_name"), source)
            return [
                _CallTest(source, _call_text(function, arguments), output, config)
                for arguments, output in zip(inputs, outputs, strict=True)
            ]
        case "asserts":
            setup = test_case.get("setup") or ""
            tests = test_case.get("tests")
            if not isinstance(setup, str) or not _is_list_of_text(tests) or not tests:
                raise Malformed('"asserts" needs "tests", a list of assert statements')
            defined = names_defined(setup)
            own = frozenset(_DEFINITION.findall(source))
            parsed = [parse_assert(test, defined, own) for test in tests[: config.max_tests]]
            return [_AssertTest(source, setup, test, config) for test in parsed]
        case other:
            raise Malformed(f"unknown test case type {other!r}"[:80])


def _paired(test_case: dict[str, Any], config: CodeConfig) -> tuple[Sequence[Any], Sequence[Any]]:
    inputs, outputs = test_case.get("inputs"), test_case.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list) or not inputs:
        raise Malformed('"inputs" and "outputs" must be lists that are not empty')
    if len(inputs) != len(outputs):
        raise Malformed(f"{len(inputs)} inputs but {len(outputs)} outputs")
    return inputs[: config.max_tests], outputs[: config.max_tests]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if _is_list_of_text(value):
        return "\n".join(value)
    raise Malformed("an input or output of a program must be text")


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _callable(name: Any, source: str) -> str:
    if not isinstance(name, str) or not name.isidentifier():
        raise Malformed('"fn_name" must be a Python name')
    # Without parsing hostile source here: a method of Solution is the one other place it can be.
    own = re.search(rf"^(?:async\s+)?def\s+{name}\b|^{name}\s*[:=]", source, re.MULTILINE)
    if own is None and re.search(r"^class\s+Solution\b", source, re.MULTILINE):
        return f"Solution().{name}"
    return name


def _call_text(function: str, arguments: Any) -> str:
    if not isinstance(arguments, list):
        raise Malformed('each of "inputs" must be a list of arguments')
    # The repr of a JSON value is a Python literal, but for numbers JSON does not have.
    text = ", ".join(repr(argument) for argument in arguments)
    if re.search(r"\b(?:nan|inf)\b", re.sub(r"'[^']*'|\"[^\"]*\"", "", text)):
        raise Malformed("an argument is not a finite number")
    return f"{function}({text})"


def _run(tests: Sequence[_Test], runner: CodeRunner, config: CodeConfig) -> Outcome:
    passed = 0
    failure: dict[str, Any] | None = None
    for index, test in enumerate(tests):
        result = runner.run(test.job)
        reason = _judge(test, result)
        if reason is None:
            passed += 1
            continue
        missing = _MISSING_MODULE.match(result.detail)
        if reason == "exception" and missing and missing[1] in _LIBRARIES:
            return VERIFIER.unverifiable("missing_library", library=missing[1], tier=runner.tier)
        if failure is None:
            detail = _ADDRESS.sub("0x…", result.detail)
            failure = {"test": index, "reason": reason, "detail": detail}
    score = passed / len(tests)
    evidence: dict[str, Any] = {"passed": passed, "run": len(tests), "tier": runner.tier}
    if failure is None or score > config.pass_score:
        return VERIFIER.passed(score, **evidence)
    return VERIFIER.failed(str(failure["reason"]), score, **evidence, first_failure=failure)


def _judge(test: _Test, result: RunResult) -> str | None:
    """Why a run does not count, or None when it passes."""
    if result.status != "ok":
        return result.status
    try:
        return None if test.passes(result) else "wrong_answer"
    except NotWireForm:
        return "forged_report"
