r"""Exact algebra on short expressions: what can be decided without a computer algebra system.

An expression becomes a quotient of two polynomials with rational coefficients, in its symbols, π,
e, i and the square roots of primes, which reduce by i² = -1 and √p² = p. Two such quotients are
equal exactly when their cross products are. Anything else (functions, other roots, symbolic
powers) stands as an opaque symbol named by its arguments: expressions equal in such symbols are
equal, but of unequal ones nothing is known.
"""

import math
from fractions import Fraction
from typing import NamedTuple

Monomial = tuple[tuple[str, int], ...]
Polynomial = dict[Monomial, Fraction]

ONE: Polynomial = {(): Fraction(1)}
_MAX_TERMS, _MAX_BITS, _MAX_POWER, _MAX_LABEL = 150, 20_000, 60, 5000


class Undecided(Exception):
    """The text is no expression of this algebra, or too large for it."""


class Value(NamedTuple):
    """A quotient of polynomials."""

    top: Polynomial
    bottom: Polynomial

    @property
    def constant(self) -> Fraction | None:
        """The rational number this is, if it is one."""
        if self.bottom == ONE and len(self.top) <= 1:
            if not self.top:
                return Fraction(0)
            return self.top.get(())
        return None

    @property
    def opaque(self) -> bool:
        """Whether something stands in it as an opaque symbol."""
        return any(
            name[0] == "[" for polynomial in self for monomial in polynomial for name, _ in monomial
        )

    @property
    def symbols(self) -> set[str]:
        """Names of everything that is not a rational number."""
        return {name for polynomial in self for monomial in polynomial for name, _ in monomial}


def equal(one: Value, other: Value) -> bool | None:
    """Whether two values are equal; None when opaque symbols leave that open."""
    if one.bottom == other.bottom:
        same = one.top == other.top
    else:
        same = _times(one.top, other.bottom) == _times(other.top, one.bottom)
    if same or not (one.opaque or other.opaque):
        return same
    return None


def multiple(one: Value, other: Value) -> Fraction | None:
    """The rational number that `one` is `other` times; None when there is no such number."""
    if one.bottom == other.bottom:
        left, right = one.top, other.top
    else:
        left, right = _times(one.top, other.bottom), _times(other.top, one.bottom)
    if not left or left.keys() != right.keys():
        return None
    first = min(left)
    ratio = left[first] / right[first]
    same = all(right[monomial] * ratio == left[monomial] for monomial in left)
    return ratio if same else None


def minus(one: Value, other: Value) -> Value:
    """The difference of two values; raises Undecided when it grows too large."""
    return total(one, scaled(other, -1))


def renamed(value: Value, names: dict[str, str]) -> Value:
    """A value with symbols renamed, which must keep them distinct."""

    def rename(polynomial: Polynomial) -> Polynomial:
        return {
            tuple(sorted((names.get(name, name), power) for name, power in monomial)): number
            for monomial, number in polynomial.items()
        }

    return Value(rename(value.top), rename(value.bottom))


def of(number: Fraction) -> Value:
    """A rational number as a value."""
    return Value({(): number} if number else {}, ONE)


def approximate(value: Value, digits: int) -> Fraction | None:
    """A value without symbols but π, e and roots, to `digits` digits after the point."""
    import mpmath

    with mpmath.workdps(digits + 60):
        sums = []
        for polynomial in value:
            total = mpmath.mpf(0)
            for monomial, number in polynomial.items():
                term = mpmath.mpf(number.numerator) / number.denominator
                for name, power in monomial:
                    if name == "\\pi":
                        base = mpmath.pi
                    elif name == "e":
                        base = mpmath.e
                    elif name[0] == "√":
                        base = mpmath.sqrt(int(name[1:]))
                    else:
                        return None
                    term *= mpmath.mpf(base) ** power
                total += term
            sums.append(total)
        if not sums[1]:
            return None
        scale = 10 ** (digits + 20)
        return Fraction(int(mpmath.floor(sums[0] / sums[1] * scale)), scale)


def key(value: Value) -> tuple[object, ...]:
    """What names a value among the arguments of an opaque symbol."""
    return tuple(tuple(sorted(polynomial.items())) for polynomial in value)


def opaque(name: str, *inside: Value) -> Value:
    """A function of values, as a symbol of which only its sameness is known."""
    label = f"[{name}{[key(value) for value in inside]}]"
    if len(label) > _MAX_LABEL:
        raise Undecided
    return Value({((label, 1),): Fraction(1)}, ONE)


def scaled(value: Value, factor: Fraction | int) -> Value:
    """A value times a rational number."""
    if not factor:
        return Value({}, ONE)
    return Value(
        {monomial: number * factor for monomial, number in value.top.items()}, value.bottom
    )


def _sum(one: Polynomial, other: Polynomial) -> Polynomial:
    total = dict(one)
    for monomial, number in other.items():
        number += total.get(monomial, 0)
        if number:
            total[monomial] = number
        else:
            del total[monomial]
    if len(total) > _MAX_TERMS:
        raise Undecided
    return total


