"""Random answers and golds: nothing breaks, and no answer passes once its gold has changed.

`python -m am_assets_tests.support.verification.fuzzing [COUNT] [SEED]` runs COUNT comparisons
(50,000 by default) and prints what became of them. Half of them pair an answer with its own gold,
written in another way, and with a gold of another value; the rest is noise.
"""

import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from am_assets.stages.verification.math.pool import MathPool, Pair

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23)
_NAMES = ("Alice", "Monday", "ellipse", "even", "odd", "north", "yes", "no", "True", "False", "圆")
_UNITS = ("cm", "kg", "hours", "miles", "dollars", r"\text{ m}^2", r"\text{ km/h}", "元", "千米")
_BATCH = 64


class Kind(NamedTuple):
    """Answers of one kind: how to draw their parameters, and the ways to write them."""

    draw: Callable[[random.Random], tuple[Any, ...]]
    ways: tuple[Callable[..., str], ...]


def _number(source: random.Random) -> int:
    return source.choice([-1, 1]) * source.randrange(1, 10 ** source.randrange(1, 7))


def _fraction(source: random.Random) -> tuple[int, int]:
    while True:
        top, bottom = _number(source), source.randrange(2, 500)
        if math.gcd(top, bottom) == 1:
            return top, bottom


def _distinct(source: random.Random, count: int) -> tuple[int, ...]:
    return tuple(source.sample(range(-99, 100), count))


def _interval(source: random.Random) -> tuple[Any, ...]:
    low, high = sorted(_distinct(source, 2))
    return source.choice("(["), low, high, source.choice(")]")


def _inequality(opened: str, low: int, high: int, closed: str) -> str:
    left, right = ("<" if bracket in "()" else r"\leq" for bracket in (opened, closed))
    return f"{low} {left} x {right} {high}"


def _clock(source: random.Random) -> tuple[Any, ...]:
    return source.randrange(1, 13), source.randrange(60), source.choice("ap")


KINDS: dict[str, Kind] = {
    "integer": Kind(
        lambda s: (_number(s),),
        (str, "{:,}".format, "{}.0".format, "x = {}".format, "${}$".format, r"\text{{{}}}".format),
    ),
    "large": Kind(
        lambda s: (s.randrange(10**30, 10**31), s.randrange(10**6)),
        ("{}{}".format, "+{}{}".format),
    ),
    "fraction": Kind(
        _fraction,
        (r"\frac{{{}}}{{{}}}".format, r"\dfrac{{{}}}{{{}}}".format, "{}/{}".format),
    ),
    "decimal": Kind(
        lambda s: (_number(s), s.randrange(1, 1000)),
        ("{}.{:03d}".format, "{}.{:03d}0".format, r"{}.{:03d}\,".format),
    ),
    "percent": Kind(lambda s: (_number(s),), (r"{}\%".format, "{}%".format, "{} percent".format)),
    "scientific": Kind(
        lambda s: (s.randrange(1, 10), s.randrange(1, 10), s.randrange(-40, 40)),
        (r"{}.{} \times 10^{{{}}}".format, "{}.{}e{}".format, r"{}.{} \cdot 10^{{{}}}".format),
    ),
    "power": Kind(
        lambda s: (s.choice(_PRIMES), s.randrange(50, 900) * s.choice([-1, 1])),
        ("{}^{{{}}}".format, "{}^{}".format, "({})^{{{}}}".format),
    ),
    "root": Kind(
        lambda s: (_number(s), s.choice(_PRIMES)),
        (r"{}\sqrt{{{}}}".format, r"{} \sqrt {}".format, "{}√{}".format),
    ),
    "pi": Kind(lambda s: (_number(s),), (r"{}\pi".format, r"{} \cdot \pi".format, "{}π".format)),
    "polynomial": Kind(
        lambda s: (s.randrange(2, 99), s.randrange(2, 9), _number(s)),
        ("{}x^{}+{}".format, "{2}+{0}x^{{{1}}}".format, r"{} \cdot x^{{{}}} + {}".format),
    ),
    "complex": Kind(
        lambda s: (s.randrange(1, 99), s.randrange(2, 99)),
        ("{}+{}i".format, "{1}i+{0}".format, r"{} + {} i".format),
    ),
    "exponential": Kind(
        lambda s: (s.randrange(2, 99), s.randrange(2, 99)),
        ("{}e^{{{}x}}".format, "{} e^{{{}x}}".format, "e^{{{1}x}} {0}".format),
    ),
    "point": Kind(
        lambda s: _distinct(s, 3),
        ("({}, {}, {})".format, r"\left({},{},{}\right)".format, "（{}，{}，{}）".format),
    ),
    "set": Kind(
        lambda s: tuple(sorted(_distinct(s, 3))),
        (r"\{{{}, {}, {}\}}".format, r"\left\{{ {2}, {0}, {1} \right\}}".format),
    ),
    "list": Kind(
        lambda s: tuple(sorted(_distinct(s, 2))),
        ("{}, {}".format, "{1}, {0}".format, r"{} \text{{ or }} {}".format, "x={} or x={}".format),
    ),
    "interval": Kind(
        _interval,
        (
            "{}{}, {}{}".format,
            r"\left{}{},{}\right{}".format,
            _inequality,
            r"x \in {}{}, {}{}".format,
        ),
    ),
    "both signs": Kind(
        lambda s: (s.randrange(1, 99), s.choice(_PRIMES)),
        (r"{} \pm \sqrt{{{}}}".format, r"{0} + \sqrt{{{1}}}, {0} - \sqrt{{{1}}}".format),
    ),
    "matrix": Kind(
        lambda s: _distinct(s, 4),
        (
            r"\begin{{pmatrix}} {} & {} \\ {} & {} \end{{pmatrix}}".format,
            r"\begin{{bmatrix}}{}&{}\\{}&{}\end{{bmatrix}}".format,
        ),
    ),
    "line": Kind(
        lambda s: (s.randrange(2, 9), s.randrange(2, 99)),
        ("y={}x+{}".format, "y = {1} + {0}x".format, "{0}x - y + {1} = 0".format),
    ),
    "measure": Kind(
        lambda s: (s.randrange(2, 999), s.choice(_UNITS)),
        ("{} {}".format, "${}$ {}".format),
    ),
    "clock": Kind(_clock, ("{}:{:02d} {}.m.".format, r"{}:{:02d} \text{{ {}.m.}}".format)),
    "ratio": Kind(
        lambda s: (s.choice(_PRIMES), s.choice((29, 31, 37, 41))),
        ("{}:{}".format, "{} : {}".format, r"{}\text{{ to }}{}".format),
    ),
    "base": Kind(
        lambda s: ("".join(s.choice("1234") for _ in range(5)), s.randrange(5, 10)),
        ("{}_{}".format, "{}_{{{}}}".format),
    ),
    "words": Kind(
        lambda s: (s.choice(_NAMES),), (str, r"\text{{{}}}".format, r"\textbf{{{}}}".format)
    ),
    "letter": Kind(
        lambda s: (s.choice("ABCDEFGH"),), (str, "({})".format, r"\text{{({})}}".format)
    ),
}

