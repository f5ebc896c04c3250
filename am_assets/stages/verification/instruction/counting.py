"""Counting what texts are made of: words, sentences, capital words, paragraphs, bullets.

Where the published checkers of IFEval use a trained tokenizer, the rule here is written out.
Chinese and Japanese characters are a word each; other scripts that put no spaces between words
give a range that the number of words lies in.
"""

import re
from typing import NamedTuple

_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
CHARACTER_WORDS = _HAN + _KANA
"""Range of a regular expression: characters that are a word each."""
# Thai, Lao, Tibetan, Burmese, Khmer.
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff]")
# Marks that letters carry are no \w, and would cut a word of Hindi or Tamil in two.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0fff\u200c\u200d"
_WORD = re.compile(
    rf"[{CHARACTER_WORDS}]|[^\W{CHARACTER_WORDS}](?:[^\W{CHARACTER_WORDS}]|[{_MARKS}])*"
)
_SPLIT_CHARACTERS = re.compile(rf"[{CHARACTER_WORDS}]")
_CAPITAL = re.compile(r"\w+(?:[-./]\w+)*")

_CLOSERS = "*_\"'”’」』）)]}»"
_CLOSING = rf"[{re.escape(_CLOSERS)}]*+"
# Possessive, so that a flood of dots is read once.
_ENDING = re.compile(rf"(?<![.!?…])[.!?…]++{_CLOSING}(?=\s|$)|[。！？｡]++{_CLOSING}")
_TITLE = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|Capt|Lt|Col|Gen|Sgt|Rev|Hon|Gov|Sen|Rep|vs|cf|e\.g|i\.e|viz|approx"
    r"|Fig|Vol|pp?|ed)\.$",
    re.IGNORECASE,
)
_SHORTENED = re.compile(
    r"\b(?:Sr|Jr|Inc|Ltd|Co|Corp|etc|a\.m|p\.m|No|Ph\.D|M\.D|B\.A|Mt|Ave|Blvd"
    r"|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec|[A-HJ-Z]|[A-Z](?:\.[A-Z])+)\.$"
)
_STARTER = re.compile(
    r"[\s\"'“‘(*_]*(?:The|A|An|He|She|It|They|We|I|You|This|That|These|Those|In|On|At|But|And|So|If|As"
    r"|When|After|For|However|There|My|His|Her|Our|Your|Its|Then|What|How|Why)\b"
)
_ENUMERATOR = re.compile(r"(?:^|\n)[ \t]*(?:[-*#>]+[ \t]*)*(?:\d{1,3}|[A-Za-z])\.$")

_BULLET_MARK = re.compile(r"^[^\S\n]*[*+-][^\S\n]+", re.MULTILINE)
_RULE_LINE = re.compile(r"[\s*_-]*")


class Count(NamedTuple):
    """A number that lies between `low` and `high`; mostly both are one."""

    low: int
    high: int


def words(text: str) -> Count:
    """Number of words: runs of letters, digits and underscores; Han and kana one by one.

    So "don't" is two words, as in the published checkers. In scripts without spaces a run has at
    least one word, and at most one for each character.
    """
    found = _WORD.findall(text)
    unspaced = sum(len(_UNSPACED.findall(word)) or 1 for word in found)
    return Count(len(found), unspaced)


def sentences(text: str) -> int:
    """Number of sentences: texts with a word in them that end with `. ! ?` or `。！？`.

    A line's end is no sentence's end: a heading belongs to the sentence that follows it. What
    comes after the last ending is one more. An abbreviation or an item's number ends nothing, nor
    does an ellipsis before a small letter; "etc." and its like do before a usual first word. A
    semicolon ends no sentence, in Chinese neither.
    """
    count = start = 0
    for ending in _ENDING.finditer(text):
        if not _ends(text, start, ending):
            continue
        count += _has_word(text[start : ending.end()])
        start = ending.end()
    return count + _has_word(text[start:])


def _ends(text: str, start: int, ending: re.Match[str]) -> bool:
    mark = ending[0].rstrip(_CLOSERS)
    if mark.startswith(("..", "…")) or (mark != "." and ending[0] != mark):
        # "Well... maybe", and “Why?” she asked.
        following = text[ending.end() : ending.end() + 20].lstrip()
        return not following[:1].islower()
    if mark != ".":
        return True
    # Enough for the longest abbreviation and the marks before an item's number.
    before = text[max(start, ending.start() - 40) : ending.start() + 1]
    if _TITLE.search(before) or _ENUMERATOR.search(before):
        return False
    if _SHORTENED.search(before):
        return _STARTER.match(text, ending.end()) is not None
    return True


def _has_word(text: str) -> bool:
    return re.search(r"[^\W_]", text) is not None


def capital_words(text: str) -> int:
    """Number of words written in capitals alone: "U.S.", "COVID-19" and "I" are one each."""
    return sum(word.isupper() for word in _CAPITAL.findall(text))


def paragraphs(text: str) -> list[str]:
    """Texts between blank lines."""
    parts = (part.strip() for part in re.split(r"\n[^\S\n]*\n", text))
    return [part for part in parts if part]


def first_word(paragraph: str) -> str:
    """First word of a paragraph in small letters, without the quotes before and marks behind it."""
    opening = paragraph.split()[0].lstrip("'\"“‘「『*_#")
    return re.split(r"[.,?!'\"”’，。？！、：；」』*_:;]", opening, maxsplit=1)[0].lower()


def starts_with_word(paragraph: str, word: str) -> bool:
    """Whether a paragraph's first word is `word`; Chinese has no end of a word to look for."""
    if _SPLIT_CHARACTERS.search(word):
        return paragraph.lstrip("'\"“‘「『*_# ").lower().startswith(word.lower())
    return first_word(paragraph) == word.lower()


def bullets(text: str) -> int:
    """Number of bullet points: lines that start with `*` or `-`, with something behind it.

    A ruled line (`---`, `* * *`) is none, nor is a line that starts with *emphasis*.
    """
    return sum(_is_bullet(line) for line in text.splitlines())


def _is_bullet(line: str) -> bool:
    line = line.strip()
    if line[:1] not in ("*", "-") or _RULE_LINE.fullmatch(line):
        return False
    return line[0] == "-" or (line[1] != "*" and (line[1].isspace() or "*" not in line[1:]))


def highlights(text: str) -> int:
    """Number of texts marked by the same asterisks on both sides, on one line; bullets are none."""
    plain = _BULLET_MARK.sub("", text)
    return sum(bool(inside.strip()) for _, inside in _HIGHLIGHT.findall(plain))


_HIGHLIGHT = re.compile(r"(\*{1,3})([^\n*]+)\1")
