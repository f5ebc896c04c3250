"""Whether two forms are the same answer. Each way of not being so has a name.

`value`, `unit`, `count` (of items), `order`, `brackets` (a point, an interval, a set), `label` (of
what it is the value), `equation`, `words`, `base`, `kind`.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from am_assets.stages.answers.notation import without_spaces
from am_assets.stages.answers.numerals import leading_number
from am_assets.stages.answers.units import ratio
from am_assets.stages.verification.math import exact
from am_assets.stages.verification.math.alike import (
    clock_difference,
    is_expansion,
    is_point_names,
    same_noun,
    words_difference,
)
from am_assets.stages.verification.math.expression import read
from am_assets.stages.verification.math.forms import (
    Based,
    Clock,
    Equation,
    Form,
    Group,
    Inequality,
    Leaf,
    Matrix,
    Ratio,
    Union,
    Words,
)
from am_assets.stages.verification.math.question import Question

_INTERVALS = ("()", "[]", "(]", "[)")
_MAX_MATCHED = 40
_CONSTANTS = ("C", "c", "K", "k", "\\text{C}")
_DEPENDENT = re.compile(r"^(?:y|[fgh](?:_\{?\w\}?)?\s*\(\s*[a-z]\s*\))$")

Symbolic = Callable[[str, str], bool | None]
"""Compares two expressions that the exact algebra cannot; None says nothing."""


def difference(gold: Form, answer: Form, question: Question, symbolic: Symbolic) -> str:
    """The name of the first difference between two forms, empty when there is none."""
    return _Comparison(question, symbolic).difference(gold, answer)


class _Comparison:
    def __init__(self, question: Question, symbolic: Symbolic) -> None:
        self._question, self._symbolic = question, symbolic

    def difference(self, gold: Form, answer: Form) -> str:
        answer = _single(answer, gold)
        match gold:
            case Leaf():
                return self._to_leaf(gold, answer)
            case Group():
                return self._to_group(gold, answer)
            case Union():
                return self._union(gold, answer)
            case Matrix():
                return self._matrix(gold, answer)
            case Equation():
                return self._equation(gold, answer)
            case Inequality():
                return self._inequality(gold, answer)
            case Words():
                return words_difference(gold, answer)
            case Based():
                return self._based(gold, answer)
            case Clock():
                if isinstance(answer, Ratio):
                    return self._ratio(_as_ratio(gold), answer)
                return clock_difference(gold, answer)
            case Ratio():
                return self._ratio(gold, answer)

    def _to_leaf(self, gold: Leaf, answer: Form) -> str:
        match answer:
            case Leaf():
                return self._leaf(gold, answer)
            case Words():
                number = leading_number(answer.text)
                if number is None or gold.value is None:
                    return "kind"
                return self._leaf(gold, Leaf(str(number), exact.of(Fraction(number))))
            case Ratio() if len(answer.items) == 2:
                return self._ratio(Ratio((gold, Leaf("1", exact.of(Fraction(1))))), answer)
            case Based():
                asked = self._question.based and answer.digits == gold.text
                return "" if asked else "base"
            case Equation():
                return self._assigned(gold, answer)
            case Group() | Union():
                return "count"
            case _:
                return "kind"

    def _leaf(self, gold: Leaf, answer: Leaf) -> str:
        if gold.label and answer.label and not self._same_label(gold, answer):
            return "label"
        factor = self._factor(gold, answer)
        if factor is None:
            return "unit"
        percents = Fraction(1)
        if gold.percent != answer.percent:
            percents = Fraction(1, 100) if answer.percent else Fraction(100)
        first = self._values(gold, answer, factor * percents)
        if first and percents != 1 and self._question.percent:
            return self._values(gold, answer, factor)
        return first

    def _factor(self, gold: Leaf, answer: Leaf) -> Fraction | None:
        """What the answer's number is to be multiplied with; None when units do not agree."""
        unit = gold.unit or (self._question.unit if answer.unit and not gold.noun else None)
        if answer.unit and gold.noun and not gold.unit:
            return None
        if answer.noun and gold.noun and not same_noun(gold.noun, answer.noun):
            return None
        if answer.noun and gold.unit and gold.unit.dimension:
            return None
        if not unit or not answer.unit:
            return Fraction(1)
        factor = ratio(answer.unit, unit)
        if factor is None and not gold.unit:
            # The question's unit is a guess.
            return Fraction(1)
        if factor is None and not (unit.dimension and answer.unit.dimension):
            # "6 square units"
            return Fraction(1)
        return factor

    def _values(self, gold: Leaf, answer: Leaf, factor: Fraction) -> str:
        if is_point_names(gold.text) and is_point_names(answer.text):
            return "" if gold.text.strip() == answer.text.strip() else "value"
        if gold.value is not None and answer.value is not None:
            value = answer.value if factor == 1 else exact.scaled(answer.value, factor)
            decided = self._decide(gold.value, value)
            if decided is False and factor == 1 and is_expansion(gold, answer):
                return ""
            if decided is not None:
                return "" if decided else "value"
        if factor != 1:
            return "value"
        if without_spaces(gold.text) == without_spaces(answer.text):
            return ""
        return "" if self._symbolic(gold.text, answer.text) else "value"

    def _decide(self, gold: exact.Value, answer: exact.Value) -> bool | None:
        try:
            decided = exact.equal(gold, answer)
            if decided is not False:
                return decided
            names, others = gold.symbols, answer.symbols
            if names != others and _one_case(names) and _one_case(others):
                # R and r name the same thing where only one of them is used.
                lower = {name: name.lower() for name in names | others if len(name) == 1}
                one, other = exact.renamed(gold, lower), exact.renamed(answer, lower)
                if one.symbols == other.symbols and exact.equal(one, other):
                    return True
            return self._constant_of_integration(gold, answer)
        except exact.Undecided:
            return None

    def _constant_of_integration(self, gold: exact.Value, answer: exact.Value) -> bool:
        """Whether an antiderivative differs by its free constant only, which a gold may omit."""
        if not self._question.integral:
            return False
        rest = exact.minus(answer, gold)
        names = rest.symbols
        if not names or not names <= set(_CONSTANTS) or rest.bottom != exact.of(Fraction(1)).top:
            return False
        new = names - gold.symbols
        return (
            len(new) == 1
            and names - new <= gold.symbols
            and all(len(term) == 1 and term[0][1] == 1 for term in rest.top)
            and all(abs(number) == 1 for number in rest.top.values())
        )

    def _same_label(self, gold: Leaf | Equation, answer: Leaf | Equation) -> bool:
        one, other = without_spaces(gold.label), without_spaces(answer.label)
        if one.casefold() == other.casefold():
            return True
        # A name in words says what is asked for; y and f(x) both name what depends on x.
        if r"\text" in gold.label + answer.label or max(len(gold.label), len(answer.label)) > 12:
            return True
        return bool(_DEPENDENT.match(one) and _DEPENDENT.match(other))

    def _assigned(self, gold: Leaf, answer: Equation) -> str:
        """An equation against a value: only what names the asked quantity may stand before it."""
        constant = gold.value is not None and gold.value.constant is not None
        if gold.label and len(answer.sides) == 2 and gold.value is not None and not constant:
            try:
                left = read(gold.label)
            except exact.Undecided:
                return "equation"
            return self._equation(Equation((Leaf(gold.label, left), gold), ""), answer)
        if answer.label:
            if gold.label and not self._same_label(gold, answer):
                return "label"
            # x = a = b with sides that differ in form: all of them have to be the value.
            found = [self._leaf(Leaf(**{**vars(gold), "label": ""}), s) for s in answer.sides]
            return next((name for name in found if name), "")
        name = answer.sides[0].text
        if not _is_name(name) and not (re.search("[A-Za-z]", name) and self._question.names(name)):
            return "equation"
        found = [self._leaf(gold, side) for side in answer.sides[1:]]
        return next((difference for difference in found if difference), "")

    def _equation(self, gold: Equation, answer: Form) -> str:
        if isinstance(answer, Leaf):
            if not answer.label:
                # A chain that begins with a name states a value: x = a = b.
                if gold.label or (len(gold.sides) == 2 and _is_name(gold.sides[0].text)):
                    return self._leaf(gold.sides[-1], answer)
                return "equation"
            try:
                answer = Equation((Leaf(answer.label, read(answer.label)), answer), "")
            except exact.Undecided:
                return "equation"
        if not isinstance(answer, Equation) or len(answer.sides) != len(gold.sides):
            return "equation"
        if len(gold.sides) != 2:
            pairs = zip(gold.sides, answer.sides, strict=True)
            return "equation" if any(self._leaf(one, other) for one, other in pairs) else ""
        factor = _multiple(gold.sides, answer.sides)
        if factor is not None:
            return ""
        straight = [self._leaf(*pair) for pair in zip(gold.sides, answer.sides, strict=True)]
        if not any(straight):
            return ""
        swapped = [self._leaf(*pair) for pair in zip(gold.sides, answer.sides[::-1], strict=True)]
        return "equation" if any(swapped) else ""

    def _inequality(self, gold: Inequality, answer: Form) -> str:
        if not isinstance(answer, Inequality) or len(answer.sides) != len(gold.sides):
            return "kind"
        for sides, relations in (
            (answer.sides, answer.relations),
            (answer.sides[::-1], tuple(_flipped(one) for one in answer.relations[::-1])),
        ):
            if relations != gold.relations:
                continue
            pairs = zip(gold.sides, sides, strict=True)
            if not any(self._leaf(_read(one), _read(other)) for one, other in pairs):
                return ""
            if len(sides) == 2:
                factor = _multiple(tuple(map(_read, gold.sides)), tuple(map(_read, sides)))
                if factor is not None and factor > 0:
                    return ""
        return "value"

    def _to_group(self, gold: Group, answer: Form) -> str:
        if isinstance(answer, Matrix) and gold.bracket in ("()", "[]"):
            vector = _vector(answer)
            return "kind" if vector is None else self._in_order(gold.items, vector)
        if not isinstance(answer, Group):
            return "count" if isinstance(answer, Leaf) else "kind"
        if gold.label and answer.label and _letter(gold.label) != _letter(answer.label):
            return "label"
        one, other = gold.bracket, answer.bracket
        if one in _INTERVALS and other in _INTERVALS:
            longer = len(gold.items) > 2 and {one, other} <= {"()", "[]"}
            return (
                self._in_order(gold.items, answer.items) if one == other or longer else "brackets"
            )
        if "list" in (one, other) and {one, other} & set(_INTERVALS):
            return self._tuple_and_list(gold, answer)
        if {one, other} <= {"{}", "list"}:
            if one == other == "list" and self._question.ordered and not _labelled(gold, answer):
                return self._in_order(gold.items, answer.items)
            return self._any_order(gold, answer)
        return "brackets"

    def _tuple_and_list(self, gold: Group, answer: Group) -> str:
        """A tuple whose brackets one of the two left out; never an interval."""
        bracketed = gold if gold.bracket != "list" else answer
        listed = answer if gold.bracket != "list" else gold
        names = [item.label for item in listed.items if isinstance(item, Leaf) and item.label]
        ordered = self._question.pair or len(set(names)) == len(listed.items)
        if bracketed.bracket not in ("()", "[]") or (len(gold.items) == 2 and not ordered):
            return "brackets"
        return self._in_order(gold.items, answer.items)

    def _in_order(self, gold: Sequence[Form], answer: Sequence[Form]) -> str:
        if len(gold) != len(answer):
            return "count"
        pairs = zip(gold, answer, strict=True)
        return next((name for one, other in pairs if (name := self.difference(one, other))), "")

    def _any_order(self, gold: Group, answer: Group) -> str:
        wanted, left = list(gold.items), list(answer.items)
        if "{}" in (gold.bracket, answer.bracket):
            wanted, left = self._distinct(wanted), self._distinct(left)
        return self._matched(wanted, left)

    def _matched(self, wanted: Sequence[Form], left: Sequence[Form]) -> str:
        """Items pair off, each with one; greedily, as sameness is transitive."""
        remaining = list(left)
        if len(wanted) != len(remaining):
            return "count"
        if len(wanted) > _MAX_MATCHED:
            return self._in_order(wanted, remaining)
        for item in wanted:
            for place, other in enumerate(remaining):
                if not self.difference(item, other):
                    del remaining[place]
                    break
            else:
                return "value"
        return ""

    def _distinct(self, items: list[Form]) -> list[Form]:
        kept: list[Form] = []
        for item in items[:_MAX_MATCHED]:
            if all(self.difference(one, item) for one in kept):
                kept.append(item)
        return kept + items[_MAX_MATCHED:]

    def _union(self, gold: Union, answer: Form) -> str:
        if not isinstance(answer, Union):
            return "count" if isinstance(answer, Leaf | Group) else "kind"
        return self._matched(gold.items, answer.items)

    def _matrix(self, gold: Matrix, answer: Form) -> str:
        if isinstance(answer, Group) and answer.bracket in ("()", "[]"):
            vector = _vector(gold)
            return "kind" if vector is None else self._in_order(vector, answer.items)
        if not isinstance(answer, Matrix):
            return "kind"
        if [len(row) for row in gold.rows] != [len(row) for row in answer.rows]:
            return "count"
        pairs = zip(gold.rows, answer.rows, strict=True)
        return next((name for one, other in pairs if (name := self._in_order(one, other))), "")

    def _based(self, gold: Based, answer: Form) -> str:
        digits = gold.digits.lstrip("0") or "0"
        if isinstance(answer, Based):
            same = answer.base == gold.base and (answer.digits.lstrip("0") or "0") == digits
            return "" if same else "base"
        # The base may be left out where the question names it.
        return "" if isinstance(answer, Leaf) and answer.text == digits else "base"

    def _ratio(self, gold: Ratio, answer: Form) -> str:
        if isinstance(answer, Clock):
            answer = _as_ratio(answer)
        items = answer.items if isinstance(answer, Ratio) else None
        if items is None and isinstance(answer, Leaf) and len(gold.items) == 2:
            if answer.unit or answer.percent:
                return "kind"
            items = (answer, Leaf("1", exact.of(Fraction(1))))
        if not items or len(items) != len(gold.items):
            return "kind"
        ones = [item.value for item in gold.items]
        others = [leaf.value for leaf in items if isinstance(leaf, Leaf)]
        if None in ones or None in others or len(others) != len(ones):
            return "value"
        pairs = list(zip(ones, others, strict=True))
        first, second = pairs[0]
        assert first is not None
        assert second is not None
        if not first.top or not second.top:
            return "" if all(exact.equal(*pair) for pair in pairs if None not in pair) else "value"  # type: ignore[arg-type]
        for one, other in pairs[1:]:
            assert one is not None
            assert other is not None
            if exact.equal(exact.product(first, other), exact.product(second, one)) is not True:
                return "value"
        return ""