_AROUND = (
    r"So it is \boxed{{{}}}.",
    "First this, then that.\n\n**Final Answer**\n$$\\boxed{{{}}}$$",
    r"Thus $\boxed{{{}}}$ follows. Done!",
    r"所以答案是\boxed{{{}}}。",
)
_PIECES = (
    *r"{}^_$()[],=<&%!|.'1xei AB",
    *("\\frac", "\\boxed{", "\\text{", "\\sqrt", "\\(", "\\)", "\\le", "\\cup", "\\pm", "\\\\"),
    *("\\begin{pmatrix}", "\\end{pmatrix}", "\\infty", "\\sin", "\\left", "\\right", "\\{", "\\}"),
    *("23", "4.5", "\n", "The answer is ", "答案是", "选", "cm", "°", "½", "²", "或", "and", "or"),
    *("\u200b", "\u202e", "\0", "\ud83d", "é", "####", "\\", "百分之", "二十", "A:", "B.", '"'),
)


@dataclass
class Report:
    """What became of the comparisons; `wrong` holds those that must not have been."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


class _Case(NamedTuple):
    pair: Pair
    expected: str


def cases(count: int, seed: int) -> Iterator[_Case]:
    """`count` pairs with what they must become: "pass", "not pass" or anything at all."""
    source = random.Random(seed)
    names = sorted(KINDS)
    made = 0
    while made < count:
        name = source.choice(names)
        kind = KINDS[name]
        right = kind.draw(source)
        other = kind.draw(source)
        answer = source.choice(_AROUND).format(source.choice(kind.ways)(*right))
        yield _Case(Pair("Compute.", answer, source.choice(kind.ways)(*right)), "pass")
        if other != right:
            changed = source.choice([other, _one_changed(right, other)])
            gold = source.choice(kind.ways)(*changed)
            yield _Case(Pair("Compute.", answer, gold), "not pass")
        yield _Case(Pair(_noise(source), _noise(source), _noise(source)), "")
        yield _Case(Pair("Compute.", _damaged(source, answer), _damaged(source, str(right))), "")
        made += 4


def _one_changed(right: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    """Parameters that differ in one place only, where one place can be changed alone."""
    for place, (one, another) in enumerate(zip(right, other, strict=True)):
        if one != another and isinstance(one, int) and len(set(right)) == len(right):
            changed = (*right[:place], another, *right[place + 1 :])
            if len(set(changed)) == len(changed) and list(changed) == sorted(changed, key=str):
                return changed
    return other


def _noise(source: random.Random) -> str:
    text = "".join(source.choice(_PIECES) for _ in range(source.randrange(1, 40)))
    return text.encode("utf-8", "replace").decode()


def _damaged(source: random.Random, text: str) -> str:
    characters = list(text)
    for _ in range(source.randrange(1, 4)):
        place = source.randrange(len(characters) + 1)
        characters[place : place + source.randrange(3)] = source.choice(_PIECES)
    return "".join(characters).encode("utf-8", "replace").decode()


def run(count: int, seed: int, pool: MathPool) -> Report:
    """Compare `count` pairs and report."""
    report = Report()
    batch: list[_Case] = []
    for case in cases(count, seed):
        batch.append(case)
        if len(batch) == _BATCH:
            _decide(batch, pool, report)
            batch = []
    _decide(batch, pool, report)
    return report


def _decide(batch: list[_Case], pool: MathPool, report: Report) -> None:
    found = pool.compare([case.pair for case in batch], 5.0)
    for case, one in zip(batch, found, strict=True):
        status = getattr(one, "status", "error")
        report.statuses[f"{case.expected or 'noise'}: {status}"] += 1
        shown = f"{case.pair} became {status} {getattr(one, 'evidence', one)}"
        if status == "error" or (case.expected == "not pass" and status == "pass"):
            report.wrong.append(shown)
        if case.expected == "pass" and status != "pass":
            report.missed.append(shown)


def main() -> int:
    """Run and print; exit with 1 when anything went wrong."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with MathPool(workers=1) as pool:
        report = run(count, seed, pool)
    print(dict(report.statuses))
    for title, lines in (("WRONG", report.wrong), ("missed", report.missed)):
        print(f"{title}: {len(lines)}", *lines[:20], sep="\n  ")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
