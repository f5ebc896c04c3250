"""The 25 constraints of IFEval (arXiv 2311.07911), read strictly.

Each is a function of the response and the constraint's keyword arguments. They follow the
published checkers' definitions; where those use a statistical tool (sentence splitting, language
detection), the rule here is written out and says when it cannot decide.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from am_assets.stages.verification.languages import known, language_of

_ENDINGS = re.compile(r"[.!?。！？…]+[\"'”’)\]]*(?=\s|$)|[。！？]")
_ABBREVIATIONS = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Inc|Ltd|Co|Capt|Lt|vs|etc|e\.g|i\.e|a\.m|p\.m|No|Ph\.D"
    r"|[A-Z](?:\.[A-Z])*)\.$"
)
_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")


class Undecided(ValueError):
    """A constraint that cannot be judged on this response."""


class MalformedConstraint(ValueError):
    """A constraint whose arguments are missing or of the wrong type."""


def check_constraint(name: str, response: str, arguments: Mapping[str, Any]) -> bool:
    """Whether `response` follows constraint `name`.

    Raises KeyError for an unknown name, MalformedConstraint for its arguments, and Undecided.
    """
    return CONSTRAINTS[name](response, _Arguments(name, arguments))


class _Arguments:
    """A constraint's keyword arguments, checked as they are read."""

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self._name, self._values = name, values

    def text(self, key: str) -> str:
        value = self._values.get(key)
        if not isinstance(value, str) or not value:
            raise MalformedConstraint(f"{self._name} needs {key!r}, a text")
        return value

    def number(self, key: str) -> int:
        value = self._values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise MalformedConstraint(f"{self._name} needs {key!r}, a whole number")
        return int(value)

    def texts(self, key: str) -> list[str]:
        value = self._values.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
            raise MalformedConstraint(f"{self._name} needs {key!r}, a list of texts")
        return value

    def holds(self, count: int, relation: str, bound: str) -> bool:
        """Whether `count` is in the stated relation to the stated number."""
        match self.text(relation):
            case "at least":
                return count >= self.number(bound)
            case "less than":
                return count < self.number(bound)
            case other:
                raise MalformedConstraint(f"{self._name}: unknown relation {other[:40]!r}")


def sentences(text: str) -> int:
    """Number of sentences: ends of sentences by punctuation, abbreviations set aside.

    A line's end closes a sentence too, so that headings and list items count as one each.
    """
    count = 0
    for line in text.splitlines():
        start = 0
        for ending in _ENDINGS.finditer(line):
            chunk = line[start : ending.end()]
            if ending[0].startswith(".") and _ABBREVIATIONS.search(line[: ending.end()]):
                continue
            start = ending.end()
            count += bool(re.search(r"\w", chunk))
        count += bool(re.search(r"\w", line[start:]))
    return count


def _keywords_existence(response: str, a: _Arguments) -> bool:
    folded = response.casefold()
    return all(keyword.casefold() in folded for keyword in a.texts("keywords"))


def _keyword_frequency(response: str, a: _Arguments) -> bool:
    count = response.casefold().count(a.text("keyword").strip().casefold())
    return a.holds(count, "relation", "frequency")


def _forbidden_words(response: str, a: _Arguments) -> bool:
    return not any(
        re.search(rf"(?<!\w){re.escape(word)}(?!\w)", response, re.IGNORECASE)
        for word in a.texts("forbidden_words")
    )


def _letter_frequency(response: str, a: _Arguments) -> bool:
    count = response.lower().count(a.text("letter").lower())
    return a.holds(count, "let_relation", "let_frequency")


def _language(response: str, a: _Arguments) -> bool:
    wanted = a.text("language")
    if wanted not in known():
        raise Undecided(f"language {wanted[:20]!r} is not one that can be told here")
    found = language_of(response)
    if found is None:
        raise Undecided("the response's language cannot be told")
    return found == wanted


def _sentences(response: str, a: _Arguments) -> bool:
    return a.holds(sentences(response), "relation", "num_sentences")


def _words(response: str, a: _Arguments) -> bool:
    return a.holds(len(re.findall(r"\w+", response)), "relation", "num_words")


