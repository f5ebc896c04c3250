"""Agreement of the rules with recorded verdicts on real answers, and every disagreement.

    python benchmarks/agreement.py FOLDER [SET ...]

FOLDER holds the public sets named in docs/verification-math.md, as their repositories publish them;
sets whose files are missing are skipped. Where a set has questions and answers but no responses,
its answers are put in the phrasings that models use, once right and once wrong, and what is
recorded is that. No judge takes part: what only a judge could decide counts as disagreement.
"""

import argparse
import ast
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from am_assets.core.memory import RowMemory
from am_assets.core.verdict import Check, Kind
from am_assets.stages.verification import Verification, Verifiers, verify


class Row(NamedTuple):
    """A response with its recorded verdict. `part` names a part of its set reported apart."""

    id: str
    part: str
    kind: Kind
    prompt: str
    response: str
    reference: str
    recorded: bool


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _samples(field: Any) -> list[str]:
    """Several samples, as a list, as JSON or as Python's repr of one."""
    if isinstance(field, list):
        return field
    try:
        return json.loads(field)
    except json.JSONDecodeError:
        return ast.literal_eval(field)


def _graded(path: Path, gold: str) -> Iterator[Row]:
    for row in _lines(path):
        scored = zip(_samples(row["code"]), row["score"], strict=True)
        for place, (text, score) in enumerate(scored):
            answer = text.rpartition("<|begin_of_solution|>")[2]
            part = "boxed" if r"\boxed" in answer else "not boxed"
            name = f"{row['idx']}.{place}"
            yield Row(name, part, "math", row["question"], answer, row[gold], bool(score))


def math500(folder: Path) -> Iterator[Row]:
    """Long-chain answers of one model to MATH-500 with the recorded score."""
    yield from _graded(folder / "responses/math500_longcot_27b.jsonl", "gt")


def math500_published(folder: Path) -> Iterator[Row]:
    """The same against the published answers, of which `gt` is a stripped copy."""
    yield from _graded(folder / "responses/math500_longcot_27b.jsonl", "answer")


def math_best_of_8(folder: Path) -> Iterator[Row]:
    """Eight samples a problem of MATH with the recorded score."""
    yield from _graded(folder / "responses/math_rm_best_of_8.jsonl", "gt")


def gsm8k(folder: Path) -> Iterator[Row]:
    """Solutions of four models, each marked correct or not."""
    for place, row in enumerate(_lines(folder / "responses/gsm8k_example_model_solutions.jsonl")):
        for model, solution in row.items():
            if isinstance(solution, dict):
                yield Row(
                    f"{place}.{model}",
                    model,
                    "math",
                    row["question"],
                    solution["solution"],
                    row["ground_truth"],
                    solution["is_correct"],
                )


_ENGLISH = (
    r"Adding up, we get \boxed{{{}}}.",
    "Let us see. The answer is {}.",
    "**Final Answer:** ${}$",
    "Some steps.\n\n#### {}",
    "So there are {} of them in total.",
)
_CHINESE = (
    r"因此答案是\boxed{{{}}}。",
    "先算出来。\n答：一共有{}个。",
    "所以答案为：{}。",
    "因此，结果是{}。",
)


def svamp(folder: Path) -> Iterator[Row]:
    """English word problems with a number as answer, phrased."""
    for place, row in enumerate(_lines(folder / "math/svamp.jsonl")):
        prompt = f"{row['Body']} {row['Question']}"
        right, wrong = (
            str(value).removesuffix(".0") for value in (row["Answer"], row["Answer"] + 1)
        )
        yield from _phrased(str(place), "math", prompt, right, wrong, _ENGLISH)


def cmath(folder: Path) -> Iterator[Row]:
    """Chinese word problems with a number as answer, phrased."""
    for place, row in enumerate(_lines(folder / "math/cmath_zh.jsonl")):
        gold = str(row["answer"])
        yield from _phrased(str(place), "math", row["question"], gold, f"1{gold}", _CHINESE)


_MEASURED = (
    r"Putting in the numbers, \boxed{{{}}}.",
    "The answer is ${}$.",
    "**Answer:** {}",
    r"$x \approx {}$ is the final answer.",
)


def scibench(folder: Path) -> Iterator[Row]:
    """Numbers with units, phrased: exact, rounded a little, and plainly off."""
    for place, row in enumerate(_lines(folder / "science/scibench.jsonl")):
        number, unit = row["answer_number"].strip(), row["unit"].strip()
        reference = f"{number} {unit}".strip()
        plain = unit.replace(r"$\$$", "dollars").replace("$", "")
        try:
            value = float(number)
        except ValueError:
            continue
        off = value * 1.3 if value else 1.0
        right, wrong = f"{number} {plain}".strip(), f"{off:.6g} {plain}".strip()
        problem = row["problem_text"]
        for text, response, recorded in (
            ("exact", right, True),
            ("without unit", number, True),
            ("off", wrong, False),
        ):
            if text == "without unit" and "10^" in unit:
                # The power of ten is part of the number.
                continue
            answer = _MEASURED[place % len(_MEASURED)].format(response)
            yield Row(f"{place}.{text}", text, "science", problem, answer, reference, recorded)


