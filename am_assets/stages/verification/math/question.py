"""What a question says about how its answer is to be read."""

import re
from dataclasses import dataclass
from functools import lru_cache

from am_assets.stages.answers.notation import plain
from am_assets.stages.answers.units import Unit, read_unit
from am_assets.stages.verification.math.forms import Context

_MAX_READ, _MAX_TOKENS = 20_000, 200
_OPERATORS = tuple("+-*/^_=<>\\")
_PERCENT = re.compile(
    r"percent|百分|what\s+%|\bin\s+\\?%|as\s+a\s+\\?%|\\?%\s*\??\s*$", re.IGNORECASE
)
_ORDERED = re.compile(
    r"\bin (?:\w+ )?order\b|\border(?:ed|ing)?\b|respectively|\bfrom (?:least|smallest|lowest|"
    r"greatest|largest|highest)|ascending|descending|increasing|decreasing|依次|分别|从小到大|从大到小|顺序",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"\(\s*[a-zA-Z\\]\w*\s*,\s*[a-zA-Z\\]\w*|ordered (?:pair|triple|tuple)|coordinates?|\bpoints?\b"
    r"|\bvertex\b|坐标|有序|\bvector",
    re.IGNORECASE,
)
_RATIO = re.compile(r"\bratio\b|proportion|\bodds\b|比例|之比|的比", re.IGNORECASE)
_BASE = re.compile(r"\bbase|binary|octal|hexadecimal|_\{?\d|进制", re.IGNORECASE)
_INTEGRAL = re.compile(r"\\int|integral|antiderivative|primitive|积分|原函数", re.IGNORECASE)
_LETTER = re.compile(r"(?<![A-Za-z\\\d])(?<!\d )([A-Za-z])(?![A-Za-z'’])")
_ASKED = re.compile(
    r"(?:how many|多少|number of|in(?: terms of)?|几)\s*(?:\\text\s*\{)?\s*"
    r"((?:square |cubic )?[A-Za-z]{2,}(?: per [A-Za-z]+)?|[\u4e00-\u9fff]{1,4})",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Question:
    """Cues of a question; each only decides between readings of an answer."""

    prompt: str
    context: Context
    percent: bool
    ordered: bool
    pair: bool
    based: bool
    integral: bool
    unit: Unit | None

    def names(self, text: str) -> bool:
        """Whether the question itself writes an expression, standing alone."""
        return _stands_in(text, _readable(self.prompt))


@lru_cache(maxsize=512)
def question_of(prompt: str) -> Question:
    """The cues of a prompt, of which the last 20,000 characters are read."""
    prompt = prompt[-_MAX_READ:]
    ratio = bool(_RATIO.search(prompt))
    letters = frozenset(_LETTER.findall(prompt)) - {"a", "A", "I"}
    return Question(
        prompt=prompt,
        context=Context(letters=letters, ratio=ratio),
        percent=bool(_PERCENT.search(prompt)),
        ordered=bool(_ORDERED.search(prompt)),
        pair=bool(_PAIR.search(prompt)),
        based=bool(_BASE.search(prompt)),
        integral=bool(_INTEGRAL.search(prompt)),
        unit=_asked_unit(prompt),
    )


def _asked_unit(prompt: str) -> Unit | None:
    """The one unit that a question asks for ("How many minutes …"), None unless it is one."""
    asked = {unit for name in _ASKED.findall(prompt) if (unit := _unit(name)) is not None}
    return asked.pop() if len(asked) == 1 else None


def _unit(name: str) -> Unit | None:
    if not name.isascii():
        units = [read_unit(name[:length]) for length in range(len(name), 0, -1)]
        return next((unit for unit in units if unit is not None), None)
    unit = read_unit(name)
    return unit if unit is not None and unit.dimension else None


@lru_cache(maxsize=64)
def _readable(prompt: str) -> str:
    return plain(prompt.replace("$", " ").replace(r"\(", " ").replace(r"\)", " "))


def _stands_in(text: str, prompt: str) -> bool:
    tokens = re.findall(r"\\[A-Za-z]+|[^\s{}]", text)[:_MAX_TOKENS]
    if not tokens:
        return False
    pattern = re.compile(r"[\s{}]*".join(map(re.escape, tokens)))
    for match in pattern.finditer(prompt):
        before, after = prompt[: match.start()], prompt[match.end() :]
        joined = before[-1:].isalnum() and tokens[0][0].isalnum()
        joined |= after[:1].isalnum() and tokens[-1][-1].isalnum()
        operators = before.rstrip(" {")[-1:] in _OPERATORS or after.lstrip(" }")[:1] in _OPERATORS
        if not joined and not (operators and before and after):
            return True
    return False
