import pytest

from am_assets.engines.sandbox.reading import Unusable, read


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("assert f(2) == 4", ("f",)),
        ("import math\nassert math.isclose(f(1), g(2)[0] + 1)", ("f", "g")),
        ("def check(candidate):\n    assert candidate(1) == 2\ncheck(f)", ("f",)),
        ("from collections import Counter\nassert Counter(f(1)) == Counter([1])", ("f",)),
        ("assert sum(2, 3) == 5", ("sum",)),
        ("assert sum(f(3)) == 5", ("f",)),
        ("def check(candidate):\n    assert candidate([1]) == 2\ncheck(sum)", ("sum",)),
        ("assert math.floor(f(3)) == 5", ("f",)),
        ("from solution import f\nassert sum(f(3)) == 5", ()),
        ("assert Solution().solve([1]) == [x for x in [1]]", ("Solution",)),
        ("class Case:\n    n = 1\n    m = n\nassert f(Case.n) == 1", ("f",)),
        ("def run():\n    global got\n    got = f(1)\nrun()\nassert got == 2", ("f",)),
    ],
)
def test_a_program_is_asked_for_what_nothing_else_defines(text, names):
    assert read(text, "").names == names


@pytest.mark.parametrize(
    "text",
    [
        "assert f(g(2)) == 4",
        "assert decode(encode('a')) == 'a'",
        "root = Node(1)\nassert is_tree(root)",
        "assert contains([1], 1)",
        "tree = Tree()\ntree.add(3)\nassert tree.contains(3)",
        "assert not f(1)",
        "assert f(1) is None",
        "assert type(f(1)) is list",
        "x = [1]\nassert f(x) is x",
        "def close(a, b):\n    return abs(a - b) < 1e-6\nassert close(f(2), 4)",
        "assert set(f(2)) == {1} and len(f(2)) == 1",
        "for n, want in [(1, 2), (2, 3)]:\n    assert f(n) == want",
        "assert all(f(n) == want for n, want in [(1, 2)])",
        "assert f(2).startswith('a')",
        "assert tuple(f([1])) == tuple(g([1]))\nassert f([2]) == [2]",
        "try:\n    f(1)\n    assert False\nexcept (ValueError, KeyError):\n    pass",
    ],
)
def test_an_ordinary_test_can_be_judged(text):
    read(text, "")


@pytest.mark.parametrize(
    "text",
    [
        "assert same(f(2), 4)",
        "assert not differ(4, f(2))",
        "assert same(f(2), 4) == True",
        "assert same(f(2), 4) is True",
        "got = f(2)\nassert same(got, 4)",
        "got = f(2)\nok = same(got, 4)\nassert ok",
        "assert all(same(f(n), w) for n, w in [(1, 2)])",
        "assert all([same(f(1), 2)])",
        "assert bool(same(f(1), 2)) and True",
        "if not same(f(2), 4):\n    raise AssertionError",
        "def verify(a):\n    return same(a, 4)\nassert verify(f(2))",
        "def check(candidate):\n    assert same(candidate(2), 4)\ncheck(f)",
        "import unittest\nunittest.TestCase().assertTrue(same(f(2), 4))",
        "assert f(2).equals(4)",
        "assert f(2).__eq__(4)",
        "from solution import f, same\nassert same(f(2), 4)",
        "import candidate as c\nassert c.same(c.f(2), 4)",
        "assert f(3) == g(3)",
        "assert f(1) is g(1)",
        "assert type(f(1)) is Node",
        "try:\n    f(1)\nexcept MyError:\n    pass",
        "from contextlib import redirect_stdout\nwith redirect_stdout(None):\n    f(1)",
        "import sys\nsys.stdout = None\nf(1)",
        "from unittest.mock import patch\nwith patch('solution.g'):\n    assert f(1) == 2",
        "assert f(3",
        "assert " + "(" * 3000 + "f(1)" + ")" * 3000,
        "assert " + "-" * 60000 + "f(1) == 1",
        "\0",
    ],
)
def test_a_test_that_would_be_judged_by_the_program_is_refused(text):
    with pytest.raises(Unusable):
        read(text, "")


def test_a_class_lent_to_the_program_is_the_programs_own():
    test = read("class Node:\n    pass\nassert f(Node()) == 1", "class Node:\n    pass")
    assert test.names == ("Node", "f")


def test_the_library_provides_what_a_test_forgot_to_import():
    test = read("assert math.floor(f(3)) == Counter('a')['a']", "")
    assert test.library == {"math": "math", "Counter": "collections"}
