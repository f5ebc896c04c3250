"""What a function leads to, and what of it makes a new version: on packages of a few lines."""

import textwrap

import pytest

from am_assets.core.code.files import Sources
from am_assets.core.code.reach import Graph, Reach

BASE = {
    "p": "",
    "p.tools": """
        LIMIT = 3
        UNUSED = 4

        def add(x):
            return x + LIMIT

        def sub(x):
            return x - LIMIT
        """,
    "p.things": """
        from typing import Protocol
        from p.tools import sub

        class Runs(Protocol):
            def run(self, x): ...

        class Fast:
            def run(self, x):
                return x
            def rest(self):
                return sub(1)

        class Slow:
            def run(self, x):
                return sub(x)
        """,
    "p.work": """
        from p import tools
        from p.tools import add
        from p.things import Fast, Runs

        def build(run):
            return use(Fast(), add(1))

        def use(engine: Runs, x):
            return engine.run(x)

        def other():
            return tools.sub(2)
        """,
}


def _graph(**changes: str) -> Graph:
    texts = {name: textwrap.dedent(text) for name, text in BASE.items()}
    for name, text in changes.items():
        texts[name.replace("_", ".")] = textwrap.dedent(text)
    return Graph(Sources(texts, frozenset({"p"})))


def _reach(root: str = "p.work.build", **changes: str) -> Reach:
    return _graph(**changes).reach([root])


def _with(module: str, old: str, new: str) -> dict[str, str]:
    assert old in BASE[module]
    return {module.replace(".", "_"): BASE[module].replace(old, new)}


def test_only_what_is_used_is_reached() -> None:
    assert _reach().paths == {
        "p.work.build",
        "p.work.use",
        "p.tools.add",
        "p.tools.LIMIT",
        "p.things.Fast",
        "p.things.Fast.run",
    }


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("p.tools", "x + LIMIT", "x - LIMIT"),
        ("p.tools", "LIMIT = 3", "LIMIT = 2"),
        ("p.things", "return x\n", "return -x\n"),
        ("p.work", "add(1)", "add(2)"),
        ("p.work", "add(1)", "tools.sub(1)"),
        ("p.work", "Fast, Runs", "Slow as Fast, Runs"),
    ],
)
def test_an_edit_of_what_is_used_is_a_new_version(module: str, old: str, new: str) -> None:
    assert _reach(**_with(module, old, new)).version != _reach().version


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("p.tools", "UNUSED = 4", "UNUSED = 5"),
        ("p.tools", "x - LIMIT", "x * LIMIT"),
        ("p.things", "sub(1)", "sub(2)"),
        ("p.things", "return sub(x)", "return -sub(x)"),
        ("p.work", "tools.sub(2)", "tools.sub(3)"),
        ("p.work", "def build(run):", "def build(run):  # builds"),
        ("p.work", "def build(run):", 'def build(run):\n            """Builds."""'),
        ("p.work", "def build(run):", "def build(run: int) -> int:"),
        ("p.tools", "LIMIT = 3", "LIMIT: int = 3"),
        ("p.work", "use(Fast(), add(1))", "use(\n                Fast(),\n                add(1))"),
        ("p.work", "return use", "run.log('begun')\n            return use"),
        ("p.work", "from p.tools import add", "from p.tools import UNUSED, add"),
    ],
)
def test_an_edit_of_anything_else_is_none(module: str, old: str, new: str) -> None:
    assert _reach(**_with(module, old, new)).version == _reach().version


def test_names_and_places_do_not_matter() -> None:
    moved = _reach(
        p_tools="""
        from p.deep import LIMIT

        def plus(x):
            return x + LIMIT

        def sub(x):
            return x - LIMIT
        """,
        p_deep="LIMIT = 3",
        p_work="""
        import p.tools as helpers
        from p.things import Fast as Quick
        from p import things

        def apply(engine: things.Runs, x):
            return engine.run(x)

        def build(run):
            return apply(Quick(), helpers.plus(1))
        """,
    )
    assert moved.version == _reach().version


