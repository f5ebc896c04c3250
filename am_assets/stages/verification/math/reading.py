"""Reading the form of an answer from plain LaTeX."""

import re
from fractions import Fraction

from am_assets.stages.answers.notation import is_function, ungrouped, words_of
from am_assets.stages.answers.units import read_unit
from am_assets.stages.verification.math import exact
from am_assets.stages.verification.math.forms import (
    Based,
    Clock,
    Context,
    Equation,
    Form,
    Group,
    Inequality,
    Leaf,
    Malformed,
    Matrix,
    Ratio,
    Union,
    Words,
    with_label,
)
from am_assets.stages.verification.math.leaf import fold_words, is_numeric, leaf_of

_MAX_ITEMS, _MAX_DEPTH = 200, 8
_BASE = re.compile(
    r"^([-+]?[0-9A-F]+)\s*_\s*\{?\s*(?:\\text\s*\{)?\s*(\d{1,2}|two|eight|ten)\s*\}*$"
)
_TIME = re.compile(
    r"^(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:\\text\s*\{)?\s*([ap])?\.?\s*(?:m\.?)?\s*\}?$",
    re.IGNORECASE,
)
_HOUR = re.compile(r"^(\d{1,2})\s*(?:\\text\s*\{)?\s*([ap])\.?\s*m\.?\s*\}?$", re.IGNORECASE)
_RATIO = re.compile(r"\s*(?::|\\text\s*\{\s*to\s*\}|(?<=\d) to (?=\d))\s*")
_RELATION = re.compile(
    r"\\le(?![a-z])|\\ge(?![a-z])|\\ne(?![a-z])|<=|>=|!=|[=<>]|\\in(?![a-z])|\\approx|\\equiv"
)
_JOINER = re.compile(
    r"\\text\s*\{\s*,?\s*(?:or|and|或|和|且)\s*\}|(?<![A-Za-z\\])(?:or|and)(?![A-Za-z])|\\lor(?![a-z])"
    r"|\\land(?![a-z])|\\vee(?![a-z])|\\wedge(?![a-z])|或者?|和|;|,|；|，"
)
_UNION = re.compile(r"\\cup(?![a-z])")
_MATRIX = re.compile(
    r"^\\begin\{([pbBv]?matrix|array)\}(?:\{[lcr| ]*\})?(.*)\\end\{\1\}$", re.DOTALL
)
_LABEL = re.compile(
    r"^(?:\\text\s*\{[^{}]*\}|[A-Za-z]|\\[A-Za-z]+)"
    r"(?:_\{?\w+\}?)?'*(?:\s*\(\s*[A-Za-z\\]+(?:\s*,\s*[A-Za-z\\]+)*\s*\))?$"
)
_WORD_LABEL = re.compile(r"^[A-Za-z][A-Za-z ]{2,40}$")
_TUPLE_LABEL = re.compile(r"^\(\s*[A-Za-z](?:_\{?\w\}?)?(?:\s*,\s*[A-Za-z](?:_\{?\w\}?)?)+\s*\)$")

_CLOSERS = {
    r"\{": (r"\}",),
    r"\langle": (r"\rangle",),
    "(": (")", "]"),
    "[": ("]", ")"),
}
_ALL_REALS = (r"\mathbb{R}", r"\text{all real numbers}", "all real numbers", r"x \in \mathbb{R}")
# {x | x > 2}
_BUILT = re.compile(r"^\\\{\s*[a-z]\s*(?:\\in\s*\\mathbb\{R\}\s*)?[|:]\s*([^|:]+?)\s*\\\}$")
_PIECE = re.compile(r"(?<![\d.])(\d{1,9}(?:\.\d{1,9})?)\s*(\\text\s*\{[^{}]*\}|[A-Za-z]{1,12})\s*")
_PLAIN = Context()


def form_of(text: str, context: Context = _PLAIN, depth: int = 0) -> Form:
    """The form of a text in plain LaTeX; raises Malformed."""
    if not text or depth > _MAX_DEPTH:
        raise Malformed
    matrix = _MATRIX.match(text)
    if matrix and matrix[1] != "vmatrix" and matrix[2].count(r"\begin") == 0:
        return _matrix(matrix[2], context, depth)
    if text in _ALL_REALS:
        return Group("()", (Leaf(r"-\infty"), Leaf(r"\infty")))
    built = _BUILT.match(text)
    if built:
        return form_of(built[1], context, depth + 1)
    special = _special(text, context)
    if special is not None:
        return special
    if (context.grouped and "," in text) or re.search(r"\d \d", text):
        text = _without_thousands(text)
    parts = split(text, _JOINER)
    if len(parts) > 1:
        items = tuple(form_of(part, context, depth + 1) for part in parts if part)
        if not items or len(items) > _MAX_ITEMS:
            raise Malformed
        if len(items) == 1:
            return items[0]
        return _joined(items, text)
    related = _related(text, context, depth)
    if related is not None:
        return related
    pieces = split(text, _UNION)
    if len(pieces) > 1 and all(pieces):
        return Union(tuple(form_of(piece, context, depth + 1) for piece in pieces))
    bracketed = _bracketed(text, context, depth)
    if bracketed is not None:
        return bracketed
    signs = _both_signs(text, context, depth)
    return signs if signs is not None else leaf_of(text, context)


