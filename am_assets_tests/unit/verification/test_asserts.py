import pytest

from am_assets.stages.verification.asserts import Unsupported, names_defined, parse_assert
from am_assets.stages.verification.values import Opaque, Stream


@pytest.mark.parametrize(
    ("text", "calls", "values", "holds"),
    [
        ("assert f(2) == 4", ("f(2)",), [4], True),
        ("assert f(2) == 4", ("f(2)",), [5], False),
        ("assert f(2) == (1, 2)", ("f(2)",), [[1, 2]], False),
        ("assert f(x=[1]) is None", ("f(x=[1])",), [None], True),
        ("assert f('a')", ("f('a')",), [True], True),
        ("assert not f('a')", ("f('a')",), [1], False),
        ("assert f(1) in [1, 2]", ("f(1)",), [2], True),
        ("assert math.isclose(f(1), 0.5, rel_tol=0.001)", ("f(1)",), [0.5001], True),
        ("assert abs(f(1) - 0.5) < 1e-6", ("f(1)",), [0.5], True),
        ("assert set(f(1)) == set([2, 1])", ("f(1)",), [[1, 2, 2]], True),
        ("assert sorted(f(1)) == [1, 2]", ("f(1)",), [(2, 1)], True),
        ("assert list(f(1)) == [1]", ("f(1)",), [Stream((1,))], True),
        ("assert f(1) == [1]", ("f(1)",), [Stream((1,))], False),
        ("assert f(1)[0] == 3, 'message'", ("f(1)",), [[3]], True),
        ("assert f(g(2)) == 4", ("f(g(2))",), [4], True),
        ("assert Solution().solve([1]) == 1", ("Solution().solve([1])",), [1], True),
        ("assert f(1) == 1 and g(2) == 2", ("f(1)", "g(2)"), [1, 2], True),
        ("assert f(1) == -2.5 * 2", ("f(1)",), [-5], True),
        ("assert isinstance(f(1), (int, str))", ("f(1)",), ["x"], True),
        ("assert 0 < f(1) <= 3", ("f(1)",), [3], True),
        ("assert f(1) + 1 == 2", ("f(1)",), ["x"], False),
        ("assert f(1) == {1: 'a', 'b': None}", ("f(1)",), [{1: "a", "b": None}], True),
    ],
)
def test_the_candidate_gets_its_calls_and_the_comparison_stays_here(text, calls, values, holds):
    test = parse_assert(text)
    assert test.calls == calls
    assert test.holds(values) is holds


def test_an_object_that_claims_equality_equals_nothing():
    assert not parse_assert("assert f(1) == 4").holds([Opaque("Yes", True)])


def test_the_order_of_an_opaque_object_cannot_be_judged():
    with pytest.raises(Unsupported, match="Odd"):
        parse_assert("assert f(1) < 4").holds([Opaque("Odd", True)])


@pytest.mark.parametrize(
    "text",
    [
        "assert f(3) == Fraction(1, 2)",
        "assert f(3) == g(3)",
        "assert same(f(3), 4)",
        "assert f(3) == expected",
        "assert all(x > 0 for x in f(3))",
        "assert 'abc'.upper() == f(3)",
        "assert __import__('os').system('true') == f(1)",
        "assert eval('1') == f(1)",
        "assert True",
        "x = f(3)",
        "assert f(3",
        "assert " + "(" * 3000 + "f(1)" + ")" * 3000,
        "assert " + "-" * 15000 + "f(1) == 1",
    ],
)
def test_a_test_that_would_be_judged_beside_the_candidate_is_refused(text):
    with pytest.raises(Unsupported):
        parse_assert(text)


@pytest.mark.parametrize(
    "text",
    [
        "assert f(1) == 2 ** 99999999999",
        "assert f(1) == 'a' * 10 ** 10",
        "assert f(1) == [0] * 10 ** 9",
    ],
)
def test_a_test_cannot_exhaust_the_judge(text):
    with pytest.raises(Unsupported):
        parse_assert(text).holds([1])


def test_a_candidate_function_named_like_a_builtin_is_found():
    test = parse_assert("assert sum(2, 3) == 5", source_names=frozenset({"sum"}))
    assert test.calls == ("sum(2, 3)",)


def test_a_candidate_cannot_take_over_the_judges_functions():
    own = frozenset({"abs", "sorted"})
    test = parse_assert("assert abs(f(2) - 3.5) < 1e-6", source_names=own)
    assert test.calls == ("f(2)",)


def test_a_helper_of_the_setup_is_no_candidate():
    names = names_defined("import math\ndef check(a):\n    return True\nclass Node: pass")
    assert names == {"check"}
    with pytest.raises(Unsupported):
        parse_assert("assert check(2) == 3", names)