def _paragraphs(response: str, a: _Arguments) -> bool:
    parts = re.split(r"\s?\*\*\*\s?", response)
    # A divider may open or close the text; an empty paragraph inside it is none.
    if any(not part.strip() for part in parts[1:-1]):
        return False
    return sum(1 for part in parts if part.strip()) == a.number("num_paragraphs")


def _nth_paragraph(response: str, a: _Arguments) -> bool:
    paragraphs = response.split("\n\n")
    wanted, position = a.number("num_paragraphs"), a.number("nth_paragraph")
    count = sum(1 for paragraph in paragraphs if paragraph.strip())
    if not 1 <= position <= min(count, len(paragraphs)):
        return False
    paragraph = paragraphs[position - 1].strip()
    if not paragraph:
        return False
    first = re.split(r"[.,?!'\"]", paragraph.split()[0].lstrip("'\""), maxsplit=1)[0]
    return count == wanted and first.lower() == a.text("first_word").lower()


def _placeholders(response: str, a: _Arguments) -> bool:
    return len(re.findall(r"\[.*?\]", response)) >= a.number("num_placeholders")


def _postscript(response: str, a: _Arguments) -> bool:
    marker = a.text("postscript_marker").strip()
    special = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    pattern = special.get(marker, re.escape(marker.lower()))
    return re.search(pattern, response.lower()) is not None


def _bullets(response: str, a: _Arguments) -> bool:
    stars = re.findall(r"^[^\S\n]*\*[^*\n].*$", response, re.MULTILINE)
    dashes = re.findall(r"^[^\S\n]*-.*$", response, re.MULTILINE)
    return len(stars) + len(dashes) == a.number("num_bullets")


def _constrained(response: str, a: _Arguments) -> bool:
    return any(option in response for option in _OPTIONS)


def _highlights(response: str, a: _Arguments) -> bool:
    single = [text for text in re.findall(r"\*([^\n*]*)\*", response) if text.strip()]
    double = [text for text in re.findall(r"\*\*([^\n*]*)\*\*", response) if text.strip()]
    return len(single) + len(double) >= a.number("num_highlights")


def _sections(response: str, a: _Arguments) -> bool:
    splitter = re.escape(a.text("section_spliter").strip())
    return len(re.findall(rf"\s?{splitter}\s?\d+\s?", response)) >= a.number("num_sections")


def _json(response: str, a: _Arguments) -> bool:
    text = response.strip()
    text = re.sub(r"^```(?:json)?", "", text, flags=re.IGNORECASE).removesuffix("```").strip()
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _title(response: str, a: _Arguments) -> bool:
    return any(
        title.lstrip("<").rstrip(">").strip() for title in re.findall(r"<<[^\n]+>>", response)
    )


def _two_responses(response: str, a: _Arguments) -> bool:
    parts = response.split("******")
    if any(not part.strip() for part in parts[1:-1]):
        return False
    filled = [part.strip() for part in parts if part.strip()]
    return len(filled) == 2 and filled[0] != filled[1]


def _repeat_prompt(response: str, a: _Arguments) -> bool:
    wanted = a.text("prompt_to_repeat").strip().lower()
    return response.strip().lower().startswith(wanted)


def _end_checker(response: str, a: _Arguments) -> bool:
    ending = a.text("end_phrase").strip().lower()
    return response.strip().strip('"').lower().endswith(ending)


def _quotation(response: str, a: _Arguments) -> bool:
    text = response.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


def _capital(response: str, a: _Arguments) -> bool:
    return response.isupper() and language_of(response) in ("en", None)


def _lowercase(response: str, a: _Arguments) -> bool:
    return response.islower() and language_of(response) in ("en", None)


def _capital_words(response: str, a: _Arguments) -> bool:
    # Hyphenated words count once, and an apostrophe splits, as in Penn Treebank tokens.
    words = re.findall(r"[^\W_]+(?:-[^\W_]+)*", response)
    count = sum(1 for word in words if word.isupper())
    return a.holds(count, "capital_relation", "capital_frequency")


def _no_comma(response: str, a: _Arguments) -> bool:
    return "," not in response


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