def split(text: str, separator: re.Pattern[str]) -> list[str]:
    r"""Parts of a text between separators that stand outside all brackets and `\text{}`."""
    if not separator.search(text):
        return [text.strip()]
    parts: list[str] = []
    depth = start = position = 0
    environments = 0
    while position < len(text):
        if depth == 0 and environments == 0:
            match = separator.match(text, position)
            if match and match.end() > position:
                parts.append(text[start:position].strip())
                start = position = match.end()
                continue
        if text.startswith(r"\begin{", position):
            environments += 1
            position += 6
        elif text.startswith(r"\end{", position):
            environments -= 1
            position += 4
        elif text.startswith((r"\langle", r"\{", r"\lfloor", r"\lceil"), position):
            depth += 1
            position += 2
        elif text.startswith((r"\rangle", r"\}", r"\rfloor", r"\rceil"), position):
            depth -= 1
            position += 2
        elif text[position] == "\\":
            # One command is one token: its letters are no words.
            command = re.compile(r"\\[A-Za-z]+|\\.?").match(text, position)
            assert command is not None
            position = command.end()
        else:
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[position], 0)
            position += 1
    parts.append(text[start:].strip())
    return parts


def _special(text: str, context: Context) -> Form | None:
    """Notations that would read as something else: bases, times, ratios, words."""
    based = _BASE.match(text)
    if based:
        base = {"two": 2, "eight": 8, "ten": 10}.get(based[2]) or int(based[2])
        return Based(based[1].lstrip("+"), base)
    if ":" in text or text[-1] in "mM.}":
        clock = _clock(text, context)
        if clock is not None:
            return clock
    added = _added(text)
    if added is not None:
        return added
    if ":" in text or " to " in text or r"\text" in text:
        parts = split(text, _RATIO)
        if len(parts) > 1 and all(parts):
            leaves = [leaf_of(part, context) for part in parts]
            if all(leaf.value is not None for leaf in leaves):
                return Ratio(tuple(leaves))
    return _words(text)


def _added(text: str) -> Leaf | None:
    """Quantities side by side that add up: 1 hour 30 minutes."""
    pieces = [(piece[1], piece[2]) for piece in _PIECE.finditer(text)]
    if len(pieces) < 2 or _PIECE.sub("", text).strip(" ,"):
        return None
    units = [read_unit(name) for _, name in pieces]
    leaves = [
        Leaf(number, exact.of(Fraction(number)), unit=unit)
        for (number, _), unit in zip(pieces, units, strict=True)
        if unit is not None and unit.dimension
    ]
    return _compound(tuple(leaves)) if len(leaves) == len(pieces) else None


def _clock(text: str, context: Context) -> Clock | None:
    match = _TIME.match(text)
    if match and not context.ratio:
        hour, minute = int(match[1]), int(match[2])
        if hour < 24 and minute < 60:
            return Clock(hour, minute, int(match[3] or 0), (match[4] or "").lower())
    match = _HOUR.match(text)
    if match and 1 <= int(match[1]) <= 12:
        return Clock(int(match[1]), 0, 0, match[2].lower())
    return None


def _words(text: str) -> Words | None:
    """An answer in words ("Monday", "even"), which algebra would take for products of letters."""
    opened = words_of(text)
    bare = re.sub(r"^\(\s*([A-Za-z]+)\s*\)$", r"\1", opened)
    if re.search(r"[\d\\^_=+*/<>{}|%$:]", bare):
        return None
    letters = re.sub(r"[\W_]", "", bare)
    in_text = r"\text" in text
    if not letters or (len(letters) < 3 and not in_text and letters.isascii()):
        return None
    if not in_text:
        # Point names (AB) and sums of letters (a-b) are no words; nor are lists of letters.
        if re.fullmatch(r"[A-Za-z]{1,2}(?:\s*[-+,]\s*[A-Za-z]{1,2})+", bare):
            return None
        if bare.isascii() and not re.search(r"[A-Za-z]{3}", bare):
            return None
    return Words(fold_words(bare))


def _without_thousands(text: str) -> str:
    if text[:1] in "([" or text.startswith(r"\{"):
        # "(1,000)" is no pair; "(100,200)" is.
        return re.sub(
            r"(?<![\d,])([1-9]\d{0,2}(?:,000)+)(?![\d,])", lambda m: ungrouped(m[0]), text
        )
    return ungrouped(text)


