"""Finding the final answer in text: in a box, stated, or the whole of a short text.

What is looked for is where a writer says "this is the answer". Of several such places the last
counts; places side by side are one answer of several parts, so that naming two candidates is not
naming one.
"""

import re
from typing import NamedTuple

from am_assets.stages.answers.notation import closing, is_function, without_spaces
from am_assets.stages.answers.numerals import leading_number
from am_assets.stages.answers.units import read_unit

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)")
_STATED = re.compile(
    r"(?:####\s*"
    r"|\b(?:final\s+)?answers?\b(?:\s+(?:to|for|of)\b[^.\n$:]{0,80}?)?[*_\s]*"
    r"(?:\b(?:is|are|was|would\s+be|should\s+be|equals)\b\s*(?:[:：]|\bthat\b)?|[:=：])[*_]*\s*"
    r"|(?:^|\n)[#*_\s]*final\s+answer[*_]*\s*\n+\s*"
    r"|(?:最终)?(?:答案|结果)(?:应该?)?\s*(?:是|为|：|:|=)+[*_]*\s*|^答\s*[:：]\s*"
    r"|^A:\s*)"
    r"(?=(?P<answer>[^\n]+))",
    re.IGNORECASE | re.MULTILINE,
)
# Weaker: a result may be one on the way.
_RESULT = re.compile(
    r"\b(?:final\s+)?(?:result|solution)s?\b(?:\s+(?:to|for|of)\b[^.\n$:]{0,80}?)?[*_\s]*"
    r"(?:\b(?:is|are|equals)\b\s*(?:[:：]|\bthat\b)?|[:=：])[*_]*\s*(?=(?P<answer>[^\n]+))",
    re.IGNORECASE,
)
_MARKER = re.compile(r"<\|[^|<>]{1,40}\|>|</s>")
_DISPLAY = re.compile(r"\\\[[^\[\]]{0,1000}?\\\]|\$\$[^$]{0,1000}?\$\$")
_INLINE = re.compile(
    r"\$\$(.+?)\$\$|(?<!\\)\$(?!\d[\d,.]*[^\w$\\^]*(?:[A-Za-z]{2,}|$))([^$\n]+?)(?<!\\)\$"
    r"|\\\((.+?)\\\)|\\\[(.+?)\\\]",
    re.DOTALL,
)
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.,^\\])(?:[$€£¥￥]\s*|(?<![\d)])[-−+])?\s*(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?"
    r"(?:\s*(?:%|percent))?(?![A-Za-z_^\d]|[.,]\d)"
)
_CONCLUDES = re.compile(
    r"(?:=|≈|\b(?:is|are|equals?|be|was|were|makes?|has|have|gets?|costs?|takes?|total(?:s|ling)?|of)\b"
    r"|[是为得有共剩花用需要于])\s*(?:(?:only|exactly|about|now|indeed|simply|just|then|equal"
    r"|a total of|to|left|了|共|就)\s*){0,3}$",
    re.IGNORECASE,
)
_JOINING = re.compile(
    r"(?:\s|\\[()\[\],;!:]|\$|\\quad|\\qquad|,|;|、|，|；|/|\\text\{\s*(?:or|and)\s*\}|\bor\b|\band\b"
    r"|\bperhaps\b|\bmaybe\b|\bpossibly\b|\balso\b|\beither\b|\balternatively\b|\*|或者?|和|以及)*",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\s*(?:not\b|n't\b|unknown\b|unclear\b|wrong\b|incorrect\b|不是|不)", re.IGNORECASE
)
_REASON = re.compile(
    r"\s*[,，(（]?\s*(?:because|since|as\b|which|where|when|for\b|so\b|by\b|due|根据|因为|由于|其中|\()",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(
    r"(?<=[^\d\s])[.。!！?？;；](?=\s|$|[\u4e00-\u9fff])|(?<=\d)[.。](?=\s|$)"
)
_UNIT_BEHIND = re.compile(
    r"\s?(?:[A-Za-zμ°]+(?:\s?/\s?[A-Za-z]+)?(?:\^?[23])?|[\u4e00-\u9fff]{1,4})"
)
_LIST_MARK = re.compile(r"^\s*(?:\d{1,2}[.)、:]\s+|[-*•]\s+|step\s+\d+\s*[:.]?\s*)", re.IGNORECASE)
_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|possibly|might|could be|either|guess|not sure|unsure|let'?s|try|wait)\b"
    r"|\?|？|可能|也许|或许|猜|吗",
    re.IGNORECASE,
)
_MAX_CANDIDATE, _MAX_READ, _MAX_BOXES, _MAX_BARE = 2000, 10_000, 50, 100
_MAX_LINE, _MAX_FILLER, _MAX_BEHIND = 400, 3, 800


class Answer(NamedTuple):
    """A final answer's text and where it was found."""

    text: str
    found: str


def final_answer(text: str, *, words: bool = False, last_number: bool = False) -> Answer | None:
    """The final answer of a solution: boxed, stated, the whole of a short text, or its conclusion.

    A conclusion is the last line where that has one number or formula, or says what something is
    or equals. With `words` a statement may be one without any number. With `last_number` the last
    number anywhere will do. None when the text offers none; never longer than 2,000 characters: a
    longer "answer" is none. Only the last 10,000 characters are read for anything but a box.
    """
    boxed = last_boxed(text)
    if boxed is not None:
        return _answer(boxed, "boxed")
    # Searching for pairs of marks is quadratic in hostile text.
    text = _MARKER.sub("", text[-_MAX_READ:])
    text = _DISPLAY.sub(lambda block: " ".join(block[0].split()), text)
    # An answer named long before the end may be one that was given up.
    stated = _stated(text[-_MAX_BEHIND:], _STATED, words)
    if stated is not None:
        return _answer(stated, "stated")
    stripped = text.strip()
    if stripped and "\n" not in stripped and len(stripped) <= _MAX_BARE and _is_bare(stripped):
        return _answer(stripped, "whole")
    concluded = _conclusion(stripped)
    if concluded is not None:
        return _answer(concluded, "conclusion")
    for pattern in (_STATED, _RESULT):
        stated = _stated(text, pattern, words)
        if stated is not None:
            return _answer(stated, "stated")
    if last_number:
        numbers = list(_NUMBER.finditer(text))
        if numbers and _stands_alone(text, numbers[-1]):
            return _answer(numbers[-1][0], "number")
    return None


def last_boxed(text: str) -> str | None:
    r"""Content of the last `\boxed{…}`, or of several side by side as a list."""
    boxes = _boxes(text)
    if not boxes:
        return None
    start, _, content = boxes[-1]
    contents = [content]
    for before_start, before_end, before in reversed(boxes[:-1]):
        between = text[before_end:start]
        if len(between) > 60 or not _JOINING.fullmatch(between):
            break
        contents.insert(0, before)
        start = before_start
    return _listed(contents)


def all_boxed(text: str) -> list[str]:
    r"""Contents of the last fifty `\boxed{…}`, each once."""
    unique = {without_spaces(content): content for _, _, content in _boxes(text)}
    return list(unique.values())


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
    if len(lines) > 1 or len(reference) > 200:
        stated = list(_STATED.finditer(reference[-_MAX_READ:]))
        if stated:
            return _statement(stated[-1]["answer"].strip())
    return reference.strip()


def _boxes(text: str) -> list[tuple[int, int, str]]:
    """Start, end and content of the last boxes whose braces close."""
    found: list[tuple[int, int, str]] = []
    for opening in list(_BOXED.finditer(text))[-_MAX_BOXES:]:
        # An escaped brace inside is no brace.
        masked = re.sub(r"\\[{}]", "  ", text[opening.end() : opening.end() + 4 * _MAX_CANDIDATE])
        end = closing(masked, 0)
        if end is not None:
            start = opening.end()
            found.append((opening.start(), start + end + 1, text[start + 1 : start + end]))
    # A box in a box: the inner one is not another answer.
    return [
        box
        for place, box in enumerate(found)
        if not any(other[0] < box[0] and box[1] <= other[1] for other in found[:place])
    ]


def _listed(contents: list[str]) -> str:
    unique = {without_spaces(content): content for content in contents}
    if len(unique) == 1:
        return contents[-1]
    return ", ".join(contents)


def _answer(text: str, found: str) -> Answer | None:
    text = text.strip()
    return Answer(text, found) if text and len(text) <= _MAX_CANDIDATE else None


def _has_value(statement: str) -> bool:
    if re.search(r"\d|\\|\$", statement):
        return True
    plain = statement.strip(" *_.").casefold()
    return leading_number(plain) is not None or bool(re.fullmatch(r"\(?[a-z]\)?", plain))


def _statement(text: str) -> str:
    """What a line "The answer is …" states: its formulas when it begins with one, else itself."""
    text = text.strip().strip("*_").strip()
    formula = _INLINE.match(text)
    if formula:
        return _formulas(text, formula)
    end = _SENTENCE_END.search(text)
    sentence = text[: end.start()] if end else text
    reason = re.search(r",?\s+(?:because|since|due to)\b|[,，]?\s*(?:因为|由于)", sentence)
    sentence = sentence[: reason.start()] if reason else sentence
    if _is_bare(sentence) or not _NUMBER.search(sentence):
        return _bare(sentence)
    return _only_value(sentence) or _bare(sentence)


def _bare(text: str) -> str:
    """A value without emphasis, end punctuation, and an aside in brackets."""
    text = text.strip(" *_").rstrip(".。 *_")
    return re.sub(r"(?<=[\d%}])\s+\([^()]*[A-Za-z]{3}[^()]*\)$", "", text)


def _formulas(text: str, first: re.Match[str]) -> str:
    """The formula that begins a statement, those that follow it as a list, and a short rest."""
    contents = [_inside(first)]
    position = first.end()
    while True:
        following = _INLINE.search(text, position)
        if following is None or not _JOINING.fullmatch(text[position : following.start()]):
            break
        contents.append(_inside(following))
        position = following.end()
    rest = text[position:].strip(" .。*_")
    if len(contents) > 1:
        return ", ".join(contents)
    if not rest or _REASON.match(rest) or len(rest) > 30:
        return contents[0]
    if re.match(r"(?:or|and|或|和)\b", rest):
        return f"{contents[0]} {rest}"
    end = _SENTENCE_END.search(rest + " ")
    return f"{contents[0]} {rest[: end.start()] if end else rest}".strip(" ,")


def _inside(formula: re.Match[str]) -> str:
    return next(group for group in formula.groups() if group)


def _stated(text: str, pattern: re.Pattern[str], words: bool) -> str | None:
    """The last statement of an answer that is one."""
    for match in reversed(list(pattern.finditer(text))):
        statement = match["answer"].strip()
        if not _DENIED.match(statement) and (words or _has_value(statement)):
            return _statement(statement)
    return None


def _conclusion(text: str) -> str | None:
    """What the last line with a value says, where it says one thing and little follows it."""
    lines = [line for line in text.splitlines() if re.search(r"\w", line)]
    for line in lines[: -_MAX_FILLER - 1 : -1]:
        if re.search(r"\d|\\[a-zA-Z(\[]|\$", line):
            return _only_value(_LIST_MARK.sub("", line[-_MAX_LINE:]).strip().replace("**", ""))
        if len(line) > _MAX_BARE:
            return None
    return None


def _only_value(line: str) -> str | None:
    """The one value of a line: its only formula or number, or the one it concludes with."""
    formulas = list(_INLINE.finditer(line))
    # Formulas blanked out, so that their digits are no numbers of the sentence.
    outside = _INLINE.sub(lambda formula: " " * len(formula[0]), line)
    numbers = [number for number in _NUMBER.finditer(outside) if _stands_alone(outside, number)]
    values = sorted([*formulas, *numbers], key=lambda match: match.start())
    if not values:
        return None
    last = values[-1]
    if re.search(r"[\d=]", outside[last.end() :]) or _HEDGE.search(_sentence(outside, last)):
        return None
    alone = len(values) == 1 and len(re.findall(r"\d+(?:[.,]\d+)*", outside)) <= 1
    if not alone and not _CONCLUDES.search(line[: last.start()]):
        # "$9 \cdot 2 = 18$" concludes by itself.
        return None if last in numbers or "=" not in _inside(last) else _inside(last)
    if last in numbers:
        return last[0] + _unit_behind(line, last.end())
    unit = _unit_behind(line, last.end())
    return _inside(last) + (unit if "=" not in _inside(last) else "")


def _sentence(line: str, value: re.Match[str]) -> str:
    """The sentence around a value."""
    ends = [end.end() for end in _SENTENCE_END.finditer(line[: value.start()])]
    return line[ends[-1] if ends else 0 :]


def _unit_behind(line: str, end: int) -> str:
    """The unit that stands behind a number, empty for anything else."""
    match = _UNIT_BEHIND.match(line, end)
    if match is None:
        return ""
    word = match[0]
    if not word.isascii():
        for length in range(len(word), 0, -1):
            if read_unit(word[:length].strip()) is not None:
                return word[:length]
        return ""
    return word if read_unit(word.strip()) is not None else ""


def _is_bare(text: str) -> bool:
    """Whether a line is an answer and no sentence: two words at most beside its formulas."""
    if text.count(r"\(") != text.count(r"\)") or text.count(r"\[") != text.count(r"\]"):
        return False
    # "一共18个" says what there are 18 of.
    if re.match(r"(?!百分之)[\u4e00-\u9fff]+[^\u4e00-\u9fff]*\d", text):
        return False
    # So does "x equals 5".
    lead = re.match(r"[A-Za-z]{2,}\b.*\d", text)
    if lead and not is_function(text):
        return False
    opened = re.sub(r"\\(?:text|mathrm|textbf|mbox)\s*\{[^{}]*\}", "", text)
    words = re.findall(r"(?<![^\W\d_\\])[^\W\d_]{2,}", opened)
    # Chinese writes its words together.
    characters = sum(not word.isascii() and len(word) for word in words)
    most = 4 if re.search(r"\d", opened) else 20
    return len(words) <= 2 and characters <= most and not _HEDGE.search(text)


def _stands_alone(text: str, number: re.Match[str]) -> bool:
    """Whether a number is no part of a larger expression."""
    before, after = text[: number.start()].rstrip(), text[number.end() :].lstrip()
    return not (before[-1:] in tuple("+-*/^(×·÷{\\") and before) and not (
        after[:1] in tuple("+-*/^=×·÷!") and after
    )
