"""Responses that upstream rows already carry: right ones, wrong answers and broken formats."""

from dataclasses import dataclass
from typing import Literal

from am_assets.core.protocol import render_response
from am_assets.mini.problems.code_families import FAMILIES as CODE_FAMILIES
from am_assets.mini.problems.code_problems import reference_code, same_results
from am_assets.mini.problems.problem import Problem
from am_assets.mini.problems.science_facts import FAMILIES as SCIENCE_FAMILIES
from am_assets.mini.problems.science_facts import SCALES

Defect = Literal["answer", "format"]


@dataclass(frozen=True)
class Response:
    """An existing response: its two parts (`answer` without box or fence), and as one raw text.

    `defect` says what is wrong with it, None if nothing is.
    """

    think: str
    answer: str
    raw: str
    defect: Defect | None


def existing_response(problem: Problem, index: int) -> Response:
    """The response of the honest row `index`: one in three is wrong.

    Two of the wrong science responses have a right answer but no closed thinking block.
    """
    right = _bare(problem)
    if (index // 4 + index // 12) % 3 != 1:
        return Response(problem.think, right, render_response(problem.think, right), None)
    if problem.kind == "science" and index in (33, 105):
        return Response(problem.think, right, f"<think>{problem.think} {right}", "format")
    wrong = _WRONG[problem.kind](problem, right, index)
    think = problem.think
    if problem.kind != "code":
        head, _, tail = think.rpartition(right)
        think = f"{head}{wrong}{tail}" if head else think
    return Response(think, wrong, render_response(think, wrong), "answer")


def _bare(problem: Problem) -> str:
    if problem.kind == "code":
        return problem.answer.removeprefix("```python\n").removesuffix("\n```")
    return problem.reference_answer or problem.answer


def _wrong_number(problem: Problem, right: str, index: int) -> str:
    return str(int(right) + (1, 10, 3)[index % 3])


def _wrong_phrase(problem: Problem, right: str, index: int) -> str:
    family = problem.skill.removeprefix("science:")
    answers = [
        answer
        for one in SCIENCE_FAMILIES
        if one.name == family
        for _, answer in one.facts
        if answer != right
    ]
    # In a comparison the other thing is wrong.
    answers = answers or [
        thing
        for name, _, _, things in SCALES
        if name == family
        for thing in things
        if thing != right and thing in problem.prompt
    ]
    return answers[index % len(answers)]


def _wrong_code(problem: Problem, right: str, index: int) -> str:
    family = next(one for one in CODE_FAMILIES if problem.skill == f"code:{one.name}")
    for other in CODE_FAMILIES:
        alike = (other.mode == "stdin") == (family.mode == "stdin") and other.data == family.data
        if not alike or other.name == family.name:
            continue
        code = reference_code(other, other.constants[0]).replace(
            f"def {other.fn}(", f"def {family.fn}("
        )
        assert problem.test_case is not None
        if not same_results(code, family, problem.test_case):
            return code
    raise ValueError(f"no wrong program found for {problem.skill}")


_WRONG = {"math": _wrong_number, "science": _wrong_phrase, "code": _wrong_code}
