"""Finding the final answer in text, and what can be said about it without algebra."""

import re
from typing import NamedTuple

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_STATED = re.compile(
    r"(?:####\s*"
    r"|\b(?:final\s+)?answer\s*(?:is\s*[:：]?|[:=：])\s*"
    r"|(?:最终)?答案\s*(?:是|为|：|:)+\s*"
    r"|^A:\s*)"
    r"(?P<answer>[^\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
_INLINE = re.compile(
    r"\$\$(.+?)\$\$|(?<!\\)\$([^$\n]+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL
)
_NUMBER = re.compile(
    r"(?<![\w.,])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?(?![\w]|[.,]\d)"
)
_TEXT_MACRO = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|operatorname|mbox)\s*\{([^{}]*)\}"
)
_SPACING = re.compile(r"\\[,;:!\s]|~|\\quad|\\qquad")
_PERCENT = re.compile(r"\\?%|\bper\s?cent\b|\\text\s*\{\s*percent\s*\}", re.IGNORECASE)
_UNIT = re.compile(
    r"(?:\\(?:text|mathrm|textrm|mbox)\s*\{\s*(?P<macro>[^{}]*[A-Za-z°][^{}]*)\}\s*"
    r"(?P<power>\^\{?-?\d+\}?)?"
    r"|(?:(?<=[\d})π])|(?<=\\pi)(?=\s))\s*"
    r"(?P<word>[A-Za-z°]{1,20}(?:[ /][A-Za-z]{1,12}){0,2}(?:\^\{?-?\d\}?)?))\s*\.?$"
)
_CONSTANTS = frozenset({"pi", "sqrt", "sin", "cos", "tan", "ln", "log", "mod", "or", "and", "to"})
_ALIASES = {
    "centimeter": "cm", "centimetre": "cm", "meter": "m", "metre": "m", "kilometer": "km",
    "kilometre": "km", "millimeter": "mm", "millimetre": "mm", "inch": "in", "inche": "in",
    "feet": "ft", "foot": "ft", "second": "s", "sec": "s", "minute": "min", "hour": "h", "hr": "h",
    "gram": "g", "kilogram": "kg", "pound": "lb", "lbs": "lb", "liter": "l", "litre": "l",
    "dollar": "usd", "degree": "deg", "°": "deg", "unit": "", "cent": "cent",
}  # fmt: skip
_MAX_CANDIDATE, _MAX_READ, _MAX_BOXES = 2000, 10_000, 50


class Answer(NamedTuple):
    """A final answer's text and where it was found."""

    text: str
    found: str


def final_answer(text: str) -> Answer | None:
    """The final answer of a solution: boxed, stated, or the whole of a short text.

    Failing those, the last formula or the last number that stands alone; None when the text offers
    none. Never longer than 2,000 characters: a longer "answer" is none. Only the last 10,000
    characters are read for anything but a box.
    """
    boxed = last_boxed(text)
    if boxed is not None:
        return _answer(boxed, "boxed")
    # Searching for pairs of marks is quadratic in hostile text.
    text = text[-_MAX_READ:]
    stated = list(_STATED.finditer(text))
    if stated:
        return _answer(_statement(stated[-1]["answer"]), "stated")
    stripped = text.strip()
    if stripped and "\n" not in stripped and len(stripped) <= 100 and _is_bare(stripped):
        return _answer(stripped, "whole")
    formulas = list(_INLINE.finditer(text))
    numbers = list(_NUMBER.finditer(text))
    if formulas and (not numbers or numbers[-1].end() <= formulas[-1].end()):
        return _answer(next(group for group in formulas[-1].groups() if group), "formula")
    if numbers and _stands_alone(text, numbers[-1]):
        return _answer(numbers[-1][0], "number")
    return None


def last_boxed(text: str) -> str | None:
    r"""Content of the last \boxed{…} whose braces close, among the last fifty."""
    for opening in list(_BOXED.finditer(text))[: -_MAX_BOXES - 1 : -1]:
        depth = 1
        for position in range(opening.end(), len(text)):
            if text[position - 1] == "\\":
                continue
            depth += {"{": 1, "}": -1}.get(text[position], 0)
            if depth == 0:
                return text[opening.end() : position]
    return None


def gold_answer(reference: str) -> str:
    """The final answer of a reference, which may be the answer itself or a worked solution."""
    boxed = last_boxed(reference)
    if boxed is not None:
        return boxed.strip()
    if "####" in reference:
        return reference.rpartition("####")[2].strip()
    lines = reference.strip().splitlines()
    # Worked solutions of GSM8K's released samples end in "A: 18".
    if lines and re.match(r"A:\s", lines[-1]):
        return lines[-1][2:].strip()
    return _strip_dollars(reference.strip())


