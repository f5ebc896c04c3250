import json

from am_assets.stages.sources.test_cases import asserts_case, checked_case

CHECK = """
METADATA = {}

def helper(x):
    return x

def check(candidate):
    \"\"\"All cases.\"\"\"
    assert candidate([1, 2]) == 3
    assert abs(candidate([]) - 0) < 1e-6, "message"
    assert True, "printed on the last one"
"""


def test_asserts_are_kept_with_their_setup():
    case = asserts_case(["assert f(1) == 2", " "], "import math", None)
    assert case == {"type": "asserts", "tests": ["assert f(1) == 2"], "setup": "import math"}


def test_asserts_may_be_json_text():
    assert asserts_case(json.dumps(["assert f(1)"]), "", None) == {
        "type": "asserts",
        "tests": ["assert f(1)"],
    }


def test_no_asserts_are_no_test_case():
    assert asserts_case([], "", None) is None


def test_a_check_function_of_asserts_is_cut_into_asserts_about_the_entry_point():
    case = asserts_case(CHECK, "", "total")
    assert case is not None
    assert case["tests"] == [
        "assert total([1, 2]) == 3",
        "assert abs(total([]) - 0) < 1e-06, 'message'",
    ]
    assert case["setup"].startswith("def helper")


def test_a_check_function_with_a_loop_is_one_test():
    looped = "def check(candidate):\n    for i in range(3):\n        assert candidate(i) == i\n"
    assert asserts_case(looped, "", "f") == {"type": "asserts", "tests": [f"{looped}\ncheck(f)"]}


def test_a_check_function_that_asserts_nothing_is_no_test_case():
    assert asserts_case("def check(candidate):\n    candidate(1)\n", "", "f") is None


def test_a_check_function_that_does_not_parse_is_no_test_case():
    assert asserts_case("def check(candidate:", "", "f") is None


def test_apps_style_inputs_become_stdin_stdout():
    case = checked_case({"inputs": ["1\n", ["2", "3"]], "outputs": ["1", "5"]})
    assert case == {
        "type": "stdin_stdout",
        "language": "python",
        "inputs": ["1\n", "2\n3"],
        "outputs": ["1", "5"],
    }


def test_a_function_name_makes_a_function_case():
    case = checked_case({"fn_name": "add", "inputs": [[1, 2]], "outputs": [3]})
    assert case == {"type": "function", "fn_name": "add", "inputs": [[1, 2]], "outputs": [3]}


def test_a_tolerance_is_kept():
    case = checked_case({"inputs": ["1"], "outputs": ["0.5"], "tolerance": 1e-6})
    assert case is not None
    assert case["tolerance"] == 1e-6


def test_pairs_of_stdin_and_stdout_become_stdin_stdout():
    nested = checked_case([{"input": {"stdin": "1"}, "output": {"stdout": "2"}}])
    flat = checked_case([{"input": "1", "output": "2", "testtype": "stdin"}])
    assert nested == flat
    assert nested is not None
    assert nested["outputs"] == ["2"]


def test_an_unknown_shape_is_no_test_case():
    assert checked_case({"inputs": ["1"], "outputs": []}) is None
    assert checked_case("assert f()") is None
    assert checked_case([{"question": "?"}]) is None
