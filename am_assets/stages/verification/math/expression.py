"""Reading expressions in plain LaTeX into the exact algebra."""

import math
import re
from fractions import Fraction

from am_assets.stages.verification.math import exact
from am_assets.stages.verification.math.exact import Undecided, Value

_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.\d+|\d+\.(?!\d)|\.\d+|\d+)(?:[eE][+-]?\d+(?![\d.]))?)"
    r"|(?P<command>\\[A-Za-z]+|\\[{}|])|(?P<letter>[A-Za-z])|(?P<sign>[-+*/^_!(){}\[\]|'])"
    r"|(?P<space>\s+)"
)
_MAX_TOKENS, _MAX_DEPTH, _MAX_FACTORIAL = 400, 40, 5000
_CALLS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "sinh",
        "cosh",
        "tanh",
        "arcsin",
        "arccos",
        "arctan",
        "ln",
        "log",
        "lg",
        "exp",
    ]
)
_GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "varepsilon",
        "zeta",
        "eta",
        "theta",
        "vartheta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "rho",
        "sigma",
        "tau",
        "phi",
        "varphi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Sigma",
        "Phi",
        "Psi",
        "Omega",
        "ell",
        "infty",
    ]
)


def read(text: str) -> Value:
    """The value of a text in plain LaTeX; raises Undecided."""
    tokens = _tokens(text)
    if not tokens:
        raise Undecided
    reader = _Reader(tokens)
    value = reader.sum(0)
    if reader.position != len(tokens):
        raise Undecided
    return value


def literal(text: str) -> Fraction:
    """A number's exact value; raises Undecided for what is out of reach."""
    digits, _, exponent = text.replace("E", "e").partition("e")
    if len(digits) > 2000 or (exponent and abs(int(exponent)) > 2000):
        raise Undecided
    number = Fraction(digits.rstrip(".") if digits.endswith(".") else digits)
    return number * Fraction(10) ** int(exponent) if exponent else number


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or len(tokens) > _MAX_TOKENS:
            raise Undecided
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append((kind, match[0]))
        elif tokens and tokens[-1][0] == "number" and text[match.end()].isdigit():
            # Two numbers side by side: no product.
            raise Undecided
        position = match.end()
    return tokens


