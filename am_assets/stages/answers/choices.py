"""Multiple choice: the options of a question, a reference's letters, and what an answer chose."""

import re
from functools import lru_cache

from am_assets.stages.answers.notation import plain, without_spaces

_MACRO = r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|boxed|operatorname)\s*"
_OPTION = re.compile(
    rf"(?:^|(?<=[\s(（\[{{}}$~*]))(?:{_MACRO}\{{)?\**[(（\[]?([A-J])\**\s*[).:、．）\]]+\**\}}?"
)
_JOIN = r"(?:\s*(?:,|，|、|;|&|\band\b|和|与|及|\s)\s*)"
_LETTERS = rf"([A-J](?:{_JOIN}?[A-J])*)"
_ALONE = re.compile(
    rf"[(（\[]?\s*{_LETTERS}\s*[)）\]]?(?:\s*[.:)、，．）]\s*(?P<rest>.*)|\s*)", re.DOTALL
)
_WORDS = (
    "because", "since", "as", "and", "or", "is", "for", "due", "option", "choice", "which", "with",
)  # fmt: skip
_ARTICLE = re.compile(rf"A\s+(?!(?:{'|'.join(_WORDS)})\b)[a-z]")
_OPENING = r"[*$\s]*(?:\\\(|\\\[)?\s*(?:" + _MACRO + r"\{)*\s*[(（\[]?\s*"
_STATED = re.compile(
    r"(?:(?:answers?|options?|choices?)\s*(?:is|are|:|=|：|would\s+be|should\s+be)[*_]*\s*(?:[:：]\s*)?"
    r"(?:options?\s+|choices?\s+|indeed\s+|clearly\s+)*"
    r"|(?:答案|选项)\s*(?:应该?)?(?:是|为|选|：|:)+\s*|(?:故|所以|应|因此)?选\s*(?:择|项|：|:)*\s*)"
    + _OPENING
    + r"(?-i:(?P<letters>[A-J](?:\s*(?:,|，|、|&|\band\b|\bor\b|和|或|与|及|/|\s)?\s*"
    + r"[A-J](?![a-z]))*)(?![A-Za-z'’]))",
    re.IGNORECASE,
)
_SAID_CORRECT = re.compile(
    r"(?:options?|choices?|选项)?\s*[(（]?([A-J])[)）]?\**\s+(?:is|are)\s+(?:the\s+)?(?:correct|right)"
    r"|选项\s*([A-J])\s*(?:是)?正确"
)
_HEDGED = re.compile(r"[A-J]\s*[)）]?\s*(?:\bor\b|或者?|/)\s*[(（]?\s*[A-J](?![a-z])")
_MAX_READ, _MAX_PROMPT, _MAX_STARTS = 10_000, 20_000, 20


@lru_cache(maxsize=256)
def options_of(prompt: str) -> dict[str, str]:
    """The options a prompt lists, by letter; empty unless it lists A and B, in order."""
    prompt = prompt[-_MAX_PROMPT:]
    markers = [(match[1], match.start(), match.end()) for match in _OPTION.finditer(prompt)]
    # "3000 A." in a question is no option where options begin lines.
    lines = [marker for marker in markers if _begins_line(prompt, marker[1])]
    found = _longest_run(lines) or _longest_run(markers)
    if not found:
        return {}
    ends = [start for _, start, _ in found[1:]] + [len(prompt)]
    texts = {letter: prompt[start:end] for (letter, _, start), end in zip(found, ends, strict=True)}
    last = found[-1][0]
    texts[last] = re.split(r"\n\s*\n", texts[last])[0]
    return {letter: _folded(text) for letter, text in texts.items()}


def _begins_line(prompt: str, start: int) -> bool:
    line = prompt.rfind("\n", max(0, start - 30), start) + 1 or (0 if start < 30 else -1)
    return line >= 0 and not prompt[line:start].strip(" $*({[")