def total(one: Value, other: Value) -> Value:
    """The sum of two values; raises Undecided when it grows too large."""
    if one.bottom == other.bottom:
        return Value(_sum(one.top, other.top), one.bottom)
    top = _sum(_times(one.top, other.bottom), _times(other.top, one.bottom))
    return Value(top, _times(one.bottom, other.bottom))


def product(one: Value, other: Value) -> Value:
    """The product of two values; raises Undecided when it grows too large."""
    return Value(_times(one.top, other.top), _times(one.bottom, other.bottom))


def quotient(one: Value, other: Value) -> Value:
    """One value divided by another; raises Undecided for a zero divisor."""
    if not other.top:
        raise Undecided
    if len(other.top) == 1 and other.bottom == ONE:
        ((monomial, number),) = other.top.items()
        inverse = tuple((name, -power) for name, power in monomial)
        return product(one, Value(_reduced(inverse, 1 / number), ONE))
    return product(one, Value(other.bottom, other.top))


def _times(one: Polynomial, other: Polynomial) -> Polynomial:
    if one is ONE or one == ONE:
        return other
    if other is ONE or other == ONE:
        return one
    if len(one) * len(other) > _MAX_TERMS * 10:
        raise Undecided
    total: Polynomial = {}
    for left, first in one.items():
        for right, second in other.items():
            powers = dict(left)
            for name, power in right:
                powers[name] = powers.get(name, 0) + power
            product = first * second
            if product.numerator.bit_length() + product.denominator.bit_length() > _MAX_BITS * 8:
                raise Undecided
            total = _sum(total, _reduced(tuple(sorted(powers.items())), product))
    return total


def _reduced(monomial: Monomial, number: Fraction) -> Polynomial:
    """A term with i² = -1 and √p² = p applied."""
    kept: list[tuple[str, int]] = []
    for name, power in monomial:
        if not power:
            continue
        if name == "i":
            number *= -1 if power % 4 in (2, 3) else 1
            power %= 2
        elif name[0] == "√":
            number *= Fraction(int(name[1:])) ** (power // 2)
            power %= 2
        if power:
            kept.append((name, power))
    return {tuple(kept): number} if number else {}


def power(base: Value, exponent: Value) -> Value:
    """A value raised to another; raises Undecided when it grows too large."""
    number = exponent.constant
    if number is None:
        return opaque("pow", base, exponent)
    if number.denominator == 2 and base.constant is not None:
        return power(square_root(base), of(Fraction(number.numerator)))
    if number.denominator != 1:
        return opaque("pow", base, exponent)
    whole = int(number)
    constant = base.constant
    if constant is not None:
        if not constant:
            if whole <= 0:
                raise Undecided
            return base
        bits = max(constant.numerator.bit_length(), constant.denominator.bit_length())
        if constant not in (1, -1) and bits * abs(whole) > _MAX_BITS:
            return opaque("pow", base, exponent)
        return of(constant ** (whole % 2 if constant in (1, -1) else whole))
    if len(base.top) == 1 and base.bottom == ONE:
        ((monomial, coefficient),) = base.top.items()
        bits = max(coefficient.numerator.bit_length(), coefficient.denominator.bit_length())
        if bits * abs(whole) > _MAX_BITS:
            raise Undecided
        raised = tuple((name, times * whole) for name, times in monomial)
        return Value(_reduced(raised, coefficient**whole), ONE)
    if abs(whole) > _MAX_POWER:
        raise Undecided
    result = Value(ONE, ONE)
    for _ in range(abs(whole)):
        result = product(result, base)
    return result if whole >= 0 else quotient(Value(ONE, ONE), result)


def square_root(value: Value) -> Value:
    """The square root of a value; raises Undecided when it is a number beyond reach."""
    number = value.constant
    if number is None:
        return opaque("sqrt", value)
    # √(a/b) = √(ab) / b
    inside = abs(number.numerator) * number.denominator
    outside, factors = _squarefree(inside)
    powers = [(f"√{prime}", 1) for prime in factors]
    if number < 0:
        powers.append(("i", 1))
    if not number:
        return of(Fraction(0))
    return Value({tuple(sorted(powers)): Fraction(outside, number.denominator)}, ONE)


def _squarefree(number: int) -> tuple[int, list[int]]:
    """(r, primes) with number = r² times the product of the primes; raises Undecided."""
    whole = math.isqrt(number)
    if whole * whole == number:
        return whole, []
    if number.bit_length() > 200:
        raise Undecided
    outside, primes = 1, list[int]()
    divisor = 2
    while divisor * divisor <= number:
        if divisor > 2000:
            whole = math.isqrt(number)
            if whole * whole == number:
                return outside * whole, primes
            raise Undecided
        power = 0
        while number % divisor == 0:
            number //= divisor
            power += 1
        outside *= divisor ** (power // 2)
        if power % 2:
            primes.append(divisor)
        divisor += 1 if divisor == 2 else 2
    if number > 1:
        primes.append(number)
    return outside, primes
