"""One answer against one reference: found, brought into form, compared. Pure; runs in a worker."""

import re
from typing import Any

from am_assets.stages.answers import choices
from am_assets.stages.answers.final_answer import (
    Answer,
    all_boxed,
    final_answer,
    gold_answer,
    last_boxed,
)
from am_assets.stages.answers.notation import plain, without_spaces
from am_assets.stages.verification.math import symbolic as math_symbolic
from am_assets.stages.verification.math.compare import difference
from am_assets.stages.verification.math.exact import Undecided
from am_assets.stages.verification.math.forms import (
    Equation,
    Form,
    Group,
    Inequality,
    Leaf,
    Malformed,
    Matrix,
    Union,
    Words,
)
from am_assets.stages.verification.math.found import Found
from am_assets.stages.verification.math.question import Question, question_of
from am_assets.stages.verification.math.reading import form_of

MAX_GOLD = 2000
_PLAIN_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+%?")
_FRACTION = re.compile(r"[-+]?(?:\d+/\d+|\\frac\{?\d+\}?\{?\d+\}?)")
_UNEVALUATED = re.compile(r"[\d)}!]\s*(?:[-+*]|\\times|\\cdot|\\div)\s*[\d(\\]")
_POWER_OF_TEN = re.compile(r"(?:\\times|\\cdot|\*)\s*10\s*\^")
_SIMPLIFY = re.compile(r"simplif|reduc|lowest terms|simplest|化简|约分|最简", re.IGNORECASE)


class _Unreadable(Exception):
    """The gold answer is nothing that can be compared."""


def assess(prompt: str, answer: str, reference: str, last_number: bool) -> Found:
    """Compare the final answer of `answer` with that of `reference`."""
    gold_text = gold_answer(reference)
    if not gold_text or len(gold_text) > MAX_GOLD:
        return _unverifiable()
    options = choices.options_of(prompt)
    letters = choices.reference_letters(gold_text)
    if letters is not None and options:
        return _choice(letters, answer, options)
    gold_plain = plain(gold_text)
    question = question_of(prompt)
    try:
        gold = form_of(gold_plain, question.context)
    except (Malformed, Undecided):
        gold = None
    words = isinstance(gold, Words) or letters is not None
    found = final_answer(answer, words=words, last_number=last_number)
    if found is None:
        if gold is None or not _readable(gold):
            return _unverifiable()
        return Found("fail", "no_answer", {})
    evidence = {"extracted": found.text[:200], "found": found.found, "gold": gold_plain[:200]}
    answer_plain = plain(found.text)
    if _identical(gold_plain, answer_plain):
        return Found("pass", "", {"rule": "identical", **evidence})
    if letters and len(letters) == 1 and choices.reference_letters(found.text) == letters:
        return Found("pass", "", {"rule": "letter", **evidence})
    if gold is None:
        return _unverifiable(**evidence)
    if options:
        # The letter of an option stands for its text.
        chosen = choices.chosen_letters(answer, last_boxed(answer), options)
        if chosen is not None and len(chosen) == 1:
            answer_plain = plain(options.get(next(iter(chosen)), answer_plain))
    try:
        name, rule = _compare(gold, answer_plain, question)
        if name and found.found == "boxed":
            name = _part_by_part(gold, answer, question) or name
    except _Unreadable:
        return _unverifiable(**evidence)
    if name == "same":
        name = ""
    if not name:
        name = _evasion(answer_plain, gold, question)
    if not name:
        return Found("pass", "", {"rule": rule, **evidence})
    if not _readable(gold):
        return _unverifiable(**evidence)
    return Found("fail", "wrong_answer", {"rule": rule, "guard": name, **evidence})


def gold_is_readable(prompt: str, reference: str) -> bool:
    """Whether a reference alone is an answer that can be compared with."""
    gold_text = gold_answer(reference)
    if not gold_text or len(gold_text) > MAX_GOLD:
        return False
    try:
        return _readable(form_of(plain(gold_text), question_of(prompt).context))
    except (Malformed, Undecided):
        return False


def _unverifiable(**evidence: Any) -> Found:
    return Found("unverifiable", "unparseable_reference", evidence)


