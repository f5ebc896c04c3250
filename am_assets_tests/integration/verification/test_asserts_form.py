"""The asserts form through the real sandbox: what tests may do, what they may not, and cheats."""

import pytest

from am_assets.core.settings.verification import CodeConfig
from am_assets.stages.verification.code.check import check_code

NODE = "class Node:\n    def __init__(self, v): self.v, self.next = v, None\n"
STACK = (
    "class Stack:\n"
    "    def __init__(self): self._items = []\n"
    "    def push(self, x): self._items.append(x)\n"
    "    def pop(self): return self._items.pop()\n"
    "    def __len__(self): return len(self._items)\n"
    "    def __iter__(self): return iter(self._items)\n"
    "    def __getitem__(self, n): return self._items[n]\n"
)

RIGHT = {
    "a value": ("def f(x): return 2 * x", "assert f(2) == 4"),
    "a list sorted in place": ("def f(x): x.sort()", "x = [3, 1]\nf(x)\nassert x == [1, 3]"),
    "a dict filled in place": (
        "def f(d):\n    d['a'].append(2)\n    d['b'] = {1}",
        "d = {'a': [1]}\ninner = d['a']\nf(d)\nassert d == {'a': [1, 2], 'b': {1}}\n"
        "assert inner == [1, 2]",
    ),
    "a list shared by two arguments": (
        "def f(x, y):\n    x.append(1)\n    return len(y)",
        "x = []\nassert f(x, x) == 1\nassert x == [1]",
    ),
    "a list that holds itself": (
        "def f(x): return x[0] is x",
        "x = []\nx.append(x)\nassert f(x)",
    ),
    "the argument itself returned": (
        "def f(x):\n    x.append(1)\n    return x",
        "x = []\ny = f(x)\ny.append(2)\nassert x == [1, 2]",
    ),
    "an object that keeps the list it was given": (
        "class Total:\n    def __init__(self, x): self.x = x\n    "
        "def get(self): return sum(self.x)",
        "x = [1]\nt = Total(x)\nx.append(2)\nassert t.get() == 3",
    ),
    "a list of the program's changed by the test": (
        "log = []\ndef get(): return log\ndef size(): return len(log)",
        "get().append(1)\nassert size() == 1\nassert get() == [1]",
    ),
    "a bytearray and a deque in place": (
        "def f(b, d):\n    b.reverse()\n    d.appendleft(0)",
        "from collections import deque\nb, d = bytearray(b'ab'), deque([1], 3)\nf(b, d)\n"
        "assert b == b'ba' and list(d) == [0, 1] and d.maxlen == 3",
    ),
    "exact numbers": (
        "def f(): return [10 ** 400, 0.1 + 0.2, float('inf'), -0.0, 2 + 1j]",
        "import math\nassert f() == [10 ** 400, 0.1 + 0.2, float('inf'), 0, 2 + 1j]\n"
        "assert math.copysign(1, f()[3]) == -1",
    ),
    "not a number": ("def f(): return float('nan')", "x = f()\nassert x != x"),
    "text beyond Unicode": ("def f(s): return s * 2", "assert f('\\ud800é') == '\\ud800é\\ud800é'"),
    "containers of every kind": (
        "from collections import *\nfrom decimal import Decimal\nfrom fractions import Fraction\n"
        "P = namedtuple('P', 'x y')\n"
        "def f(): return [(1,), {2}, frozenset({3}), {4: 5}, b'6', deque([7]), Counter('88'),\n"
        "    OrderedDict(a=9), defaultdict(list, {1: [2]}), P(1, y=2), Decimal('1.5'),\n"
        "    Fraction(1, 3), range(3), None, True]",
        "from collections import *\nfrom decimal import Decimal\nfrom fractions import Fraction\n"
        "assert f() == [(1,), {2}, frozenset({3}), {4: 5}, b'6', deque([7]), Counter('88'),\n"
        "    OrderedDict(a=9), defaultdict(list, {1: [2]}), (1, 2), Decimal('1.5'),\n"
        "    Fraction(1, 3), range(3), None, True]\n"
        "assert f()[9].y == 2 and f()[8][3] == [] and type(f()[0]) is tuple",
    ),
    "dates": (
        "import datetime\ndef f(d): return d + datetime.timedelta(days=1)",
        "import datetime\nassert f(datetime.date(2024, 2, 28)) == datetime.date(2024, 2, 29)",
    ),
    "views of a dict": (
        "def f(d): return d.keys(), d.values()",
        "k, v = f({1: 2})\nassert k == {1} and list(v) == [2] and k != [1]",
    ),
    "the order of a dict": ("def f(): return {'b': 1, 'a': 2}", "assert list(f()) == ['b', 'a']"),
    "a generator": (
        "def f(n):\n    for i in range(n): yield i * i",
        "assert list(f(3)) == [0, 1, 4]\nassert f(3) != [0, 1, 4]\ng = f(2)\n"
        "assert next(g) == 0 and next(g) == 1 and next(g, 'end') == 'end'",
    ),
    "an endless iterator": (
        "import itertools\ndef f(): return itertools.count()",
        "import itertools\nassert list(itertools.islice(f(), 3)) == [0, 1, 2]",
    ),
    "a method of a new object": (
        "class Solution:\n    def solve(self, x): return x + 1",
        "assert Solution().solve(3) == 4",
    ),
    "an object with state": (
        STACK,
        "s = Stack()\nassert not s\ns.push(1); s.push([2])\nassert len(s) == 2 and s[0] == 1\n"
        "assert list(s) == [1, [2]]\nassert s.pop() == [2]",
    ),
    "linked nodes built by the test": (
        NODE + "def total(n):\n    return n.v + total(n.next) if n else 0",
        "a, b = Node(1), Node(2)\na.next = b\nassert total(a) == 3\nassert a.next.v == 2\n"
        "assert b.next is None",
    ),
    "a list of the program's objects": (
        NODE + "def values(nodes): return [n.v for n in nodes]",
        "assert values([Node(n) for n in (1, 2)]) == [1, 2]",
    ),
    "a subclass of list with methods": (
        "class S(list):\n    def push(self, x): self.append(x)",
        "s = S()\ns.push(2)\nassert s == [2]\nassert len(s) == 1",
    ),
    "a subclass of int returned": (
        "class N(int): pass\ndef f(): return [N(3)]",
        "assert f() == [3]",
    ),
    "arithmetic of the program's objects": (
        "class V:\n    def __init__(self, x): self.x = x\n"
        "    def __add__(self, other): return V(self.x + other.x)\n"
        "    def __neg__(self): return V(-self.x)",
        "assert (V(1) + V(2)).x == 3 and (-V(1)).x == -1\n"
        "try:\n    V(1) * V(2)\n    assert False\nexcept TypeError:\n    pass",
    ),
    "a function returned": ("def f(n): return lambda x: x + n", "assert f(2)(3) == 5"),
    "a built-in passed": ("def f(g, xs): return [g(x) for x in xs]", "assert f(abs, [-1]) == [1]"),
    "the program's function passed back": (
        "def inc(x): return x + 1\ndef f(g): return g(3)",
        "assert f(inc) == 4",
    ),
    "a type returned": ("def f(x): return type(x)", "assert f(3) == int and f([]) is list"),
    "keyword arguments": ("def f(a, *, b=1): return a - b", "assert f(a=3, b=2) == 1"),
    "an exception": (
        "def f(x):\n    if x < 0: raise ValueError('negative')\n    return {}['k']",
        "try:\n    f(-1)\n    assert False\n"
        "except ValueError as e:\n    assert str(e) == 'negative'\n"
        "try:\n    f(1)\n"
        "except KeyError as e:\n    assert e.args == ('k',)\nelse:\n    assert False",
    ),
    "an exception of the program's own": (
        "class Bad(ValueError): pass\ndef f(): raise Bad('no')",
        "try:\n    f()\n    assert False\nexcept ValueError as e:\n    assert str(e) == 'no'",
    ),
    "a constant": ("LIMIT = 3\ndef f(): return LIMIT", "assert f() == LIMIT == 3"),
    "HumanEval's form": (
        "def f(x): return x + 1",
        "METADATA = {}\n\ndef check(candidate):\n    assert candidate(1) == 2, 'text'\n\ncheck(f)",
    ),
    "an import of the program": (
        "def f(x): return x + 1\ndef g(x): return x",
        "from solution import f\nimport candidate\nassert f(1) == 2 and candidate.g(3) == 3",
    ),
    "unittest": (
        "def f(x): return x + 1",
        "import unittest\nt = unittest.TestCase()\nt.assertEqual(f(1), 2)\n"
        "t.assertRaises(TypeError, f, 'x')",
    ),
    "a function named like a built-in": ("def sum(a, b): return a + b", "assert sum(2, 3) == 5"),
    "a large argument": (
        "def f(x):\n    x.reverse()\n    return len(x)",
        "x = list(range(200000))\nassert f(x) == 200000 and x[0] == 199999",
    ),
    "printing": ("def f(x):\n    print('working', x)\n    return x", "assert f(1) == 1"),
    "many calls": (
        "def f(x): return x[0] + 1",
        "for n in range(2000):\n    assert f([n]) == n + 1",
    ),
}

