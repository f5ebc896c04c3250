import pytest

from am_assets.core.runner import RunResult
from am_assets.stages.verification.code.asserts import Unsupported, judge, program, read_setup

NODE = "class Node:\n    def __init__(self, v): self.v = v\n"
SETUP = read_setup("def expected(n): return n", "")


def test_a_program_gets_the_setups_imports_and_records_but_nothing_that_computes():
    text = (
        f"import math\nfrom solution import f\n{NODE}LIMIT = 3\ndef expected(n): return n * LIMIT"
    )
    setup = read_setup(text, "def f(n): return n")
    assert (
        setup.lent == "import math\n\nclass Node:\n\n    def __init__(self, v):\n        self.v = v"
    )
    assert setup.kept == {"LIMIT", "expected"}


def test_a_class_with_methods_reaches_only_a_program_that_names_it():
    text = "class Tree:\n    def size(self): return 1"
    assert read_setup(text, "def f(t): return t.size()").lent == ""
    assert "class Tree" in read_setup(text, "def f(t: Tree): return t.size()").lent


def test_a_class_that_holds_a_value_is_no_record():
    assert read_setup("class Answers:\n    FIRST = 4", "def f(): pass").lent == ""


@pytest.mark.parametrize("text", ["def f(:", "(" * 5000, "x = " + "-" * 60000 + "1", "\0"])
def test_a_setup_that_is_not_python_cannot_be_used(text):
    with pytest.raises(Unsupported):
        read_setup(text, "")


def test_a_test_beyond_all_measure_is_refused():
    with pytest.raises(Unsupported):
        program(SETUP, "x" * 5_000_000)


def test_what_the_tests_process_hits_is_no_word_about_the_program():
    for status in ("exception", "timeout", "memory", "killed", "output_limit"):
        assert judge(RunResult(status, process="tests"), SETUP).status == "unverifiable"


def test_what_the_candidate_hits_is_its_failure():
    judged = judge(RunResult("timeout", process="candidate"), SETUP)
    assert (judged.status, judged.reason) == ("fail", "timeout")


@pytest.mark.parametrize(
    "values", [(), ({},), ({"outcome": "pass"},), (None,), ("pass",), ({"outcome": 1},)]
)
def test_a_report_of_another_shape_is_never_a_pass(values):
    assert judge(RunResult("ok", values=values, process="tests"), SETUP).status == "unverifiable"


def test_a_program_that_wants_what_only_the_setup_defines_cannot_be_judged():
    said = {"outcome": "fail", "reason": "exception", "observed": ""}
    for name, status in (("expected", "unverifiable"), ("other", "fail")):
        said["detail"] = f"NameError: name '{name}' is not defined"
        assert judge(RunResult("ok", values=(said,), process="tests"), SETUP).status == status
