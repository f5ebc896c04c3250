"""Code: sandboxed tests, the first ten of them; score = passed / run [method.md, AM, DD 2.4].

The candidate's process gets a program and inputs. Expected outputs stay here, and the comparison
happens here, over plain values.
"""

import re
from collections.abc import Sequence
from typing import Any

from am_assets.core.runner import CodeRunner, RunnerFailed
from am_assets.core.settings.verification import CodeConfig
from am_assets.stages.verification.code.asserts import Unsupported
from am_assets.stages.verification.code.forms import CodeTest, Malformed, read_tests
from am_assets.stages.verification.code.program import (
    LanguageUnsupported,
    extract_code,
    language_of,
)
from am_assets.stages.verification.outcome import Outcome, Verifier

VERIFIER = Verifier("sandbox", "code-2")

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


def _tests(test_case: dict[str, Any], answer: str, config: CodeConfig) -> Sequence[CodeTest]:
    language = language_of(test_case)
    if language != "python" and test_case.get("type") in ("function", "asserts"):
        raise LanguageUnsupported(f"programs in {language} are run whole, by stdin_stdout")
    return read_tests(test_case, extract_code(answer, language), config)


def _run(tests: Sequence[CodeTest], runner: CodeRunner, config: CodeConfig) -> Outcome:
    passed = 0
    failure: dict[str, Any] | None = None
    unjudged: Outcome | None = None
    language = tests[0].job.language
    evidence: dict[str, Any] = {
        "run": len(tests),
        "tier": runner.tier,
        "language": language,
        "runtime": runner.runtime(language),
    }
    for index, test in enumerate(tests):
        result = runner.run(test.job)
        if result.status == "no_compiler":
            return VERIFIER.error("compiler_missing", detail=result.detail)
        if result.status in ("compile_error", "compile_limit"):
            return VERIFIER.failed(result.status, **evidence, passed=0, detail=result.detail)
        judged = test.judge(result)
        detail = _ADDRESS.sub("0x…", judged.detail)
        missing = _MISSING_MODULE.match(judged.detail)
        if judged.status == "pass":
            passed += 1
        elif judged.reason == "exception" and missing and missing[1] in _LIBRARIES:
            return VERIFIER.unverifiable("missing_library", library=missing[1], tier=runner.tier)
        elif judged.status == "unverifiable":
            found = {"test": index, "detail": detail, "tier": runner.tier}
            unjudged = unjudged or VERIFIER.unverifiable(judged.reason, **found)
        elif failure is None:
            failure = {"test": index, "reason": judged.reason, "detail": detail, **judged.evidence}
    score = passed / len(tests)
    evidence["passed"] = passed
    if failure is not None and score <= config.pass_score:
        return VERIFIER.failed(str(failure["reason"]), score, **evidence, first_failure=failure)
    # A test that cannot be judged leaves what the others say short of a pass, not of a fail.
    return unjudged or VERIFIER.passed(score, **evidence)
