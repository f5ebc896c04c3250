"""A thousand expressions made to exhaust whatever compares them; the same ones every time.

`python -m am_assets_tests.support.verification.adversarial [COUNT]` runs them through one
worker and prints the slowest.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable

from am_assets.stages.verification.math.pool import MathPool, Pair

Make = Callable[[random.Random], str]


def expressions(count: int, seed: int = 7) -> list[str]:
    """`count` hostile expressions, every kind in turn."""
    source = random.Random(seed)
    makers = list(_MAKERS)
    return [makers[number % len(makers)](source) for number in range(count)]


def _nested(opening: str, closing: str) -> Make:
    def make(source: random.Random) -> str:
        depth = source.choice([5, 30, 100, 300])
        return opening * depth + str(source.randrange(100)) + closing * depth

    return make


def _repeated(part: str, between: str) -> Make:
    return lambda source: between.join([part] * source.choice([3, 20, 90, 250]))


def _tower(source: random.Random) -> str:
    levels = [str(source.randrange(2, 99)) for _ in range(source.randrange(3, 9))]
    text = levels.pop()
    while levels:
        text = f"{levels.pop()}^{{{text}}}"
    return text


def _factorials(source: random.Random) -> str:
    return f"{source.randrange(3, 10 ** source.randrange(1, 9))}{'!' * source.randrange(1, 6)}"


def _digits(source: random.Random) -> str:
    digits = "".join(source.choice("0123456789") for _ in range(source.choice([50, 500, 1900])))
    return source.choice(["", "0.", "-"]) + digits


def _matrix(source: random.Random) -> str:
    size = source.choice([3, 8, 14])
    cell = source.choice(["x^{99}", "9^{9^9}", "1", r"\sin(x)"])
    rows = r"\\".join("&".join([cell] * size) for _ in range(size))
    kind = source.choice(["pmatrix", "vmatrix", "bmatrix"])
    power = source.choice(["", "^{50}", "^{-1}", "^{n}"])
    return rf"\begin{{{kind}}}{rows}\end{{{kind}}}{power}"


def _large(source: random.Random) -> str:
    big = source.choice(["10^{9}", "10^{100}", r"\infty", "n", "10^{10^{10}}"])
    kind = source.choice(["sum", "prod"])
    term = source.choice([r"\frac{1}{k!}", "k^{k}", r"\sin(k)", r"\binom{2k}{k}"])
    return rf"\{kind}_{{k=1}}^{{{big}}} {term}"


def _integral(source: random.Random) -> str:
    term = source.choice(
        [r"\frac{\sin(x^{x})}{x}", "e^{-x^{2}}", r"\sqrt{\tan x}", "x^{x^x}", r"\ln(\ln x)"]
    )
    return rf"\int_0^{{{source.choice(['1', 'x', chr(92) + 'infty'])}}} {term} dx"


def _polynomial(source: random.Random) -> str:
    return f"(a+b+c+d+{source.randrange(9)})^{{{source.choice([9, 60, 999, 10**9])}}}"


def _functions(source: random.Random) -> str:
    text = str(source.randrange(9))
    names = [r"\sin", r"\log", r"\arctan", r"\exp", r"\cosh"]
    for _ in range(source.choice([3, 12, 60])):
        text = f"{source.choice(names)}({text})"
    return text


def _random_marks(source: random.Random) -> str:
    marks = [
        "\\",
        "{",
        "}",
        "^",
        "_",
        "$",
        "(",
        ")",
        "\\frac",
        "\\sqrt",
        "1",
        "x",
        "&",
        "\\\\",
        "|",
    ]
    return "".join(source.choice(marks) for _ in range(source.choice([10, 60, 400])))


def _functional(source: random.Random) -> str:
    power = 10 ** source.randrange(2, 30)
    return source.choice(
        [
            rf"2^{{{power}}} \bmod {power + 7}",
            rf"\gcd({power}!, {power + 1}!)",
            rf"\binom{{{power}}}{{{power // 2}}}",
            rf"\sqrt[{power}]{{{power}}}",
            rf"\frac{{1}}{{{power}!}} - {power}^{{-{power}}}",
            rf"\lfloor e^{{{power}}} \rfloor",
            rf"\log_{{{power}}}({power}^{{{power}}})",
        ]
    )


_MAKERS: tuple[Make, ...] = (
    _tower, _factorials, _digits, _matrix, _large, _integral, _polynomial, _functions,
    _random_marks, _functional,
    _nested("(", ")"), _nested("{", "}"), _nested(r"\{", r"\}"), _nested("[", "]"),
    _nested(r"\sqrt{", "}"), _nested(r"\frac{1}{1+", "}"), _nested(r"\left(", r"\right)"),
    _nested("2^{", "}"), _nested("|", "|"), _nested("-", ""), _nested("x_{", "}"),
    _nested(r"\text{", "}"), _nested(r"\boxed{", "}"), 
    _nested(r"\begin{pmatrix}", r"\end{pmatrix}"),
    _repeated("x", "+"), _repeated(r"\frac{x}{y}", "+"), _repeated("1", ","), _repeated("9^9", "^"),
    _repeated("x", "="), _repeated(r"\pm 1", ""), _repeated("(1,2)", r"\cup"), _repeated("x!", ""),
    _repeated("1", " < "), _repeated("1:2", ":"), _repeated("7 cm", " and "), _repeated("1/", ""),
    _repeated(r"\sin", " "), _repeated("1,000", ","), _repeated("%", ""), _repeated(r"\cup", " "),
)  # fmt: skip


def run(
    count: int, timeout_s: float, pool: MathPool
) -> tuple[Counter[str], list[float], list[str]]:
    """Statuses, seconds and expressions: each as an answer to a plain gold, then as the gold."""
    statuses: Counter[str] = Counter()
    seconds: list[float] = []
    texts = expressions(count)
    for text in texts:
        started = time.monotonic()
        as_answer, as_gold = pool.compare(
            [
                Pair("Compute.", rf"\boxed{{{text}}}", "271828"),
                Pair("Compute.", r"\boxed{271828}", text),
            ],
            timeout_s,
        )
        seconds.append(time.monotonic() - started)
        statuses[f"answer {_status(as_answer)}"] += 1
        statuses[f"gold {_status(as_gold)}"] += 1
    return statuses, seconds, texts


def _status(found: object) -> str:
    return getattr(found, "status", "error")


def main() -> None:
    """Run the set and print what became of it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with MathPool(workers=1) as pool:
        statuses, seconds, texts = run(count, 5.0, pool)
    print(dict(statuses))
    for spent, text in sorted(zip(seconds, texts, strict=True), reverse=True)[:10]:
        print(f"{spent:8.2f} s  {text[:80]}")


if __name__ == "__main__":
    main()