def _choice(letters: frozenset[str], answer: str, options: dict[str, str]) -> Found:
    boxed = last_boxed(answer)
    chosen = choices.chosen_letters(answer, boxed, options)
    if chosen is None:
        found = final_answer(answer, words=True)
        if found is not None:
            chosen = choices.chosen_letters(found.text, found.text, options)
            chosen = _by_value(found, options) if chosen is None else chosen
    if chosen is None:
        return Found("fail", "no_answer", {"rule": "choice"})
    evidence = {"rule": "choice", "extracted": "".join(sorted(chosen))}
    if chosen == letters:
        return Found("pass", "", evidence)
    return Found("fail", "wrong_answer", evidence)


def _by_value(found: Answer, options: dict[str, str]) -> frozenset[str] | None:
    """The one option whose value an answer is."""
    question = question_of("")
    equal: list[str] = []
    for letter, text in options.items():
        try:
            if not _compare(form_of(text, question.context), plain(found.text), question)[0]:
                equal.append(letter)
        except (Malformed, Undecided, _Unreadable):
            continue
    return frozenset(equal) if len(equal) == 1 else None


def _identical(gold: str, answer: str) -> bool:
    """Whether two texts are the same but for spaces, and say something."""
    if without_spaces(gold) != without_spaces(answer):
        return False
    masked = re.sub(r"\\[{}]", "", gold)
    return bool(re.search(r"\w", gold)) and masked.count("{") == masked.count("}")


def _compare(gold: Form, answer: str, question: Question) -> tuple[str, str]:
    """The name of the first difference and what decided it."""
    asked: list[str] = []

    def symbolic(one: str, other: str) -> bool | None:
        asked.append(one)
        equal = math_symbolic.same(one, other)
        if equal is None:
            raise _Unreadable
        return equal

    def compared(form: Form, context: Any) -> str:
        return difference(form, form_of(answer, context), question, symbolic)

    try:
        name = compared(gold, question.context)
        if name and re.search(r"\d,\d{3}", answer):
            # "100,200" may be two numbers.
            name = compared(gold, question.context._replace(grouped=False)) or "same"
            name = "" if name == "same" else name
    except (Malformed, Undecided):
        name = "unreadable"
    return name, "math-verify" if asked else "exact"


def _part_by_part(gold: Form, answer: str, question: Question) -> str:
    """ "same" when the answer boxes each item of a gold list by itself, in order."""
    if not isinstance(gold, Group) or gold.bracket not in ("list", "()", "{}"):
        return ""
    boxes = all_boxed(answer)
    if len(boxes) != len(gold.items) or len(boxes) < 2:
        return ""
    for item, box in zip(gold.items, boxes, strict=True):
        if _compare(item, plain(box), question)[0]:
            return ""
    return "same"


def _evasion(answer: str, gold: Form, question: Question) -> str:
    """Why an equal expression is no answer: it repeats the question or leaves it uncomputed."""
    if _PLAIN_NUMBER.fullmatch(answer) or isinstance(gold, Words | Union):
        return ""
    if isinstance(gold, Leaf) and _PLAIN_NUMBER.fullmatch(without_spaces(gold.text)):
        try:
            form = form_of(answer, question.context)
        except (Malformed, Undecided):
            form = None
        computed = form.text if isinstance(form, Leaf) else answer.rpartition("=")[2]
        letters = re.sub(r"\\[A-Za-z]+|[ei]", "", computed) if isinstance(form, Leaf) else ""
        bare = _POWER_OF_TEN.sub("", computed)
        # A product of powers may be the better way to write a number; a sum of digits is none.
        written = re.search(r"\\frac|[,^!]", bare)
        if re.search("[A-Za-z]", letters) or (_UNEVALUATED.search(bare) and not written):
            return "unevaluated"
    if isinstance(gold, Leaf | Equation | Inequality | Matrix):
        bare = without_spaces(answer)
        fraction = _FRACTION.fullmatch(bare)
        meant = not fraction or _SIMPLIFY.search(question.prompt)
        if meant and re.search(r"\\|(?<!^)[-+*/^=<>]", bare) and question.names(answer):
            return "restates"
    return ""


def _readable(form: Form) -> bool:
    """Whether all of a form's expressions are understood."""
    match form:
        case Leaf():
            if form.value is not None or form.text in (r"\infty", r"-\infty", r"+\infty"):
                return True
            return math_symbolic.parsed(form.text) is not None
        case Group() | Union():
            return all(map(_readable, form.items))
        case Matrix():
            return all(_readable(cell) for row in form.rows for cell in row)
        case Equation():
            return all(map(_readable, form.sides))
        case Inequality():
            return all(math_symbolic.parsed(side) is not None for side in form.sides)
        case _:
            return True
