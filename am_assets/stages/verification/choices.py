"""Multiple choice: a letter as reference, and the letter an answer settles on."""

import re

_REFERENCE = re.compile(r"\(?\s*([A-J])\s*\)?(?:\s*[.:、)].*)?", re.DOTALL)
_BOXED_LETTER = re.compile(
    r"(?:\\(?:text|textbf|mathrm|mathbf)\s*\{)?\s*\(?\s*([A-J])\s*\)?\s*(?:[.:)、].*|\}.*)?$",
    re.DOTALL,
)
_STATED = re.compile(
    r"(?:(?:answer|option|choice)\s*(?:is|:|=|：)?|答案\s*(?:是|为|选|：|:)*|故?选\s*(?:择|：|:)?)\s*"
    r"[*$\s]*(?:\\(?:text|textbf|mathrm|mathbf|boxed)\s*\{)*\s*[(（]?\s*([A-J])(?![A-Za-z'’])",
    re.IGNORECASE,
)
_LEADING = re.compile(r"[*\s]*[(（]?\s*([A-J])\s*(?:[)）.:、,]|\*|$)")


def reference_letter(reference: str) -> str | None:
    """The letter of a multiple-choice reference: "B", "(B)", "B. text"; None for anything else."""
    match = _REFERENCE.fullmatch(reference.strip().strip("$"))
    return match[1] if match else None


def chosen_letter(answer: str, boxed: str | None) -> str | None:
    """The letter an answer settles on: boxed, last stated, or leading; None when there is none."""
    if boxed is not None:
        match = _BOXED_LETTER.match(boxed.strip())
        return match[1] if match else None
    stated = [letter for letter in _STATED.findall(answer) if letter.isupper()]
    if stated:
        return stated[-1]
    lines = [line for line in answer.strip().splitlines() if line.strip()]
    for line in (lines[0], lines[-1]) if lines else ():
        match = _LEADING.match(line.strip())
        if match:
            return match[1]
    return None


def is_multiple_choice(prompt: str) -> bool:
    """Whether a prompt lists at least the options A and B."""
    return all(re.search(rf"(?:^|[\s(（\[]){x}\s*[).:、．）\]]", prompt) for x in "AB")
