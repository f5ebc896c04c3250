import pytest

from am_assets.core.settings.verification import CodeConfig
from am_assets.stages.verification.code.check import VERIFIER, check_code
from am_assets.stages.verification.code.program import extract_code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("print(1)", "print(1)"),
        ("Try:\n```python\nprint(1)\n```\nor\n```python\nprint(2)\n```\nDone.", "print(2)\n"),
        ("```py\nprint(1)\n```\nOutput:\n```\n1\n```", "print(1)\n"),
        ("```\nprint(1)\n```", "print(1)\n"),
        ("```python\ns = '''\n# ``` inside\n'''\n```", "s = '''\n# ``` inside\n'''\n"),
        ("~~~python\nprint(1)\n~~~", "print(1)\n"),
    ],
)
def test_the_program_is_the_last_python_block(answer, code):
    assert extract_code(answer) == code


@pytest.mark.parametrize("mark", ["cpp", "c++", "C++", "cpp17", "cc", "cxx"])
def test_a_cpp_program_is_the_last_cpp_block(mark):
    answer = f"```python\nx\n```\n```{mark}\nint a;\n```\n```{mark}\nint b;\n```\n```\n7\n```"
    assert extract_code(answer, "cpp") == "int b;\n"


@pytest.mark.parametrize(
    ("test_case", "reason"),
    [
        (None, "no_test_case"),
        ({}, "no_test_case"),
        ({"type": "riddle"}, "malformed_test_case"),
        ({"type": "stdin_stdout", "inputs": [], "outputs": []}, "malformed_test_case"),
        ({"type": "stdin_stdout", "inputs": ["1"], "outputs": []}, "malformed_test_case"),
        ({"type": "stdin_stdout", "inputs": [1], "outputs": ["1"]}, "malformed_test_case"),
        (
            {"type": "stdin_stdout", "language": "cobol", "inputs": ["1"], "outputs": ["1"]},
            "language_unsupported",
        ),
        (
            {
                "type": "function",
                "language": "cpp",
                "fn_name": "f",
                "inputs": [[1]],
                "outputs": [1],
            },
            "language_unsupported",
        ),
        (
            {"type": "function", "fn_name": "f(); g", "inputs": [[1]], "outputs": [1]},
            "malformed_test_case",
        ),
        (
            {"type": "function", "fn_name": "f", "inputs": [1], "outputs": [1]},
            "malformed_test_case",
        ),
        ({"type": "asserts", "tests": []}, "malformed_test_case"),
    ],
)
def test_a_sample_without_a_usable_test_is_unverifiable(test_case, reason):
    outcome = check_code("print(1)", test_case, None, CodeConfig())
    assert (outcome.status, outcome.reason) == ("unverifiable", reason)


def test_code_without_a_sandbox_is_our_failure_not_the_responses():
    test_case = {"type": "stdin_stdout", "inputs": ["1"], "outputs": ["1"]}
    outcome = check_code("print(1)", test_case, None, CodeConfig())
    assert outcome == VERIFIER.error("isolation_missing")
