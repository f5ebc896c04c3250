"""The three forms of test of a program: standard input and output, function calls, asserts.

Each test is one run with limits of its own (`job`), and a judgement of how that ended (`judge`).
Expected outputs of the first two forms stay here; those of asserts go to the tests' process.
"""

import json
import keyword
import math
import re
from collections.abc import Sequence
from typing import Any, Protocol

from am_assets.core.runner import Job, Language, RunResult
from am_assets.core.settings.verification import CodeConfig
from am_assets.stages.verification.code import asserts
from am_assets.stages.verification.code.program import language_of
from am_assets.stages.verification.code.values import NotWireForm, read, same, shown
from am_assets.stages.verification.outcome import Judged

_TOKEN = re.compile(r"[^ \t\n\r\f\v]+")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,5})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_CUT = 300
_MAX_TOLERANCE = 0.1


class Malformed(ValueError):
    """A test case that is not of a known shape; the message says what is wrong."""


class CodeTest(Protocol):
    """One test of one program."""

    @property
    def job(self) -> Job:
        """What is run; it holds no expected output that the candidate's process could see."""
        ...

    def judge(self, result: RunResult) -> Judged:
        """What the run says."""
        ...


class StdoutTest:
    """Input text and the text expected on standard output.

    Outputs are equal when they have the same tokens (what stands between ASCII white space) in the
    same order, as many: layout does not count, a prefix or a set does not do. With a `tolerance`
    two finite decimal numbers may differ by it, absolutely or relatively; two integers may not.
    """

    def __init__(
        self,
        source: str,
        language: Language,
        stdin: str,
        expected: str,
        tolerance: float,
        config: CodeConfig,
    ) -> None:
        self.job = _job(config, source, len(expected), stdin=stdin, language=language)
        self._expected = _TOKEN.findall(expected)
        self._tolerance = tolerance

    def judge(self, result: RunResult) -> Judged:
        if result.status != "ok":
            return Judged("fail", result.status, result.detail)
        got = _TOKEN.findall(result.stdout)
        count = min(len(got), len(self._expected))
        place = next((n for n in range(count) if not self._equal(got[n], self._expected[n])), count)
        if place == count and len(got) == len(self._expected):
            return Judged("pass")
        evidence = {
            "token": place,
            "observed": _token(got, place),
            "expected": _token(self._expected, place),
        }
        return Judged("fail", "wrong_answer", "", evidence)

    def _equal(self, got: str, expected: str) -> bool:
        if got == expected:
            return True
        if not self._tolerance or (_INTEGER.fullmatch(got) and _INTEGER.fullmatch(expected)):
            return False
        if not (_NUMBER.fullmatch(got) and _NUMBER.fullmatch(expected)):
            return False
        return _close(float(got), float(expected), self._tolerance)


class CallTest:
    """A function call and the JSON value expected from it (see `values.same`)."""

    def __init__(
        self, source: str, call: str, expected: Any, tolerance: float, config: CodeConfig
    ) -> None:
        self.job = _job(config, source, len(json.dumps(expected)), expressions=(call,))
        self._expected = expected
        self._tolerance = tolerance

    def judge(self, result: RunResult) -> Judged:
        if result.status != "ok":
            return Judged("fail", result.status, result.detail)
        try:
            value = read(result.values[0])
        except NotWireForm as problem:
            return Judged("fail", "forged_report", str(problem))
        if same(value, self._expected, self._tolerance):
            return Judged("pass")
        return Judged("fail", "wrong_answer", "", {"observed": shown(value)[:_CUT]})


class AssertTest:
    """A test of the asserts form: its text and its setup, run beside the candidate."""

    def __init__(self, source: str, setup: asserts.Setup, test: str, config: CodeConfig) -> None:
        tests = asserts.program(setup, test)
        self.job = _job(config, source, 0, setup=setup.lent, tests=tests)
        self._setup = setup

    def judge(self, result: RunResult) -> Judged:
        return asserts.judge(result, self._setup)