class _Reader:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self.position = 0
        self._bars = 0

    def _peek(self) -> str:
        return self._tokens[self.position][1] if self.position < len(self._tokens) else ""

    def _kind(self) -> str:
        return self._tokens[self.position][0] if self.position < len(self._tokens) else ""

    def _take(self, wanted: str) -> bool:
        if self._peek() == wanted:
            self.position += 1
            return True
        return False

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise Undecided

    def sum(self, depth: int) -> Value:
        if depth > _MAX_DEPTH:
            raise Undecided
        negative = False
        while self._peek() in ("+", "-"):
            negative ^= self._peek() == "-"
            self.position += 1
        total = self._product(depth)
        if negative:
            total = exact.scaled(total, -1)
        while self._peek() in ("+", "-"):
            minus_sign = self._take("-") or not self._take("+")
            if self._peek() in ("+", "-"):
                raise Undecided
            term = self._product(depth)
            total = exact.total(total, exact.scaled(term, -1) if minus_sign else term)
        return total

    def _product(self, depth: int) -> Value:
        total = self._power(depth)
        slashed = False
        while True:
            sign = self._peek()
            if sign in ("*", r"\times", r"\cdot"):
                self.position += 1
                if self._take("-"):
                    total = exact.scaled(total, -1)
                total = exact.product(total, self._power(depth))
            elif sign in ("/", r"\div"):
                self.position += 1
                total = exact.quotient(total, self._power(depth))
                slashed = True
            elif self._starts_factor():
                # 1/2x may mean either.
                if slashed:
                    raise Undecided
                if self._kind() == "number":
                    raise Undecided
                total = exact.product(total, self._power(depth))
            else:
                return total

    def _starts_factor(self) -> bool:
        kind, text = self._kind(), self._peek()
        if kind in ("number", "letter"):
            return True
        if kind == "command":
            return text[1:] in _CALLS | _GREEK | {"pi", "frac", "sqrt", "binom"}
        return text in ("(", "{", "[") or (text == "|" and not self._bars)

    def _power(self, depth: int) -> Value:
        base = self._factorial(depth)
        if not self._take("^"):
            return base
        return exact.power(base, self._exponent(depth))

    def _factorial(self, depth: int) -> Value:
        base = self._atom(depth)
        if not self._take("!"):
            return base
        number = base.constant
        if self._peek() == "!":
            raise Undecided
        if number is not None and number.denominator == 1 and 0 <= number <= _MAX_FACTORIAL:
            return exact.of(Fraction(math.factorial(int(number))))
        return exact.opaque("!", base)

    def _exponent(self, depth: int) -> Value:
        if self._take("-"):
            return exact.scaled(self._exponent(depth), -1)
        if self._take("+"):
            return self._exponent(depth)
        if self._peek() in ("{", "(") or self._kind() in ("number", "letter", "command"):
            return self._atom(depth)
        raise Undecided

    def _atom(self, depth: int) -> Value:
        kind, text = self._kind(), self._peek()
        self.position += 1
        if kind == "number":
            return self._number(text)
        if kind == "letter":
            return self._symbol(text)
        if kind == "command":
            return self._command(text[1:], depth)
        if text in ("(", "{", "["):
            value = self.sum(depth + 1)
            self._need({"(": ")", "{": "}", "[": "]"}[text])
            return value
        if text == "|" and not self._bars:
            self._bars += 1
            value = self.sum(depth + 1)
            self._need("|")
            self._bars -= 1
            number = value.constant
            return exact.of(abs(number)) if number is not None else exact.opaque("abs", value)
        raise Undecided

    def _number(self, text: str) -> Value:
        number = literal(text)
        # 2\frac{1}{3} is a mixed number.
        if self._peek() == r"\frac" and text.isdigit():
            before = self.position
            self.position += 1
            top, bottom = self._argument_digits(), self._argument_digits()
            if top is None or bottom is None:
                self.position = before
                return exact.of(number)
            if not top < bottom:
                raise Undecided
            return exact.of(number + Fraction(top, bottom))
        return exact.of(number)

    def _argument_digits(self) -> int | None:
        r"""An argument of `\frac` that is digits only."""
        if self._kind() == "number" and len(self._peek()) <= 2 and self._peek().isdigit():
            digits = self._peek()
            if len(digits) == 2:
                # \frac12
                self._tokens[self.position] = ("number", digits[1])
                return int(digits[0])
            self.position += 1
            return int(digits)
        if self._peek() == "{" and self.position + 2 < len(self._tokens):
            (kind, digits), (_, end) = self._tokens[self.position + 1 : self.position + 3]
            if kind == "number" and digits.isdigit() and end == "}" and len(digits) < 100:
                self.position += 3
                return int(digits)
        return None

    def _symbol(self, name: str) -> Value:
        if self._peek() == "'":
            raise Undecided
        if self._take("_"):
            name += "_" + self._subscript()
        elif name in "fgh" and self._peek() == "(":
            raise Undecided
        return Value({((name, 1),): Fraction(1)}, exact.ONE)

    def _subscript(self) -> str:
        if not self._take("{"):
            if self._kind() not in ("number", "letter"):
                raise Undecided
            self.position += 1
            return self._tokens[self.position - 1][1]
        parts: list[str] = []
        while not self._take("}"):
            if self._peek() in ("", "{"):
                raise Undecided
            parts.append(self._peek())
            self.position += 1
        return "".join(parts)

    def _command(self, name: str, depth: int) -> Value:
        if name == "pi":
            return Value({(("\\pi", 1),): Fraction(1)}, exact.ONE)
        if name in _GREEK:
            return self._symbol("\\" + name)
        if name == "frac":
            top = self._argument(depth)
            return exact.quotient(top, self._argument(depth))
        if name == "binom":
            top, bottom = self._argument(depth).constant, self._argument(depth).constant
            if top is None or bottom is None or max(top.denominator, bottom.denominator) > 1:
                raise Undecided
            if not 0 <= bottom <= top <= _MAX_FACTORIAL:
                raise Undecided
            return exact.of(Fraction(math.comb(int(top), int(bottom))))
        if name == "sqrt":
            return self._root(depth)
        if name in _CALLS:
            return self._call(name, depth)
        raise Undecided

    def _argument(self, depth: int) -> Value:
        """What a command takes: a group, or the next single character."""
        if self._kind() == "number" and len(self._peek()) > 1:
            digits = self._peek()
            if not digits.isdigit():
                raise Undecided
            self._tokens[self.position] = ("number", digits[1:])
            return exact.of(Fraction(int(digits[0])))
        if self._peek() == "(" or (self._kind() == "sign" and self._peek() != "{"):
            raise Undecided
        return self._atom(depth + 1)

    def _root(self, depth: int) -> Value:
        degree = 2
        if self._take("["):
            if not self._peek().isdigit():
                raise Undecided
            degree = int(self._peek()[:4])
            self.position += 1
            self._need("]")
        # Nobody who writes \sqrt 13 means the root of one.
        inside = self._atom(depth + 1) if self._kind() == "number" else self._argument(depth)
        if degree == 2:
            return exact.square_root(inside)
        return exact.opaque(f"root{degree}", inside)

    def _call(self, name: str, depth: int) -> Value:
        label = name
        if self._take("_"):
            label += "_" + str(exact.key(self._exponent(depth)))
        power = self._exponent(depth) if self._take("^") else None
        if power is not None and power.constant == -1:
            raise Undecided
        if self._peek() in ("(", "{"):
            inside = self._atom(depth + 1)
            # \sin(x)^2 and \sin(x) y may mean either.
            if self._peek() == "^" or self._starts_factor():
                raise Undecided
        else:
            inside = self._unbracketed(depth)
        value = exact.opaque(label, inside)
        return value if power is None else exact.power(value, power)

    def _unbracketed(self, depth: int) -> Value:
        """The argument of `sin 2x`: factors without a sign between."""
        inside = self._power(depth)
        while self._starts_factor():
            if self._kind() == "command" and self._peek()[1:] in _CALLS:
                raise Undecided
            inside = exact.product(inside, self._power(depth))
        if self._peek() in ("/", "*", "!"):
            raise Undecided
        return inside
