"""Speed of verification a core, against doing without its guards, in one run.

    python benchmarks/verify.py [--pairs N] [--programs N] [--data FOLDER]

Math: pairs/s of one worker process, asked in batches as verification asks, against math-verify
called bare in one process, on the same pairs; short ones from a seeded generator and, with --data,
the real answers that benchmarks/agreement.py reads. Code: executions/s of the sandbox with one
worker against a bare `python -I` process each, on the same trivial programs. Rates are per CPU
second of all processes taken together, the better of two rounds: a core's rate on an idle machine.
"""

import argparse
import logging
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from agreement import SETS
from math_verify import parse, verify

from am_assets.core.runner import Job
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.answers.final_answer import final_answer, gold_answer
from am_assets.stages.verification.math.pool import MathPool, Pair

_BATCH = 32
_TIMEOUT_S = 5.0
_REAL_SETS = ("math500-published", "math-best-of-8", "gsm8k")


def short_pairs(count: int, seed: int = 5) -> list[tuple[str, str]]:
    """Golds and answers as short as most are; about half of them equal."""
    source = random.Random(seed)

    def number() -> int:
        return source.randrange(1, 10 ** source.randrange(1, 6))

    ways: tuple[tuple[int, tuple[str, ...]], ...] = (
        (1, ("{}", "{}.0", "x={}", "${}$")),
        (1, (r"{}\%", "{}%")),
        (2, (r"\frac{{{}}}{{{}}}", "{}/{}", r"\dfrac{{{}}}{{{}}}")),
        (2, ("{}.{}", "{}.{}0")),
        (2, (r"{}\sqrt{{{}}}", r"\sqrt{{{1}}} \cdot {0}")),
        (1, (r"{}\pi", r"\pi \cdot {}")),
        (2, ("{}x+{}", "{1}+{0}x")),
        (2, ("({},{})", r"\left({}, {}\right)")),
        (2, (r"\{{{},{}\}}", "{1}, {0}")),
        (1, (r"{} \text{{ cm}}", "{} cm")),
    )
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        arity, forms = source.choice(ways)
        gold = [number() for _ in range(arity)]
        answer = gold if source.random() < 0.5 else [number() for _ in range(arity)]
        pairs.append((source.choice(forms).format(*gold), source.choice(forms).format(*answer)))
    return pairs


def real_pairs(folder: Path, count: int) -> list[tuple[str, str]]:
    """Golds and final answers of real responses, spread over the sets that are there."""
    rows = [row for name in _REAL_SETS for row in SETS[name](folder)]
    random.Random(5).shuffle(rows)
    pairs: list[tuple[str, str]] = []
    for row in rows:
        found = final_answer(row.response)
        if found is not None and len(pairs) < count:
            pairs.append((gold_answer(row.reference), found.text))
    return pairs


def cpu_seconds() -> float:
    """CPU time of this process and all that it started, ended or not."""
    used = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def best_rate(work: Callable[[], int]) -> float:
    """Units a CPU second of the better of two rounds."""
    rates: list[float] = []
    for _ in range(2):
        started = cpu_seconds()
        done = work()
        rates.append(done / (cpu_seconds() - started))
    return max(rates)


def measure_math(title: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Print the rates of one worker and of math-verify on the same pairs."""
    asked = [Pair("Compute.", rf"\boxed{{{answer}}}", gold) for gold, answer in pairs]

    def ours() -> int:
        return sum(
            len(pool.compare(asked[start : start + _BATCH], _TIMEOUT_S))
            for start in range(0, len(asked), _BATCH)
        )

    def bare() -> int:
        for gold, answer in pairs:
            verify(parse(f"${gold}$"), parse(rf"$\boxed{{{answer}}}$"))
        return len(pairs)

    with MathPool(workers=1) as pool:
        pool.compare(asked[:1], _TIMEOUT_S)
        rate = best_rate(ours)
    alone = best_rate(bare)
    print(f"{title}: {rate:,.0f} pairs/s; math-verify bare {alone:,.0f}; {rate / alone:.1f} times")


def measure_code(count: int) -> None:
    """Print the rates of the sandbox and of a bare interpreter on the same programs."""
    sources = [f"print(sum(map(int, input().split())) + {n})" for n in range(count)]
    expected = [f"{3 + n}\n" for n in range(count)]

    def ours() -> int:
        outputs = [sandbox.run(Job(source, stdin="1 2\n")).stdout for source in sources]
        if outputs != expected:
            raise RuntimeError("the sandbox printed something else")
        return count

    def bare() -> int:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "program.py"
            for source in sources:
                path.write_text(source, encoding="utf-8")
                command = [sys.executable, "-I", str(path)]
                subprocess.run(command, input=b"1 2\n", capture_output=True, check=True)
        return count

    with Sandbox(workers=1) as sandbox:
        sandbox.run(Job(sources[0], stdin="1 2\n"))
        rate = best_rate(ours)
        tier = sandbox.tier
    alone = best_rate(bare)
    print(f"code ({tier}): {rate:,.0f} executions/s; bare {alone:,.0f}; {rate / alone:.1f} times")


def main() -> int:
    """Print the rates."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--data", type=Path, help="the folder that benchmarks/agreement.py reads")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    measure_math("math, short", short_pairs(options.pairs))
    if options.data is not None:
        measure_math("math, real", real_pairs(options.data, options.pairs))
    measure_code(options.programs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