def read_tests(test_case: dict[str, Any], source: str, config: CodeConfig) -> Sequence[CodeTest]:
    """The first tests of a test case for the program `source`.

    Raises Malformed, LanguageUnsupported, and asserts.Unsupported for a setup that cannot be used.
    """
    match test_case.get("type"):
        case "stdin_stdout":
            inputs, outputs = _paired(test_case, config)
            language, tolerance = language_of(test_case), _tolerance(test_case)
            expected = [_text(output) for output in outputs]
            if not any(_TOKEN.search(text) for text in expected):
                raise Malformed("no test expects any output")
            return [
                StdoutTest(source, language, _text(one), other, tolerance, config)
                for one, other in zip(inputs, expected, strict=True)
            ]
        case "function":
            inputs, outputs = _paired(test_case, config)
            tolerance = _tolerance(test_case)
            function = _callable(test_case.get("fn_name"), source)
            return [
                CallTest(source, _call_text(function, arguments), output, tolerance, config)
                for arguments, output in zip(inputs, outputs, strict=True)
            ]
        case "asserts":
            text, tests = test_case.get("setup") or "", test_case.get("tests")
            if not isinstance(text, str) or not _is_list_of_text(tests) or not tests:
                raise Malformed('"asserts" needs "tests", a list of assert statements')
            setup = asserts.read_setup(text, source)
            return [AssertTest(source, setup, test, config) for test in tests[: config.max_tests]]
        case other:
            raise Malformed(f"unknown test case type {other!r}"[:80])


def _job(config: CodeConfig, source: str, expected_size: int, **inputs: Any) -> Job:
    return Job(
        source=source,
        time_limit_s=config.time_limit_s,
        memory_mb=config.memory_mb,
        # A right answer must fit, however long the expected one is.
        output_bytes=max(config.output_kb * 1024, 4 * expected_size),
        **inputs,
    )


def _paired(test_case: dict[str, Any], config: CodeConfig) -> tuple[Sequence[Any], Sequence[Any]]:
    inputs, outputs = test_case.get("inputs"), test_case.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list) or not inputs:
        raise Malformed('"inputs" and "outputs" must be lists that are not empty')
    if len(inputs) != len(outputs):
        raise Malformed(f"{len(inputs)} inputs but {len(outputs)} outputs")
    return inputs[: config.max_tests], outputs[: config.max_tests]


def _tolerance(test_case: dict[str, Any]) -> float:
    value = test_case.get("tolerance")
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed('"tolerance" must be a number')
    if not 0 <= value <= _MAX_TOLERANCE:
        raise Malformed(f'"tolerance" must lie between 0 and {_MAX_TOLERANCE}')
    return float(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if _is_list_of_text(value):
        return "\n".join(value)
    raise Malformed("an input or output of a program must be text")


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _callable(name: Any, source: str) -> str:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise Malformed('"fn_name" must be a Python name')
    # Without parsing hostile source here: a method of Solution is the one other place it can be.
    own = re.search(rf"^(?:async\s+)?def\s+{name}\b|^{name}\s*[:=]", source, re.MULTILINE)
    if own is None and re.search(r"^class\s+Solution\b", source, re.MULTILINE):
        return f"Solution().{name}"
    return name


def _call_text(function: str, arguments: Any) -> str:
    if not isinstance(arguments, list):
        raise Malformed('each of "inputs" must be a list of arguments')
    if not _finite(arguments):
        raise Malformed("an argument is not a finite number")
    # The repr of a JSON value is a Python literal.
    return f"{function}({', '.join(repr(argument) for argument in arguments)})"


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_finite, inside))


def _close(got: float, expected: float, tolerance: float) -> bool:
    if not (math.isfinite(got) and math.isfinite(expected)):
        return False
    return abs(got - expected) <= tolerance * max(1.0, abs(expected))


def _token(tokens: Sequence[str], place: int) -> str | None:
    return tokens[place][:_CUT] if place < len(tokens) else None
