r"""The form of an answer: a number with its unit, a tuple, an interval, a set, a list, words, ….

Forms are told apart before any algebra, because algebra systems mix them up: (1, 2) is a point or
an interval and never the set {1, 2}. Leaves keep their text in plain LaTeX and, where the exact
algebra can read it, their value.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from am_assets.stages.answers.units import Unit
from am_assets.stages.verification.math import exact

Bracket = Literal["()", "[]", "(]", "[)", "{}", "list"]


@dataclass(frozen=True)
class Leaf:
    """One expression. `unit` is what it is measured in, `noun` what it counts."""

    text: str
    value: exact.Value | None = None
    percent: bool = False
    unit: Unit | None = None
    noun: str = ""
    label: str = ""
    decimal: str = ""


@dataclass(frozen=True)
class Group:
    """Items in brackets, or a list without."""

    bracket: Bracket
    items: tuple["Form", ...]
    label: str = ""


@dataclass(frozen=True)
class Union:
    """Sets joined by ∪."""

    items: tuple["Form", ...]
    label: str = ""


@dataclass(frozen=True)
class Matrix:
    """Rows of entries."""

    rows: tuple[tuple["Form", ...], ...]
    label: str = ""


@dataclass(frozen=True)
class Equation:
    """An equation that is no assignment, or a chain of them that `label` begins."""

    sides: tuple[Leaf, ...]
    text: str
    label: str = ""


@dataclass(frozen=True)
class Inequality:
    """Sides and the relations between them, not brought into the form of an interval."""

    sides: tuple[str, ...]
    relations: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Words:
    """An answer in words; `text` is folded."""

    text: str


@dataclass(frozen=True)
class Based:
    """Digits in a number base."""

    digits: str
    base: int


@dataclass(frozen=True)
class Clock:
    """A time of day."""

    hour: int
    minute: int
    second: int
    half: str


@dataclass(frozen=True)
class Ratio:
    """Numbers in proportion."""

    items: tuple[Leaf, ...]


Form = Leaf | Group | Union | Matrix | Equation | Inequality | Words | Based | Clock | Ratio


class Context(NamedTuple):
    """How to read an answer: are 1,000 thousands, which letters are variables, is it a ratio."""

    grouped: bool = True
    letters: frozenset[str] = frozenset()
    ratio: bool = False


class Malformed(ValueError):
    """The text has no form."""


def with_label(form: Form, label: str) -> Form:
    """A form that an equation names."""
    if isinstance(form, Leaf):
        return Leaf(form.text, form.value, form.percent, form.unit, form.noun, label, form.decimal)
    if isinstance(form, Group):
        return Group(form.bracket, form.items, label)
    if isinstance(form, Union):
        return Union(form.items, label)
    return Matrix(form.rows, label) if isinstance(form, Matrix) else form
