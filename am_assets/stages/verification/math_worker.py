"""A worker process that compares two math answers: math-verify, then guards on what it accepts.

Reads one JSON pair a line from standard input and answers one JSON line. math-verify uses SIGALRM
and sympy can run for ever, so each comparison has an alarm here and a hard deadline in the parent.
The alarm counts CPU seconds, so that a busy machine changes no verdict.
"""

import json
import logging
import resource
import signal
import sys
from types import FrameType
from typing import Any

import sympy
from math_verify import LatexExtractionConfig, parse, verify

_MEMORY_BYTES = 3 << 30
_DIGITS = 40
_EXACT = sympy.Float("1e-30", 15)
_ROUNDED = sympy.Float("1e-5", 15)
_LATEX = [LatexExtractionConfig()]


class _OutOfTime(BaseException):
    """Not an Exception, so that no library swallows it."""


def compare(gold: str, answer: str) -> dict[str, Any]:
    """Whether `answer` equals `gold`.

    Gives {"gold": parsed?, "answer": parsed?, "equal": bool, "guard": why equality was refused}.
    """
    parsed_gold = _parse(gold)
    if not parsed_gold:
        return {"gold": False}
    parsed = _parse(answer)
    if not parsed:
        return {"gold": True, "answer": False, "equal": False, "guard": ""}
    equal = bool(verify(parsed_gold, parsed, timeout_seconds=0))
    guard = _guard(parsed_gold[0], parsed[0]) if equal else ""
    return {"gold": True, "answer": True, "equal": equal and not guard, "guard": guard}


def _parse(text: str) -> list[Any]:
    found = parse(f"${text}$", extraction_config=_LATEX, parsing_timeout=0)
    # Text alone means that no expression was understood.
    return found if found and not isinstance(found[0], str) else []


def _guard(gold: Any, answer: Any) -> str:
    """Why two expressions math-verify takes for equal are not, or the empty string."""
    gold_equation, answer_equation = isinstance(gold, sympy.Eq), isinstance(answer, sympy.Eq)
    if gold_equation and answer_equation:
        return "" if _same_equation(gold, answer) else "equation"
    if gold_equation:
        # "x = 5" against "5": only an assignment has one value.
        return "" if _assigns(gold) else "equation"
    # "2 + 3 = 5" states 5, "3x + 4y + 14 = 0" does not state 0.
    if answer_equation and not _assigns(answer) and not _holds(answer):
        return "equation"
    for one, other in _number_pairs(gold, _value(answer)):
        if not _close(one, other):
            return "number"
    return ""


def _value(expression: Any) -> Any:
    return expression.rhs if isinstance(expression, sympy.Eq) else expression


def _assigns(equation: Any) -> bool:
    """Whether the left side only names something: x, f(x), P(A), AB."""
    left = equation.lhs
    return (
        not left.is_number and not left.atoms(sympy.Number) - {sympy.Integer(1)} and not left.is_Add
    )


def _holds(equation: Any) -> bool:
    return not equation.lhs.free_symbols and _close(equation.lhs, equation.rhs)


def _same_equation(gold: Any, answer: Any) -> bool:
    if _assigns(gold) and _assigns(answer):
        return _comparable(gold.rhs, answer.rhs)
    ratio = sympy.simplify((gold.lhs - gold.rhs) / (answer.lhs - answer.rhs))
    return bool(ratio.is_number and ratio.is_finite and not ratio.is_zero)


def _comparable(one: Any, other: Any) -> bool:
    return all(_close(a, b) for a, b in _number_pairs(one, other))


def _number_pairs(gold: Any, answer: Any) -> list[tuple[Any, Any]]:
    """Pairs of plain numbers that stand in the same place of two expressions."""
    if _is_number(gold) and _is_number(answer):
        return [(gold, answer)]
    sequences = (sympy.Tuple, sympy.Interval)
    if isinstance(gold, sequences) and isinstance(answer, sequences):
        pairs = zip(gold.args, answer.args, strict=False)
        return [pair for one, other in pairs for pair in _number_pairs(one, other)]
    return []


def _is_number(expression: Any) -> bool:
    return isinstance(expression, sympy.Expr) and bool(expression.is_number)


def _close(one: Any, other: Any) -> bool:
    """Whether two numbers are the same: exactly, or to five digits where one is a decimal."""
    rounded = one.has(sympy.Float) or other.has(sympy.Float)
    # A percentage is an unevaluated product until asked.
    left, right = sympy.N(one.doit(), _DIGITS), sympy.N(other.doit(), _DIGITS)
    if not (left.is_finite and right.is_finite):
        return left == right
    difference = sympy.Abs(left - right)
    scale = sympy.Max(sympy.Abs(left), sympy.Abs(right))
    if scale == 0:
        return True
    return bool(difference <= (_ROUNDED if rounded else _EXACT) * scale)


def _alarm(_signal: int, _frame: FrameType | None) -> None:
    raise _OutOfTime


def main() -> None:
    """Serve comparisons until standard input closes."""
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    signal.signal(signal.SIGPROF, _alarm)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        try:
            signal.setitimer(signal.ITIMER_PROF, task["timeout_s"])
            answer = compare(task["gold"], task["answer"])
            signal.setitimer(signal.ITIMER_PROF, 0)
        except _OutOfTime:
            answer = {"timeout": True}
        except (MemoryError, RecursionError):
            signal.setitimer(signal.ITIMER_PROF, 0)
            answer = {"timeout": True}
        except Exception as problem:
            # A library error on hostile text: the parent tells the pair apart by asking for the
            # gold answer alone.
            signal.setitimer(signal.ITIMER_PROF, 0)
            answer = {"failed": type(problem).__name__}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
