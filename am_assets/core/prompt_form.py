"""The form in which prompts are compared for being the same, letter by letter.

Folded is only what cannot make another problem: canonical Unicode form, full-width and half-width
forms, ligatures and kinds of spaces, the case of ordinary words, white space in prose. Kept apart
are superscripts, subscripts, fractions and styled letters, the case of single letters, labels and
names, and everything in code, quotations and formulas.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator

_FOLDED = ("<wide>", "<narrow>", "<noBreak>")
_MARKS = frozenset("$`~\\\"'")
"""Signs that open what is left as it is: nothing may become one of them."""

_FENCE = re.compile(r"(`{3,}|~{3,})")
_INDENTED = re.compile(r"\t| {4}")
_STEPPED = re.compile(r" {2}")
_CODE_END = re.compile(r"[:{};,(]$")
_PROTECTED = re.compile(
    r"""(?<!\\)\$\$.+?\$\$            # formulas
    |(?<!\\)\$(?!\s)[^$]+?(?<!\s)\$(?!\d)
    |\\\(.+?\\\) | \\\[.+?\\\]
    |`[^`]*`                          # code
    |"[^"]*" | “[^”]*” | «[^»]*» | 「[^」]*」""",
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"(?<![^\s(\[—–-])[^\W\d_]{2,}(?=$|[\s)\],;?!…'’—–-]|[.:](?:\s|$))")
_CODE = re.compile(r"(`[^`]*`)")
_SPACE = re.compile(r"\s+")
_VOWEL = re.compile(r"[AEIOUY]|[^\x00-\x7f]")
_SHORT = frozenset(
    {"ah", "am", "an", "as", "at", "be", "by", "do", "eh", "go", "he", "hi", "if", "in", "is", "it"}
    | {"me", "my", "no", "of", "oh", "ok", "on", "or", "so", "to", "up", "us", "we"}
)
"""Words of two letters; others are units, symbols and names of lines (mg and Mg, ab and AB)."""
_NAMES = frozenset({"arg", "log", "ln"})
"""Functions that are others when they are capitalised."""


def prompt_form(prompt: str) -> str:
    """The form of `prompt`: equal for texts that are the same problem, word for word.

    Idempotent. Code (fenced, or indented) keeps its lines and indentation; elsewhere runs of white
    space are one, but lines without a letter (data, matrices) stay lines.
    """
    text = unicodedata.normalize("NFC", prompt).replace("\r\n", "\n").replace("\r", "\n")
    pieces = list(_pieces(text.split("\n")))
    prose = "\n".join(text for is_code, text in pieces if not is_code)
    shouted = not any(map(str.islower, _PROTECTED.sub(" ", prose)))
    return "\n\n".join(
        text if is_code else _cased(text, shouted) for is_code, text in pieces if text
    )


def _pieces(lines: list[str]) -> Iterator[tuple[bool, str]]:
    """(Is it code, its text) in turn: no prose follows prose."""
    prose: list[str] = []
    for is_code, block in _blocks(lines):
        if not is_code:
            prose += block
            continue
        if prose:
            yield False, _collapsed(prose)
            prose = []
        yield True, "\n".join(block)
    if prose:
        yield False, _collapsed(prose)


def _blocks(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    """Fenced code, and runs of lines between empty ones, with whether they are code."""
    block: list[str] = []
    fence = ""
    for line in (line.rstrip() for line in lines):
        start = _FENCE.match(line.strip())
        if fence:
            block.append(line)
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                yield True, block
                block, fence = [], ""
        elif start:
            if block:
                yield _is_code(block), block
            block, fence = [line.lstrip()], start.group()
        elif line.strip():
            block.append(line)
        elif block:
            yield _is_code(block), block
            block = []
    while block and not block[-1]:
        block.pop()  # of a fence that nothing closes
    if block:
        yield bool(fence) or _is_code(block), block


def _is_code(block: list[str]) -> bool:
    if any(map(_INDENTED.match, block)):
        return True
    return any(map(_STEPPED.match, block[1:])) and any(map(_CODE_END.search, block))


def _collapsed(lines: list[str]) -> str:
    """Lines of prose as one; runs of lines without a letter stay lines by themselves."""
    # A sign that is alone in its line has its fellow in another, or is none.
    coded = all(line.count("`") % 2 == 0 for line in lines)
    texts = [_spaced(line, coded) for line in lines]
    found: list[str] = []
    in_prose = False
    for says, run in itertools.groupby(texts, key=lambda text: any(map(str.isalpha, text))):
        listed = list(run)
        prose = says or len(listed) == 1
        if prose and in_prose:
            found[-1] = " ".join([found[-1], *listed])
        else:
            found += [" ".join(listed)] if prose else listed
        in_prose = prose
    return "\n".join(found)


def _spaced(line: str, coded: bool) -> str:
    """A line with one space where it has several, but in code (`coded`: it may have some)."""
    parts = _CODE.split(line) if coded else [line]
    return "".join(
        part if place % 2 else _SPACE.sub(" ", _simple(part)) for place, part in enumerate(parts)
    ).strip()


def _simple(text: str) -> str:
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", "".join(map(_simple_character, text)))


def _simple_character(character: str) -> str:
    kind, _, _ = unicodedata.decomposition(character).partition(" ")
    if kind in _FOLDED or "\ufb00" <= character <= "\ufb06":
        simple = unicodedata.normalize("NFKC", character)
        return character if simple in _MARKS else simple
    return character


def _cased(text: str, shouted: bool) -> str:
    """Prose with its ordinary words in lower case; `shouted` text has no other letters."""
    parts: list[str] = []
    end = 0
    # Neighbors decide whether a word is one, also those that are left as they are.
    spans = [match.span() for match in _PROTECTED.finditer(text)]
    for match in _WORD.finditer(text):
        start, stop = match.span()
        if not any(first < stop and start < last for first, last in spans):
            parts += [text[end:start], _lower(match.group(), shouted)]
            end = stop
    return "".join([*parts, text[end:]])


def _lower(word: str, shouted: bool) -> str:
    lower = word.lower()
    capital = word[0].isupper() and word[1:].islower()
    if not (capital or (shouted and word.isupper() and not _is_label(word))):
        return word
    if len(lower) != len(word) or lower in _NAMES or (len(word) == 2 and lower not in _SHORT):
        return word
    return lower


def _is_label(word: str) -> bool:
    """Names of points in turn (ABC), and letters that no word is made of (PQR)."""
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(word)}
    return steps == {1} or not _VOWEL.search(word)
