"""Expressions that only a computer algebra system can compare: math-verify, and guards on it.

math-verify takes some unequal expressions for equal (it compares numbers to fifteen decimals, not
digits, and equations by their solutions), so what it accepts has to agree as numbers as well, to
many digits, with values in place of the symbols. What it rejects may be equal all the same when
simplification fails: it has to differ in numbers too.
"""

from functools import lru_cache
from typing import Any

import sympy
from math_verify import LatexExtractionConfig, verify
from math_verify.parser import latex2sympy, normalize_latex, should_treat_as_complex

_NORMALISED = LatexExtractionConfig().normalization_config
_DIGITS, _AGREE = 50, sympy.Float("1e-35", 20)
_POINTS = 4
# Beyond what anyone means as an answer; the parser takes time exponential in the depth.
_MAX_TEXT, _MAX_DEPTH = 1000, 12
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)


@lru_cache(maxsize=1024)
def parsed(text: str) -> Any:
    """What math-verify reads in plain LaTeX; None when nothing, or when it is too large."""
    if len(text) > _MAX_TEXT or _depth(text) > _MAX_DEPTH:
        return None
    try:
        normalised = normalize_latex(text, config=_NORMALISED)
        found = latex2sympy(
            normalised,
            is_real=not should_treat_as_complex(normalised),
            convert_degrees=False,
            normalization_config=None,
        )
    except (RecursionError, MemoryError):
        raise
    except Exception:
        # The parser raises whatever its grammar runs into: the text is none of its expressions.
        return None
    return found if isinstance(found, (sympy.Basic, sympy.MatrixBase)) else None


def same(gold: str, answer: str) -> bool | None:
    """Whether two expressions are equal; None when the gold or both are unreadable."""
    first = parsed(gold)
    if first is None:
        return None
    second = parsed(answer)
    if second is None or isinstance(first, sympy.Expr) != isinstance(second, sympy.Expr):
        return False
    if not isinstance(first, sympy.Expr):
        return bool(verify([first], [second], timeout_seconds=0))
    if first == second:
        return True
    agree = _agree(first, second)
    if agree is not None:
        return agree
    # Nothing to compare as numbers: only what simplifies to nothing is equal.
    if not verify([first], [second], timeout_seconds=0):
        return False
    return bool(sympy.simplify(first - second).is_zero)


def _agree(one: Any, other: Any) -> bool | None:
    """Whether two expressions have the same values; None when they have none to compare."""
    one, other = _opened(one), _opened(other)
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    if len(symbols) > len(_PRIMES):
        return None
    compared = 0
    for point in range(2 * _POINTS if symbols else 1):
        # Numbers without a relation to each other or to the expression.
        sign = -1 if point >= _POINTS else 1
        values = {
            symbol: sign * sympy.Rational(_PRIMES[(place + 3 * point) % len(_PRIMES)] + point, 7)
            for place, symbol in enumerate(symbols)
        }
        left, right = _number(one, values), _number(other, values)
        if left is None or right is None:
            continue
        # Below zero, roots and logarithms may take different branches of the same function.
        if sign < 0 and not (left.is_real and right.is_real):
            continue
        scale = max(abs(left), abs(right))
        if abs(left - right) > _AGREE * scale:
            return False
        compared += 1
    return True if compared else None


def _depth(text: str) -> int:
    """How deeply a text's brackets are nested."""
    deepest = depth = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _opened(expression: Any) -> Any:
    """An expression without marks of what is not to be evaluated yet."""
    return expression.replace(
        lambda part: isinstance(part, sympy.UnevaluatedExpr), lambda part: part.args[0]
    )


def _number(expression: Any, values: dict[Any, Any]) -> Any:
    number = expression.subs(values).evalf(_DIGITS, maxn=400)
    if not number.is_number or not number.has(sympy.Float, sympy.Integer, sympy.Rational):
        return None
    real, imaginary = number.as_real_imag()
    if not (real.is_Number and imaginary.is_Number and real.is_finite and imaginary.is_finite):
        return None
    return number
