"""The record every problem generator of the mini profile returns."""

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["math", "code", "science", "instruction", "chat"]
Split = Literal["train", "source", "benchmark"]


@dataclass(frozen=True)
class Problem:
    """One generated task with its gold reasoning and gold answer.

    `think` is the short reasoning a small model learns to write, `answer` the answer part alone.
    `test_case` and `constraints` follow the formats of `am-assets check`. `skill` names the
    template family that made the problem.
    """

    kind: Kind
    prompt: str
    think: str
    answer: str
    reference_answer: str | None
    test_case: dict[str, Any] | None
    constraints: list[dict[str, Any]] | None
    category: str
    difficulty: str
    skill: str
