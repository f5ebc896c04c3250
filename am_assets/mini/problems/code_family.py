"""Families of small Python tasks: what to do, the program that does it, and inputs to test it.

Slots of the texts: `k` a constant, `t` the data of the scene (for example "loaf counts"). A family
has a source wording and a benchmark wording; `code` is the body of the function over its argument
`x` or a whole program reading standard input.
"""

from dataclasses import dataclass
from typing import Literal

Data = Literal["number", "numbers", "text", "texts", "lines", "pair"]
Mode = Literal["function", "asserts", "stdin"]


@dataclass(frozen=True)
class CodeFamily:
    """One task family; `fn` is the function's name (empty for a program), `plan` the reasoning."""

    name: str
    mode: Mode
    data: Data
    fn: str
    source: str
    benchmark: str
    plan: str
    code: str
    constants: tuple[str, ...] = ("",)
    difficulty: str = "easy"