_CHOSEN = (
    r"\boxed{{{}}}",
    r"So we have \boxed{{\text{{({})}}}}.",
    "The answer is ({}).",
    "After all this, the correct option is {}.",
    "Thinking about it.\n\n**Answer: {}**",
    "{}",
)
_CHOSEN_CHINESE = (
    "故选：{}。",
    r"答案是\boxed{{{}}}",
    "综上所述，选{}",
    "【答案】{}\n故答案为：{}",
)


def mmlu(folder: Path) -> Iterator[Row]:
    """Multiple choice with four options, phrased with the letter and with the option's text."""
    for place, row in enumerate(_lines(folder / "science/mmlu_stem.jsonl")):
        options = row["choices"]
        listed = "\n".join(f"{'ABCD'[n]}. {text}" for n, text in enumerate(options))
        prompt = f"{row['question']}\n{listed}"
        letter, other = "ABCD"[row["answer"]], "ABCD"[(row["answer"] + 1) % 4]
        yield from _phrased(str(place), "science", prompt, letter, other, _CHOSEN)
        right, wrong = options[row["answer"]], options[(row["answer"] + 1) % 4]
        if len({text.strip().casefold() for text in options}) == 4:
            for name, text, recorded in (("right", right, True), ("wrong", wrong, False)):
                answer = f"The answer is {letter if recorded else other}. {text}"
                yield Row(
                    f"{place}.{name}.text", "text", "science", prompt, answer, letter, recorded
                )


def gaokao(folder: Path) -> Iterator[Row]:
    """Chinese multiple choice, of which some have several right options."""
    rows = json.loads((folder / "science/gaokao_physics_mcq_zh.json").read_text(encoding="utf-8"))
    for row in rows["example"]:
        gold = "".join(row["answer"])
        wrong = "A" if gold != "A" else "AB"
        name = str(row["index"])
        yield from _phrased(name, "science", row["question"], gold, wrong, _CHOSEN_CHINESE)
        yield Row(
            f"{name}.analysis", "analysis", "science", row["question"], row["analysis"], gold, True
        )


def _phrased(
    name: str, kind: Kind, prompt: str, right: str, wrong: str, phrasings: tuple[str, ...]
) -> Iterator[Row]:
    for place, phrasing in enumerate(phrasings):
        for said, recorded in ((right, True), (wrong, False)):
            text = phrasing.format(said, said)
            part = "right" if recorded else "wrong"
            yield Row(f"{name}.{place}.{part}", part, kind, prompt, text, right, recorded)


SETS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "math500": math500,
    "math500-published": math500_published,
    "math-best-of-8": math_best_of_8,
    "gsm8k": gsm8k,
    "svamp": svamp,
    "cmath": cmath,
    "scibench": scibench,
    "mmlu": mmlu,
    "gaokao": gaokao,
}


def compare(name: str, rows: list[Row]) -> None:
    """Verify rows and print agreement by part, then each disagreement."""
    checks = (
        Check(str(place), row.kind, row.prompt, row.response, row.reference)
        for place, row in enumerate(rows)
    )
    verdicts = verify(checks, Verifiers(), Verification(), RowMemory(), require_format=False)
    agreed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    lines: list[str] = []
    for row, verdict in zip(rows, verdicts, strict=True):
        total[row.part] += 1
        if (verdict.status == "pass") == row.recorded:
            agreed[row.part] += 1
            continue
        evidence = verdict.evidence
        said = evidence.get("extracted") or evidence.get("got") or row.response[-80:]
        lines.append(
            f"  {row.id} | {row.part} | gold {row.reference[-60:]!r} | answer {said[:80]!r} | "
            f"{verdict.status} {verdict.reason} {evidence.get('guard', '')} | "
            f"recorded {'right' if row.recorded else 'wrong'}"
        )
    for part, count in sorted(total.items()):
        print(f"{name:20} {part:18} {agreed[part]:6} of {count:6} = {agreed[part] / count:.2%}")
    print("\n".join(lines), flush=True)


def main() -> int:
    """Print the agreement of the sets found in a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all of them")
    options = parser.parse_args()
    unknown = [name for name in options.sets if name not in SETS]
    if unknown:
        parser.error(f"there is no set {unknown[0]!r}: choose from {', '.join(SETS)}")
    for name in options.sets or SETS:
        try:
            rows = list(SETS[name](options.folder))
        except FileNotFoundError as problem:
            print(f"{name}: skipped, there is no {problem.filename}", file=sys.stderr)
            continue
        compare(name, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