def _joined(items: tuple[Form, ...], text: str) -> Form:
    """Parts of a list; intervals joined by "or" are a union."""
    sets = all(
        isinstance(item, Union) or (isinstance(item, Group) and _is_interval(item))
        for item in items
    )
    if sets and re.search(r"or|\\lor|\\vee|或", text):
        return Union(items)
    compound = _compound(items)
    if compound is not None and "," not in text and ";" not in text:
        return compound
    return Group("list", items)


def _compound(items: tuple[Form, ...]) -> Leaf | None:
    """Quantities that add up: 2 hours and 30 minutes."""
    leaves = [item for item in items if isinstance(item, Leaf) and item.unit and item.value]
    if len(leaves) < len(items) or len({leaf.unit for leaf in leaves}) == 1:
        return None
    first = leaves[0]
    assert first.unit is not None
    assert first.value is not None
    total = exact.of(Fraction(0))
    for leaf in leaves:
        assert leaf.unit is not None
        assert leaf.value is not None
        if leaf.unit.dimension != first.unit.dimension or leaf.unit.zero:
            return None
        total = exact.minus(total, exact.scaled(leaf.value, -leaf.unit.factor))
    value = exact.scaled(total, 1 / first.unit.factor)
    return Leaf("", value, unit=first.unit)


def _is_interval(group: Group) -> bool:
    return len(group.items) == 2 and group.bracket in ("()", "[]", "(]", "[)")


def _related(text: str, context: Context, depth: int) -> Form | None:
    """Assignments, equations, inequalities and memberships."""
    found = _RELATION.search(text)
    if found is None:
        return None
    sides = split(text, _RELATION)
    if len(sides) == 1:
        return None
    relations = tuple(_relations(text))
    if not all(sides) or len(sides) > 10:
        # "= 5" states 5.
        if not sides[0] and len(sides) == 2 and relations[0] in ("=", r"\approx"):
            return form_of(sides[1], context, depth + 1)
        raise Malformed
    if relations == (r"\in",) and (_is_label(sides[0]) or _TUPLE_LABEL.match(sides[0])):
        return with_label(form_of(sides[1], context, depth + 1), sides[0])
    if all(relation in ("=", r"\approx") for relation in relations):
        return _equated(sides, relations, text, context, depth)
    interval = _interval(sides, relations, context)
    if interval is not None:
        return interval
    return Inequality(tuple(sides), relations, text)


def _relations(text: str) -> list[str]:
    names = {"<=": r"\le", ">=": r"\ge", "!=": r"\ne"}
    found: list[str] = []
    rest = text
    for side in split(text, _RELATION)[:-1]:
        rest = rest[rest.index(side) + len(side) :] if side else rest
        match = _RELATION.search(rest)
        assert match is not None
        found.append(names.get(match[0], match[0]))
        rest = rest[match.end() :]
    return found


def _is_label(side: str) -> bool:
    if not _LABEL.match(side) and not _WORD_LABEL.match(side):
        return False
    return side not in (r"\pi", "e", "i", r"\infty") and not is_function(side)


def _equated(
    sides: list[str], relations: tuple[str, ...], text: str, context: Context, depth: int
) -> Form:
    label = ""
    if _is_label(sides[0]) or _TUPLE_LABEL.match(sides[0]):
        label, sides, relations = sides[0], sides[1:], relations[1:]
    elif len(sides) == 2 and _is_label(sides[1]) and not any(c.isalpha() for c in sides[0]):
        # "5 = x"
        label, sides, relations = sides[1], sides[:1], ()
    if len(sides) == 1:
        return with_label(form_of(sides[0], context, depth + 1), label)
    # What is only approximately so is not the answer, unless nothing else is.
    if r"\approx" in relations:
        sides = sides[: relations.index(r"\approx") + 1]
        if len(sides) == 1:
            return with_label(form_of(sides[0], context, depth + 1), label)
    leaves = tuple(leaf_of(side, context) for side in sides)
    values = [leaf.value for leaf in leaves if leaf.value is not None]
    if len(values) == len(leaves):
        # A chain of the same value states that value; one of unequal numbers states nothing.
        if all(exact.equal(value, values[-1]) is True for value in values):
            return with_label(leaves[-1], label)
        if all(is_numeric(leaf) for leaf in leaves):
            raise Malformed
    return Equation(leaves, text, label)