def words_only(text: str) -> str | None:
    """Normalised text of an answer in words ("Monday"), else None.

    Algebra would take words for products of letters, and shuffle them.
    """
    plain = _TEXT_MACRO.sub(r" \1 ", _strip_dollars(text))
    plain = _SPACING.sub(" ", plain).strip(" .。!\"'")
    plain = re.sub(r"^\(\s*([A-Za-z]+)\s*\)$", r"\1", plain)
    if not plain or re.search(r"[\d\\^_=+*/<>{}|]", plain):
        return None
    letters = re.sub(r"[\W_]", "", plain)
    in_macro = bool(_TEXT_MACRO.search(text))
    if len(letters) < 3 and not in_macro and letters.isascii():
        return None
    if not in_macro and re.fullmatch(r"[a-z]{1,3}(?:\s*[-+]\s*[a-z]{1,3})+", plain):
        return None
    return " ".join(re.sub(r"[^\w\s,]", " ", plain).casefold().split())


def has_percent(text: str) -> bool:
    """Whether an answer is written as a percentage."""
    return bool(_PERCENT.search(text))


def without_percent(text: str) -> str:
    """An answer's text without its percent signs."""
    return _PERCENT.sub("", text)


def unit_of(text: str) -> str | None:
    """Normalised unit or counted noun at the end of a number's text, None without one."""
    if re.match(r"\\?\$\s*[\d.]+", text.strip()):
        return "usd"
    plain = _SPACING.sub(" ", _strip_dollars(text)).strip()
    if re.search(r"\^\s*\{?\s*\\circ\s*\}?\s*(?:\\text\{\s*[CFK]\s*\})?$", plain):
        return "deg"
    match = _unit_match(plain)
    if match is None:
        return None
    word = (match["macro"] or match["word"] or "") + (match["power"] or "")
    word = re.sub(r"[{}\s.]", "", word)
    bare = re.sub(r"\^-?\d+$", "", word)
    power = word[len(bare) :]
    if len(bare) > 2:
        bare = bare.casefold()
        bare = bare[:-1] if bare.endswith("s") and bare not in _ALIASES else bare
    return (_ALIASES.get(bare, bare) + power) or None


def without_unit(text: str) -> str:
    """A number's text without the unit that `unit_of` finds in words."""
    plain = _SPACING.sub(" ", _strip_dollars(text)).strip()
    match = _unit_match(plain)
    return text if match is None else plain[: match.start()].strip()


def _unit_match(plain: str) -> re.Match[str] | None:
    if not re.match(r"[-+(]?\s*(?:\\?[dt]?frac|\\sqrt|\\pi|[\d.(])", plain):
        return None
    match = _UNIT.search(plain)
    if match is None or not match["word"]:
        return match
    # An "x" or "pi" after a number is a factor; so is any single letter but the common units.
    word = match["word"].strip()
    word = word.partition("^")[0]
    is_factor = word in _CONSTANTS or (len(word) == 1 and word not in "mgsLlNJWKVAhC")
    return None if is_factor else match


def _is_bare(text: str) -> bool:
    """Whether a line is an answer and no sentence: two words at most beside its formulas."""
    return len(re.findall(r"(?<!\\)\b[^\W\d_]{2,}", _TEXT_MACRO.sub("", text))) <= 2


def _answer(text: str, found: str) -> Answer | None:
    text = text.strip()
    return Answer(text, found) if text and len(text) <= _MAX_CANDIDATE else None


def _statement(text: str) -> str:
    """What a line "The answer is …" states: its formula when it has one, else the line itself."""
    text = text.strip().strip("*").strip()
    formula = _INLINE.match(text)
    if formula:
        rest = text[formula.end() :].strip(" .。*")
        inside = next(group for group in formula.groups() if group)
        return f"{inside} {rest}".strip() if len(rest) <= 20 else inside
    return text.rstrip(".。").strip()


def _strip_dollars(text: str) -> str:
    text = text.strip()
    while len(text) > 1 and text[0] == text[-1] == "$":
        text = text[1:-1].strip()
    return text


def _stands_alone(text: str, number: re.Match[str]) -> bool:
    """Whether a number is no part of a larger expression."""
    before, after = text[: number.start()].rstrip(), text[number.end() :].lstrip()
    return not (before[-1:] in tuple("+-*/^(×·÷{\\") and before) and not (
        after[:1] in tuple("+-*/^=×·÷!") and after
    )
