"""The parts of a problem that say the whole of it: its stem, its question, the prose of its code.

Training rows rarely repeat a benchmark item from its first to its last character. Options get
shuffled or left out, a passage is dropped, examples go before it, a function becomes a sentence. So
each part that can stand for the item is compared too.
"""

import re

from am_assets.stages.text import visible_length

_OPTION = re.compile(r"(?:^|(?<=\s))[(\[]?([A-J])[)\].:、．]\s*(?=\S)")
_CUE = re.compile(
    r"^\s*(?:answer|a|response|solution|options?|choices?|答案|答|解答|选项)\s*[:：]?\s*$|"
    r"^\s*let'?s think step by step\.?\s*$|^\W*$|^\s*(?:assert |>>>).*$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^\s*(?:question|q|problem|input|user|问题|题目|问)\s*\d*\s*[:：.]\s*", re.IGNORECASE
)
_DOCSTRING = re.compile(r'(?:"""|\'\'\')(.*?)(?:"""|\'\'\'|\Z)|/\*+(.*?)(?:\*/|\Z)', re.DOTALL)
_COMMENT = re.compile(r"^[ \t]*(?://+|#+(?!include|define|if|endif))[ \t]?(.*)$", re.MULTILINE)
_EXAMPLE = re.compile(
    r"^\s*(?:>>>|\*?\s*@|for example\b|examples?\b|e\.g\.|\[input|#)", re.IGNORECASE
)
_CODE = re.compile(
    r"\bdef \w+\(|\bfunction \w+\s*\(|^\s*(?:#include\b|public |from \w+ import |import \w+;?$)|"
    r"\w+\([^)]*\) *\{",
    re.MULTILINE,
)
_SHORTEST = 24
"""Visible characters of a part that can be told from others; a Chinese character counts twice."""


def stem(text: str) -> str:
    """`text` without its answer options, and without a cue ("Answer:") after them."""
    options = _options_start(text)
    lines = text[:options].rstrip().split("\n")
    while len(lines) > 1 and _CUE.match(lines[-1]):
        lines.pop()
    return "\n".join(lines).strip()


def options(text: str) -> list[str]:
    """The texts of the answer options of `text`, without their letters."""
    rest = text[_options_start(text) :]
    marks = list(_OPTION.finditer(rest))
    if not marks:
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(rest)]
    return [rest[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]


def is_code(text: str) -> bool:
    """Whether `text` has a function's head, an import or the like in some language."""
    return _CODE.search(text) is not None


def parts(text: str) -> list[str]:
    """Parts of `text`, other than itself, that can stand for it; often none.

    Its stem where it has options; the last line of a stem of several, which is the question of a
    passage or the problem after some solved ones, by itself and with its options; the prose of its
    docstrings and comments.
    """
    found: list[str] = []
    if "\n" not in text and "A" not in text:
        return found
    body = stem(text)
    if is_code(body):
        found.append(_prose(body))
    else:
        question, choices = _question(body), options(text)
        found += [body, question]
        if question and choices:
            found.append("\n".join([question, *choices]))
    return [part for part in dict.fromkeys(found) if part != text.strip() and _enough(part)]


def _enough(part: str) -> bool:
    return visible_length(part) >= _SHORTEST


def _options_start(text: str) -> int:
    """Where the options begin, lettered A, B, … in order; the end where there are none."""
    marks = list(_OPTION.finditer(text))
    for first, mark in enumerate(marks):
        if mark.group(1) == "A":
            letters = "".join(found.group(1) for found in marks[first:])
            if letters[:2] == "AB" and letters == "ABCDEFGHIJ"[: len(letters)]:
                return mark.start()
    return len(text)


def _question(body: str) -> str:
    lines = [line for line in body.split("\n") if line.strip()]
    if len(lines) < 2 or len(body) < 2 * len(lines[-1]):
        return ""
    return _LABEL.sub("", lines[-1]).strip()


def _prose(code: str) -> str:
    blocks = [a or b for a, b in _DOCSTRING.findall(code)] or _COMMENT.findall(code)
    lines: list[str] = []
    for line in "\n".join(blocks).split("\n"):
        if _EXAMPLE.match(line):
            break
        lines.append(line.strip(" \t*"))
    return " ".join(" ".join(lines).split())