def _interval(sides: list[str], relations: tuple[str, ...], context: Context) -> Form | None:
    """`1 < x \\le 2` as (1, 2]; a single comparison as a half-line."""
    below, above = ("<", r"\le"), (">", r"\ge")
    infinity = Leaf(r"\infty"), Leaf(r"-\infty")
    if len(sides) == 2 and relations == (r"\ne",) and _is_label(sides[0]):
        hole = leaf_of(sides[1], context)
        if hole.value is None:
            return None
        left = Group("()", (infinity[1], hole))
        return Union((left, Group("()", (hole, infinity[0]))), sides[0])
    if len(sides) == 3 and _is_label(sides[1]):
        low, name, high = sides
        first, second = relations
        if first in above and second in above:
            low, high = high, low
            first, second = (_flipped(second), _flipped(first))
        if first not in below or second not in below:
            return None
        bracket = ("(" if first == "<" else "[") + (")" if second == "<" else "]")
        return Group(bracket, (leaf_of(low, context), leaf_of(high, context)), name)  # type: ignore[arg-type]
    if len(sides) != 2:
        return None
    left, right, relation = sides[0], sides[1], relations[0]
    if _is_label(right) and not _is_label(left):
        left, right, relation = right, left, _flipped(relation)
    if not _is_label(left) or relation not in (*below, *above):
        return None
    bound = leaf_of(right, context)
    if bound.value is None or not is_numeric(bound):
        return None
    if relation in below:
        return Group("()" if relation == "<" else "(]", (infinity[1], bound), left)
    return Group("()" if relation == ">" else "[)", (bound, infinity[0]), left)


def _flipped(relation: str) -> str:
    return {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}.get(relation, relation)


def _bracketed(text: str, context: Context, depth: int) -> Form | None:
    """A text that is one pair of brackets."""
    opening = next((mark for mark in _CLOSERS if text.startswith(mark)), None)
    if opening is None:
        return None
    closer = next((mark for mark in _CLOSERS[opening] if text.endswith(mark)), None)
    if closer is None or not _encloses(text, len(opening), len(closer)):
        return None
    inside = text[len(opening) : len(text) - len(closer)].strip()
    items = split(inside, re.compile(r"[,;]")) if inside else []
    if opening == r"\{":
        inner = context._replace(grouped=False)
        parts = [part for part in (split(inside, _JOINER) if inside else [])]
        if not all(parts) or len(parts) > _MAX_ITEMS:
            raise Malformed
        forms = tuple(form_of(part, inner, depth + 1) for part in parts)
        return Group("{}", tuple(one for form in forms for one in _spread(form)))
    if len(items) <= 1:
        if (opening == "(" and closer == ")") or (opening == "[" and closer == "]"):
            return form_of(inside, context, depth + 1) if inside else None
        raise Malformed
    if not all(items) or len(items) > _MAX_ITEMS:
        raise Malformed
    inner = context._replace(grouped=False)
    forms = tuple(form_of(item, inner, depth + 1) for item in items)
    bracket = "()" if opening == r"\langle" else f"{opening}{closer}"
    if len(forms) > 2 and bracket in ("(]", "[)"):
        raise Malformed
    return Group(bracket, forms)  # type: ignore[arg-type]


def _encloses(text: str, start: int, end: int) -> bool:
    """Whether the bracket that opens a text closes only at its end."""
    depth = 1
    position = start
    while position < len(text) - end:
        if text[position] == "\\":
            pair = text[position : position + 2]
            if pair in (r"\{", r"\}"):
                depth += 1 if pair == r"\{" else -1
            elif text.startswith((r"\langle", r"\rangle"), position):
                depth += 1 if text[position + 1] == "l" else -1
            position += 2
        else:
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[position], 0)
            position += 1
        if depth == 0:
            return False
    return depth == 1


def _spread(form: Form) -> tuple[Form, ...]:
    """A list among a set's items is several of them: {3 ± √5, 1}."""
    return form.items if isinstance(form, Group) and form.bracket == "list" else (form,)


def _matrix(inside: str, context: Context, depth: int) -> Matrix:
    rows = [row.strip() for row in re.split(r"\\\\(?:\[[^\]]*\])?", inside)]
    cells = [[cell.strip() for cell in row.split("&")] for row in rows if row]
    if not cells or len(cells) * max(map(len, cells)) > _MAX_ITEMS:
        raise Malformed
    inner = context._replace(grouped=False)
    return Matrix(tuple(tuple(form_of(cell, inner, depth + 1) for cell in row) for row in cells))


def _both_signs(text: str, context: Context, depth: int) -> Form | None:
    r"""`a \pm b` as the list of both, signs of `\mp` opposite."""
    if r"\pm" not in text and r"\mp" not in text:
        return None
    upper = re.sub(r"\\mp(?![a-z])", "-", re.sub(r"\\pm(?![a-z])", "+", text))
    lower = re.sub(r"\\mp(?![a-z])", "+", re.sub(r"\\pm(?![a-z])", "-", text))
    forms = (form_of(upper, context, depth + 1), form_of(lower, context, depth + 1))
    return Group("list", forms)