WRONG = {
    "a value": ("def f(x): return 2 * x", "assert f(2) == 5", "wrong_answer"),
    "a tuple for a list": ("def f(): return (1, 2)", "assert f() == [1, 2]", "wrong_answer"),
    "a list not sorted": (
        "def f(x): sorted(x)",
        "x = [3, 1]\nf(x)\nassert x == [1, 3]",
        "wrong_answer",
    ),
    "nothing defined": ("x = 1", "assert f(2) == 4", "exception"),
    "an exception": ("def f(x): return 1 / 0", "assert f(2) == 4", "exception"),
    "no exception": (
        "def f(): pass",
        "try:\n    f()\n    assert False\nexcept ValueError: pass",
        "wrong_answer",
    ),
    "another exception": (
        "def f(): raise KeyError",
        "try:\n    f()\nexcept ValueError: pass",
        "exception",
    ),
    "a value of the wrong kind": ("def f(): return None", "assert f()[0] == 1", "exception"),
    "an attribute missing": (NODE, "assert Node(1).w == 1", "exception"),
    "no Python": ("def f(:", "assert f(2) == 4", "exception"),
    "time": ("def f():\n    while True: pass", "assert f() == 1", "timeout"),
    "memory": ("def f(): return [0] * 10 ** 9", "assert f() == 1", "memory"),
    "too much returned": ("def f(): return 'x' * (20 << 20)", "assert f() == 1", "output_limit"),
    "depth": (
        "def f():\n    x = ()\n    for _ in range(5000): x = (x,)\n    return x",
        "assert f() == 1",
        "output_limit",
    ),
}

