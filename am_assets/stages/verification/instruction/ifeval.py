"""The 25 constraints of IFEval (arXiv 2311.07911).

Each is a function of the response and the constraint's keyword arguments. They follow the
published checkers' definitions, but for plain mistakes of those; `docs/verification.md` lists
where the two differ. Nothing here takes more than linear time in a hostile response.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from am_assets.stages.verification.instruction import counting
from am_assets.stages.verification.instruction.languages import (
    known,
    language_of,
    letters_with_case,
)

_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_COMMAS = (",", "，", "﹐", "،")
_QUOTES = {'"': '"', "“": "”", "„": "“", "「": "」", "『": "』", "«": "»", "＂": "＂"}
_ALL_QUOTES = "".join(_QUOTES) + "".join(_QUOTES.values())
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]*[^\[\]\s][^\[\]\n]*\]")
_BOLD_ITALIC = re.compile(r"\*\*\*(?=[^\s*])[^\n*]+(?<=\S)\*\*\*")


class Undecided(ValueError):
    """A constraint that cannot be judged on this response."""


class MalformedConstraint(ValueError):
    """A constraint whose arguments are missing or of the wrong type."""


def check_constraint(name: str, response: str, arguments: Mapping[str, Any]) -> bool:
    """Whether `response` follows constraint `name`; an empty one follows none.

    Raises KeyError for an unknown name, MalformedConstraint for its arguments, and Undecided.
    """
    followed = CONSTRAINTS[name](response, _Arguments(name, arguments))
    return followed and bool(response.strip())


def loose_readings(response: str) -> list[str]:
    """The variants of a response of which one suffices in the loose reading.

    Without its first line, its last line or both, each with and without asterisks; what is left
    empty is no variant. The response itself is the first.
    """
    lines = response.split("\n")
    cut = [response, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    variants = [*cut, *(text.replace("*", "") for text in cut)]
    return list(dict.fromkeys(text for text in variants if text.strip()))


class _Arguments:
    """A constraint's keyword arguments, checked as they are read."""

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self._name, self._values = name, values

    def text(self, key: str) -> str:
        value = self._values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise MalformedConstraint(f"{self._name} needs {key!r}, a text")
        return value.strip()

    def number(self, key: str) -> int:
        value = self._values.get(key)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise MalformedConstraint(f"{self._name} needs {key!r}, a whole number")
        return value

    def texts(self, key: str) -> list[str]:
        value = self._values.get(key)
        items: list[Any] = value if isinstance(value, list) else []
        if not items or not all(isinstance(item, str) and item.strip() for item in items):
            raise MalformedConstraint(f"{self._name} needs {key!r}, a list of texts")
        return [item.strip() for item in items]

    def holds(self, count: int | counting.Count, relation: str, bound: str) -> bool:
        """Whether `count` is in the stated relation to the stated number; raises Undecided."""
        low, high = (count, count) if isinstance(count, int) else count
        wanted, number = self.text(relation), self.number(bound)
        match wanted:
            case "at least":
                answers = {low >= number, high >= number}
            case "less than":
                answers = {low < number, high < number}
            case other:
                raise MalformedConstraint(f"{self._name}: unknown relation {other[:40]!r}")
        if len(answers) > 1:
            raise Undecided(f"the count lies between {low} and {high}")
        return answers.pop()


def _keywords_existence(response: str, a: _Arguments) -> bool:
    return all(_occurrences(word, response) for word in a.texts("keywords"))


def _keyword_frequency(response: str, a: _Arguments) -> bool:
    return a.holds(_occurrences(a.text("keyword"), response), "relation", "frequency")


def _occurrences(word: str, text: str) -> int:
    return len(re.findall(re.escape(word), text, re.IGNORECASE))


def _forbidden_words(response: str, a: _Arguments) -> bool:
    return not any(
        re.search(_whole_word(word), response, re.IGNORECASE) for word in a.texts("forbidden_words")
    )


def _whole_word(word: str) -> str:
    """Pattern of a word that is no part of another; Chinese words have no ends to look for."""
    joined = rf"[^\W{counting.CHARACTER_WORDS}]"
    before = rf"(?<!{joined})" if re.match(joined, word) else ""
    after = rf"(?!{joined})" if re.match(joined, word[-1]) else ""
    return before + re.escape(word) + after


def _letter_frequency(response: str, a: _Arguments) -> bool:
    letter = a.text("letter").lower()
    if len(letter) != 1:
        raise MalformedConstraint("keywords:letter_frequency needs 'letter', one character")
    return a.holds(response.lower().count(letter), "let_relation", "let_frequency")


def _language(response: str, a: _Arguments) -> bool:
    wanted = a.text("language").lower().partition("-")[0]
    if wanted not in known():
        raise Undecided(f"language {wanted[:20]!r} is not one that can be told here")
    found = language_of(response)
    if found is None:
        raise Undecided("the response's language cannot be told")
    return found == wanted


def _sentences(response: str, a: _Arguments) -> bool:
    return a.holds(counting.sentences(response), "relation", "num_sentences")