def test_a_name_from_elsewhere_may_be_imported_in_any_way() -> None:
    one = _reach(p_work="import numpy as np\ndef build(run):\n    return np.abs(1)\n")
    two = _reach(p_work="from numpy import abs as size\ndef build(run):\n    return size(1)\n")
    assert one.version == two.version
    assert one.imports == {"numpy"}
    other = _reach(p_work="import numpy as np\ndef build(run):\n    return np.sum(1)\n")
    assert other.version != one.version


def test_a_last_case_that_does_nothing_is_no_new_version() -> None:
    text = "def build(run):\n    match run:\n        case 1:\n            return 2\n"
    passing = f"{text}        case _:\n            pass\n"
    assert _reach(p_work=passing).version == _reach(p_work=text).version
    for other in ("case _:\n            return 3", "case 4:\n            pass"):
        changed = _reach(p_work=f"{text}        {other}\n")
        assert changed.version != _reach(p_work=text).version


def test_two_functions_that_change_places_are_a_new_version() -> None:
    text = "from p.tools import add, sub\ndef build(run):\n    return add(1), sub(1)\n"
    other = text.replace("add(1), sub(1)", "sub(1), add(1)")
    assert _reach(p_work=text).version != _reach(p_work=other).version


def test_a_module_started_by_name_is_reached_whole() -> None:
    text = 'WORKER = "p.tools"\ndef build(run):\n    return WORKER\n'
    assert {"p.tools.add", "p.tools.sub", "p.tools.UNUSED"} <= _reach(p_work=text).paths
    told = text.replace('"p.tools"', '"start p.tools by hand"')
    assert "p.tools.add" not in _reach(p_work=told).paths


def test_a_protocol_leads_to_what_is_made_of_it_or_else_to_all_that_have_it() -> None:
    received = "from p.things import Runs\ndef build(run, one: Runs):\n    return one.run(1)\n"
    assert {"p.things.Fast.run", "p.things.Slow.run"} <= _reach(p_work=received).paths
    assert "p.things.Slow.run" not in _reach().paths


def test_a_class_that_is_only_compared_with_is_not_reached() -> None:
    text = "from p.things import Slow\ndef build(run):\n    return isinstance(run, Slow)\n"
    assert "p.things.Slow" not in _reach(p_work=text).paths


def test_methods_are_found_through_fields_and_over_base_classes() -> None:
    text = """
        from p.tools import add

        class Base:
            def go(self):
                return self.step()
            def step(self):
                return 0

        class Own(Base):
            def step(self):
                return add(1)
            def never(self):
                return 1

        class Holder:
            def __init__(self, own: Own):
                self._own, self.n = own, 1

        def build(run):
            return Holder(Own())._own.go()
        """
    paths = _reach(p_work=text).paths
    assert {"p.work.Base.go", "p.work.Own.step", "p.tools.add"} <= paths
    assert "p.work.Own.never" not in paths


def test_a_base_class_from_elsewhere_may_call_every_method() -> None:
    text = """
        import ast

        class Visitor(ast.NodeVisitor):
            def visit_Name(self, node):
                return 1

        def build(run):
            return Visitor()
        """
    assert "p.work.Visitor.visit_Name" in _reach(p_work=text).paths


def test_a_value_of_unknown_class_may_be_any_that_is_made() -> None:
    text = "from p.things import Fast\ndef build(run):\n    return [Fast()], run.rest()\n"
    assert {"p.things.Fast.rest", "p.tools.sub"} <= _reach(p_work=text).paths


def test_re_exports_are_followed() -> None:
    text = "from p import add\ndef build(run):\n    return add(1)\n"
    assert "p.tools.add" in _reach(p_work=text, p="from p.tools import add\n").paths


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LookupError):
        _reach("p.work.nothing")
    with pytest.raises(LookupError):
        _reach("p.nothing")
    with pytest.raises(LookupError):
        Graph(_graph().package.sources, ["p.work.gone"])


def test_a_parameter_of_a_lambda_is_of_unknown_class() -> None:
    text = """
        from p.things import Fast

        class Pool:
            def map(self):
                return list(map(lambda one: one.rest(), [Fast()]))

        def build(run):
            return Pool().map()
        """
    assert "p.things.Fast.rest" in _reach(p_work=text).paths