def _longest_run(markers: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """The longest run A, B, C, … among markers, of two or more; the last of equals."""
    best: list[tuple[str, int, int]] = []
    starts = [place for place, marker in enumerate(markers) if marker[0] == "A"]
    for place in starts[:_MAX_STARTS]:
        run: list[tuple[str, int, int]] = []
        for marker in markers[place:]:
            if marker[0] == chr(ord("A") + len(run)):
                run.append(marker)
        if len(run) >= max(2, len(best)):
            best = run
    return best


def reference_letters(reference: str) -> frozenset[str] | None:
    """Letters of a multiple-choice reference: "B", "(B)", "B. text", "ABD", "A, C"."""
    text = _opened(reference)
    match = _ALONE.fullmatch(text)
    if match is None or not _distinct(match[1]):
        return None
    if match["rest"] and len(_letters(match[1])) > 1:
        return None
    return _letters(match[1])


def chosen_letters(
    answer: str, boxed: str | None, options: dict[str, str]
) -> frozenset[str] | None:
    """Letters an answer settles on: boxed, last stated or leading; None when there are none.

    Empty when it settles on none in particular ("A or B"). The text of exactly one option is as
    good as its letter.
    """
    if boxed is not None:
        return _in_box(boxed, options)
    answer = answer[-_MAX_READ:]
    stated = [match for match in _STATED.finditer(answer) if not _is_article(answer, match)]
    if stated:
        letters = stated[-1]["letters"]
        behind = answer[stated[-1].start("letters") : stated[-1].end() + 20]
        if _HEDGED.match(behind) or _HEDGED.search(letters):
            return frozenset()
        return _letters(letters)
    lines = [line.strip() for line in answer.strip().splitlines() if line.strip()]
    for line in (lines[0], lines[-1]) if lines else ():
        opened = _opened(line)
        match = _ALONE.fullmatch(opened)
        if match and not _ARTICLE.match(opened):
            return frozenset() if _HEDGED.search(match["rest"] or "") else _letters(match[1])
    said = _SAID_CORRECT.findall(answer)
    if said:
        return frozenset(said[-1][0] or said[-1][1])
    return _by_text(answer, options) if len(lines) == 1 else None


def is_multiple_choice(prompt: str) -> bool:
    """Whether a prompt lists at least the options A and B."""
    return bool(options_of(prompt))


def _in_box(boxed: str, options: dict[str, str]) -> frozenset[str] | None:
    text = _opened(boxed)
    if _HEDGED.search(text):
        return frozenset()
    match = _ALONE.fullmatch(
        re.sub(r"^(?:Options?|Choices?|选项?)\s*:?\s*", "", text, flags=re.IGNORECASE)
    )
    if match and _distinct(match[1]):
        return _letters(match[1])
    return _by_text(boxed, options)


def _by_text(answer: str, options: dict[str, str]) -> frozenset[str] | None:
    wanted = _folded(answer)
    found = [letter for letter, text in options.items() if text and text == wanted]
    return frozenset(found) if len(found) == 1 else None


def _is_article(answer: str, match: re.Match[str]) -> bool:
    letters = match["letters"].strip()
    return letters == "A" and bool(_ARTICLE.match(answer[match.start("letters") :]))


def _opened(text: str) -> str:
    r"""Text without `\text{…}`, marks of mathematics, emphasis and braces."""
    text = re.sub(_MACRO + r"(?=\{)", "", text.strip())
    text = text.replace("\\(", " ").replace("\\)", " ").replace("\\ ", " ")
    return re.sub(r"[{}$*]", "", text).strip(" .。\t\n")


def _letters(text: str) -> frozenset[str]:
    return frozenset(re.findall("[A-J]", re.sub(r"\b(?:and|or)\b", " ", text, flags=re.IGNORECASE)))


def _distinct(text: str) -> bool:
    letters = re.findall("[A-J]", text)
    return len(set(letters)) == len(letters)


def _folded(text: str) -> str:
    return without_spaces(plain(_opened(text))).casefold()