def _single(answer: Form, gold: Form) -> Form:
    """The one item of an answer in set brackets, where the gold has none."""
    bare = isinstance(gold, Leaf | Equation | Words)
    if bare and isinstance(answer, Group) and answer.bracket == "{}" and len(answer.items) == 1:
        return answer.items[0]
    return answer


def _as_ratio(clock: Clock) -> Ratio:
    """What reads as a time of day as the ratio it may be."""
    if clock.half or clock.second:
        return Ratio(())
    numbers = (clock.hour, clock.minute)
    return Ratio(tuple(Leaf(str(number), exact.of(Fraction(number))) for number in numbers))


def _read(text: str) -> Leaf:
    try:
        return Leaf(text, read(text))
    except exact.Undecided:
        return Leaf(text)


def _multiple(gold: Sequence[Leaf], answer: Sequence[Leaf]) -> Fraction | None:
    """By what number two equations differ, their sides brought together."""
    values = [leaf.value for leaf in (*gold, *answer)]
    if any(value is None for value in values):
        return None
    one, two, three, four = (value for value in values if value is not None)
    try:
        return exact.multiple(exact.minus(one, two), exact.minus(three, four))
    except exact.Undecided:
        return None


def _flipped(relation: str) -> str:
    return {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}.get(relation, relation)


def _is_name(text: str) -> bool:
    """Whether the side of an equation only names something: f(3), P(A), |AB|, ∠ABC."""
    return bool(
        re.fullmatch(r"[A-Za-z]\s*\([^()=+*/^-]*\)", text)
        or re.fullmatch(r"\|\s*[A-Z]{2}\s*\||[A-Z]{2,3}", text)
        or re.fullmatch(
            r"(?:\\angle|m\s*\\angle|\\overline|\\triangle)\s*\{?\s*[A-Z]{1,3}\s*\}?", text
        )
    )


def _one_case(names: set[str]) -> bool:
    letters = [name for name in names if len(name) == 1 and name.isalpha()]
    return len({letter.lower() for letter in letters}) == len(letters)


def _letter(label: str) -> str:
    return without_spaces(label).casefold()


def _labelled(gold: Group, answer: Group) -> bool:
    items = (*gold.items, *answer.items)
    return all(isinstance(item, Leaf) and item.label for item in items)


def _vector(matrix: Matrix) -> tuple[Form, ...] | None:
    if len(matrix.rows) == 1:
        return matrix.rows[0]
    return (
        tuple(row[0] for row in matrix.rows) if all(len(row) == 1 for row in matrix.rows) else None
    )