def _words(response: str, a: _Arguments) -> bool:
    return a.holds(counting.words(response), "relation", "num_words")


def _paragraphs(response: str, a: _Arguments) -> bool:
    wanted = a.number("num_paragraphs")
    parts = re.split(r"\s?\*\*\*\s?", _BOLD_ITALIC.sub("x", response))
    # A divider may open or close the text; an empty paragraph inside it is none.
    if any(not part.strip() for part in parts[1:-1]):
        return False
    return sum(1 for part in parts if part.strip()) == wanted


def _nth_paragraph(response: str, a: _Arguments) -> bool:
    wanted, position = a.number("num_paragraphs"), a.number("nth_paragraph")
    word = a.text("first_word")
    found = counting.paragraphs(response)
    if len(found) != wanted or not 1 <= position <= wanted:
        return False
    return counting.starts_with_word(found[position - 1], word)


def _placeholders(response: str, a: _Arguments) -> bool:
    return len(_PLACEHOLDER.findall(response)) >= a.number("num_placeholders")


def _postscript(response: str, a: _Arguments) -> bool:
    marker = a.text("postscript_marker")
    special = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    pattern = special.get(marker, re.escape(marker.lower()))
    return re.search(pattern, response.lower()) is not None


def _bullets(response: str, a: _Arguments) -> bool:
    return counting.bullets(response) == a.number("num_bullets")


def _constrained(response: str, a: _Arguments) -> bool:
    return any(option in response for option in _OPTIONS)


def _highlights(response: str, a: _Arguments) -> bool:
    return counting.highlights(response) >= a.number("num_highlights")


def _sections(response: str, a: _Arguments) -> bool:
    headings = re.findall(rf"{re.escape(a.text('section_spliter'))}\s?\d+", response)
    return len(headings) >= a.number("num_sections")


def _json(response: str, a: _Arguments) -> bool:
    text = response.strip()
    text = re.sub(r"^```(?:json)?", "", text, flags=re.IGNORECASE).removesuffix("```").strip()
    try:
        # Numbers stay texts: Python refuses to read the longest ones.
        json.loads(text, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def _title(response: str, a: _Arguments) -> bool:
    for line in response.splitlines():
        opening, closing = line.find("<<"), line.rfind(">>")
        if 0 <= opening < closing and line[opening:closing].strip("<> \t"):
            return True
    return False


def _two_responses(response: str, a: _Arguments) -> bool:
    parts = response.split("******")
    if any(not part.strip() for part in parts[1:-1]):
        return False
    filled = [part.strip() for part in parts if part.strip()]
    return len(filled) == 2 and filled[0] != filled[1]


def _repeat_prompt(response: str, a: _Arguments) -> bool:
    return response.strip().lower().startswith(a.text("prompt_to_repeat").lower())


def _end_checker(response: str, a: _Arguments) -> bool:
    ending = a.text("end_phrase").lower()
    text = response.strip().lower()
    # Quotes may stand around the whole response, or around the phrase in either place.
    bare = text.strip(_ALL_QUOTES).rstrip()
    return text.endswith(ending) or bare.endswith(ending.strip(_ALL_QUOTES) or ending)


def _quotation(response: str, a: _Arguments) -> bool:
    text = response.strip()
    return len(text) > 1 and _QUOTES.get(text[0]) == text[-1]


def _capital(response: str, a: _Arguments) -> bool:
    return _english(response) and response.isupper()


def _lowercase(response: str, a: _Arguments) -> bool:
    return _english(response) and response.islower()


def _english(response: str) -> bool:
    """Whether a response may be English; raises Undecided where nothing in it has a case."""
    if language_of(response) not in ("en", None):
        return False
    if not letters_with_case(response):
        raise Undecided("no letter of the response has a case")
    return True


def _capital_words(response: str, a: _Arguments) -> bool:
    return a.holds(counting.capital_words(response), "capital_relation", "capital_frequency")


def _no_comma(response: str, a: _Arguments) -> bool:
    return not any(comma in response for comma in _COMMAS)


CONSTRAINTS: dict[str, Callable[[str, _Arguments], bool]] = {
    "keywords:existence": _keywords_existence,
    "keywords:frequency": _keyword_frequency,
    "keywords:forbidden_words": _forbidden_words,
    "keywords:letter_frequency": _letter_frequency,
    "language:response_language": _language,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:number_words": _words,
    "length_constraints:nth_paragraph_first_word": _nth_paragraph,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_content:postscript": _postscript,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:constrained_response": _constrained,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:multiple_sections": _sections,
    "detectable_format:json_format": _json,
    "detectable_format:title": _title,
    "combination:two_responses": _two_responses,
    "combination:repeat_prompt": _repeat_prompt,
    "startend:end_checker": _end_checker,
    "startend:quotation": _quotation,
    "change_case:english_capital": _capital,
    "change_case:english_lowercase": _lowercase,
    "change_case:capital_word_frequency": _capital_words,
    "punctuation:no_comma": _no_comma,
}