EQUAL = "def __eq__(self, other): return True\n    def __ne__(self, other): return False\n"
CHEATS = {
    "an object equal to everything": f"class Any:\n    {EQUAL}def f(x): return Any()",
    "a number equal to everything": (
        f"class Any(int):\n    {EQUAL}    __hash__ = int.__hash__\ndef f(x): return Any(3)"
    ),
    "a list equal to everything": f"class Any(list):\n    {EQUAL}def f(x): return Any([4])",
    "text equal to everything": f"class Any(str):\n    {EQUAL}def f(x): return Any('4')",
    "a class equal to everything": (
        "class Meta(type):\n    def __eq__(self, other): return True\n"
        "    __hash__ = type.__hash__\n"
        "class f(metaclass=Meta):\n    def __init__(self, x): pass"
    ),
    "an object that says it is an int": (
        "class Any:\n    __class__ = int\n    def __eq__(self, other): return True\n"
        "def f(x): return Any()"
    ),
    "walking frames and objects": (
        "import gc, sys\ndef f(x):\n    found, frame = [], sys._getframe()\n    while frame:\n"
        "        found += list(frame.f_locals.values()) + list(frame.f_globals.values())\n"
        "        frame = frame.f_back\n"
        "    text = repr(found) + repr([o for o in gc.get_objects() if type(o) in (str, dict)])\n"
        "    return 4 if 'f(2) ' + '== 4' in text else None"
    ),
    "reading the channel": (
        "import os\nfound = []\ndef f(x):\n    os.set_blocking(4, False)\n    try:\n"
        "        return 4 if b'4' in os.read(4, 9999) else None\n    except OSError:\n"
        "        return None"
    ),
    "replaced comparators": (
        "import builtins, json, operator\noperator.eq = lambda a, b: True\n"
        "builtins.all = builtins.any = lambda *a: True\ndef f(x): return None"
    ),
    "a forged report": (
        'import os\nos.write(3, b\'\\n{"values": [{"outcome": "pass", "reason": "", \'\n'
        '    b\'"detail": ""}]}\')\nos._exit(0)'
    ),
    "a forged answer": (
        "import os, struct\n"
        "def say(b): os.write(4, struct.pack('!I', len(b)) + b)\n"
        "say(b'[[\"ok\", null], []]')\n"
        'say(b\'[["ok", ["tuple", ["tuple", "__builtins__", {}]]], []]\')\n'
        "def f(x): return None"
    ),
    "names the test did not ask for": (
        "import os, struct\n"
        "def say(b): os.write(4, struct.pack('!I', len(b)) + b)\n"
        "say(b'[[\"ok\",null],[]]')\n"
        'say(b\'[["ok",["tuple",["tuple","abs",0],["tuple","AssertionError",0]]],[]]\')\n'
    ),
    "answers that take long to read": (
        "import os, struct\n"
        "b = b'[[\"ok\",null],[]]' + b' ' * (15 << 20)\n"
        "while True: os.write(4, struct.pack('!I', len(b)) + b)"
    ),
    "leaving early with success": "import os\ndef f(x): os._exit(0)",
    "leaving before the tests": "import sys\nsys.exit(0)",
    "printing and leaving": "print('4')\nexit(0)",
    "an AssertionError replaced": (
        "import builtins\nclass AssertionError(Exception): pass\n"
        "builtins.AssertionError = AssertionError\ndef f(x): return 5"
    ),
    "a stop of the test's loop": "def f(x): raise StopIteration",
    "leaving by exception": "def f(x): raise SystemExit(0)",
    "an interrupt": "def f(x): raise KeyboardInterrupt",
    "a generator stopped": "def f(x): raise GeneratorExit",
}


def check(sandbox, source, *tests, setup="", **settings):
    test_case = {"type": "asserts", "setup": setup, "tests": list(tests)}
    return check_code(source, test_case, sandbox, CodeConfig(**settings))


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_passes(sandbox, name):
    source, test = RIGHT[name]
    outcome = check(sandbox, source, test)
    assert outcome.status == "pass", outcome


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_program_fails_for_its_reason(sandbox, name):
    source, test, reason = WRONG[name]
    outcome = check(sandbox, source, test, time_limit_s=1.0)
    assert (outcome.status, outcome.reason) == ("fail", reason), outcome


@pytest.mark.parametrize("name", CHEATS)
@pytest.mark.parametrize(
    "test",
    ["assert f(2) == 4", "assert all(map(lambda p: f(p[0]) == p[1], [(2, 4)]))"],
)
def test_a_cheat_fails(sandbox, name, test):
    outcome = check(sandbox, CHEATS[name], test)
    assert outcome.status == "fail", outcome


@pytest.mark.parametrize(
    ("source", "test", "why"),
    [
        ("def f(g): return g(3)", "assert f(lambda x: x + 1) == 4", "function of the test's own"),
        ("def f(x): return sum(x)", "assert f(n for n in [1, 2]) == 3", "generator"),
        ("def f(x): return x", "class T: pass\nassert f(T()) is None", "T of the test's own"),
        (NODE + "def f(): return Node(1)", "assert f() == Node(1)", "itself"),
        (NODE + "def f(): return Node(1)", "x = Node(1)\nassert f() == x", "equality"),
        (NODE + "def f(): return Node(1)", "assert f() < 3", "__lt__"),
        (NODE + "def f(): return Node(1)", "assert abs(f() - 4) < 1e-6", "__sub__"),
        (NODE + "def f(): return Node(1)", "assert 4 in f()", "__contains__"),
        (NODE + "def f(): return Node(1)", "assert f() in {1, 2}", "__hash__"),
        (NODE + "def f(): return Node(1)", "assert isinstance(f(), Node)", "__instancecheck__"),
        (
            NODE + "def f(): return Node(1)",
            "try:\n    f() < 3\nexcept BaseException:\n    pass",
            "",
        ),
        ("async def f(): return 1", "import asyncio\nassert asyncio.run(f()) == 1", "coroutine"),
        ("def f(): return 1\ndef same(a, b): return 1", "assert same(f(), 2)", "comparison"),
        ("def f(): return 1", "assert 1 == 1", "asks nothing"),
        ("def f(): return 1", "def test_f():\n    assert f() == 1", "asks nothing"),
        ("def f(): return 1", "f()\nimport sys\nsys.exit(0)", "ends by SystemExit"),
        ("def f(): return 1", "f()\nimport os\nos._exit(0)", "ends"),
        ("def f(): return 1", "while True: pass", "timeout"),
        ("def f(): return 1", "assert f( == 1", "not Python"),
        ("def f(): return 1", "x = 1 / 0\nassert f() == 1", "ZeroDivisionError"),
        ("def f(): return helper()", "assert f() == 3", "only the setup defines"),
    ],
)
def test_what_cannot_be_judged_is_said(sandbox, source, test, why):
    setup = "def helper(): return 3"
    outcome = check(sandbox, source, test, setup=setup, time_limit_s=0.5)
    assert outcome.status == "unverifiable", outcome
    assert why in outcome.evidence["detail"]


def test_a_library_the_sandbox_lacks_is_no_fault_of_the_program(sandbox):
    outcome = check(sandbox, "def f(): return 1", "assert f() == 1", setup="import numpy as np")
    assert (outcome.status, outcome.reason) == ("unverifiable", "missing_library")
    outcome = check(sandbox, "def f():\n    import numpy", "assert f() == 1")
    assert (outcome.status, outcome.reason) == ("unverifiable", "missing_library")


def test_a_setup_serves_tests_and_program(sandbox):
    setup = (
        "from typing import List\nimport math\n"
        "class TreeNode:\n    def __init__(self, val=0, left=None):\n"
        "        self.val, self.left = val, left\n"
        "def close(a, b): return math.isclose(a, b)\n"
    )
    source = "def depth(root):\n    return 1.0 + depth(root.left) if root else 0.0\n"
    test = "assert close(depth(TreeNode(1, TreeNode(2))), 2)"
    assert check(sandbox, source, test, setup=setup).status == "pass"
    source = "def f(xs: List[int]): return TreeNode(math.floor(xs[0]))"
    assert check(sandbox, source, "assert f([1.5]).val == 1", setup=setup).status == "pass"


def test_a_setups_helper_is_out_of_the_programs_reach(sandbox):
    setup = "def expected(n): return n * n"
    source = (
        "import gc\ndef f(n):\n    for o in gc.get_objects():\n"
        "        if getattr(o, '__name__', '') == 'expected': return o(n)\n    return expected(n)"
    )
    assert (
        check(sandbox, source, "assert f(3) == expected(3)", setup=setup).status == "unverifiable"
    )


def test_one_failing_test_is_enough_whatever_cannot_be_judged(sandbox):
    tests = ["assert f(lambda: 1) == 1", "assert f(2) == 4"]
    assert check(sandbox, "def f(x): return 4", *tests).status == "unverifiable"
    outcome = check(sandbox, "def f(x): return 5", *tests)
    assert (outcome.status, outcome.score) == ("fail", 0.0)
    assert outcome.evidence["first_failure"] == {
        "test": 1,
        "reason": "wrong_answer",
        "detail": "",
        "observed": "f(2) returned 5",
    }


def test_every_test_starts_afresh(sandbox):
    source = "n = 0\ndef f():\n    global n\n    n += 1\n    return n"
    assert check(sandbox, source, "assert f() == 1", "assert f() == 1").status == "pass"
