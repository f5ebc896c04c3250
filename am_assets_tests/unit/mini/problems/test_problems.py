"""Generated problems are right by construction."""

import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.mini.problems import instruction_problems
from am_assets.mini.problems.code_families import FAMILIES as CODE_FAMILIES
from am_assets.mini.problems.code_problems import build
from am_assets.mini.problems.code_scenes import BENCHMARK_SCENES, SOURCE_SCENES
from am_assets.mini.problems.sampling import Kind, Problem, Split, sample_problem
from am_assets.mini.problems.science_facts import FAMILIES as SCIENCE_FAMILIES
from am_assets.mini.upstream.benchmarks import BENCHMARKS, benchmark_items

KINDS: tuple[Kind, ...] = ("math", "code", "science", "instruction", "chat")
SPLITS: tuple[Split, ...] = ("train", "source", "benchmark")
CATEGORIES = {
    "math",
    "coding",
    "information seeking",
    "reasoning",
    "planning",
    "creative writing",
    "others",
}
DIFFICULTIES = {"very easy", "easy", "medium", "hard", "very hard"}


def draw(kind: Kind, split: Split, count: int) -> list[Problem]:
    rng = random.Random(f"{kind}/{split}")
    return [sample_problem(kind, rng, split) for _ in range(count)]


@given(st.sampled_from(KINDS), st.sampled_from(SPLITS), st.integers(0, 2**32))
def test_the_same_generator_state_gives_the_same_problem(
    kind: Kind, split: Split, seed: int
) -> None:
    first, second = (sample_problem(kind, random.Random(seed), split) for _ in range(2))
    assert first == second


@given(st.sampled_from(KINDS), st.sampled_from(SPLITS), st.integers(0, 2**32))
def test_every_problem_is_whole(kind: Kind, split: Split, seed: int) -> None:
    problem = sample_problem(kind, random.Random(seed), split)
    assert problem.kind == kind
    assert problem.category in CATEGORIES
    assert problem.difficulty in DIFFICULTIES
    assert problem.prompt.strip()
    assert problem.think.strip()
    assert problem.answer.strip()
    assert len(problem.think.split()) <= 60
    assert "{" not in problem.prompt
    assert "{" not in problem.think
    assert (problem.reference_answer is not None) == (kind in ("math", "science"))
    assert (problem.test_case is not None) == (kind == "code")
    assert (problem.constraints is not None) == (kind == "instruction")


@pytest.mark.parametrize("split", SPLITS)
def test_every_step_of_a_math_chain_is_true_and_the_last_gives_the_answer(split: Split) -> None:
    for problem in draw("math", split, 1500):
        results = []
        for left, op, right, value in re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)\.", problem.think):
            a, b, c = int(left), int(right), int(value)
            assert {"+": a + b == c, "-": a - b == c, "*": a * b == c, "/": b * c == a}[op]
            results.append(value)
        assert results[-1] == problem.reference_answer
        assert problem.answer == f"\\boxed{{{results[-1]}}}"
        assert 0 < int(results[-1]) < 200


def test_a_math_chain_uses_every_number_of_its_prompt() -> None:
    for problem in draw("math", "source", 500):
        told = set(re.findall(r"\d+", problem.prompt)) - {"0", "1"}
        assert told <= set(re.findall(r"\d+", problem.think)), problem.prompt


def run_python(program: str, stdin: str = "") -> str:
    return subprocess.run(
        [sys.executable, "-I", "-c", program],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout


def checking_program(problem: Problem) -> list[tuple[str, str, str]]:
    """(program, standard input, wanted output) for each run that tests a code answer."""
    match = re.fullmatch(r"```python\n(.*)\n```", problem.answer, re.DOTALL)
    assert match is not None
    assert problem.test_case is not None
    case: dict[str, Any] = problem.test_case
    if case["type"] == "stdin_stdout":
        return [
            (match.group(1), given_, wanted)
            for given_, wanted in zip(case["inputs"], case["outputs"], strict=True)
        ]
    if case["type"] == "asserts":
        lines = case["tests"]
    else:
        pairs = zip(case["inputs"], case["outputs"], strict=True)
        lines = [f"assert {case['fn_name']}(*{args!r}) == {wanted!r}" for args, wanted in pairs]
    return [("\n".join([match.group(1), *lines, "print('passed')"]), "", "passed\n")]


def test_every_code_answer_passes_its_test_case_in_a_plain_interpreter() -> None:
    problems = [
        build(family, family.constants[0], SOURCE_SCENES[i], random.Random(i), benchmark=False)
        for i, family in enumerate(CODE_FAMILIES)
    ]
    runs = [run for problem in problems for run in checking_program(problem)]
    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(lambda run: run_python(run[0], run[1]), runs))
    assert outputs == [wanted for _, _, wanted in runs]


def test_there_are_many_code_families_of_every_form() -> None:
    assert len(CODE_FAMILIES) >= 25
    assert {family.mode for family in CODE_FAMILIES} == {"function", "asserts", "stdin"}
    scenes = [scene.text for scene in (*SOURCE_SCENES, *BENCHMARK_SCENES)]
    assert len(set(scenes)) == len(scenes)


def test_the_world_of_facts_asks_every_subject_once() -> None:
    for family in SCIENCE_FAMILIES:
        subjects = [subject for subject, _ in family.facts]
        assert len(set(subjects)) == len(subjects)
        assert family.split(benchmark=True)
        assert family.split(benchmark=False)
    assert sum(len(family.facts) for family in SCIENCE_FAMILIES) >= 120


def satisfied(instruction_id: str, kwargs: dict[str, Any], answer: str) -> bool:
    words = re.findall(r"\w+", answer)
    lowered = [word.lower() for word in words]
    length = len(words)
    return {
        "keywords:existence": lambda: all(word in lowered for word in kwargs["keywords"]),
        "keywords:forbidden_words": lambda: not set(kwargs["forbidden_words"]) & set(lowered),
        "change_case:english_lowercase": lambda: answer == answer.lower(),
        "change_case:english_capital": lambda: answer == answer.upper(),
        "punctuation:no_comma": lambda: "," not in answer,
        "startend:end_checker": lambda: answer.lower().endswith(kwargs["end_phrase"].lower()),
        "startend:quotation": lambda: answer[0] == answer[-1] == '"',
        "detectable_format:title": lambda: re.search(r"<<[^\n<>]+>>", answer) is not None,
        "detectable_format:number_bullet_lists": lambda: (
            len(re.findall(r"^\* ", answer, re.MULTILINE)) == kwargs["num_bullets"]
        ),
        "length_constraints:number_words": lambda: (
            length >= kwargs["num_words"]
            if kwargs["relation"] == "at least"
            else length < kwargs["num_words"]
        ),
    }[instruction_id]()


@pytest.mark.parametrize("split", SPLITS)
def test_every_instruction_answer_satisfies_its_constraints(split: Split) -> None:
    seen = set()
    for problem in draw("instruction", split, 1500):
        for constraint in problem.constraints or []:
            seen.add(constraint["instruction_id"])
            assert satisfied(constraint["instruction_id"], constraint["kwargs"], problem.answer), (
                problem
            )
    assert seen == set(instruction_problems.IDS)


def test_a_chat_answer_names_the_topic_of_its_prompt() -> None:
    for problem in draw("chat", "source", 500):
        topic = re.search(
            r"(?:advice on|plan for|verse about|about|worries about) ([^.]+)\.", problem.think
        )
        assert topic is not None
        assert topic.group(1).lower() in problem.prompt.lower()
        assert topic.group(1).lower() in problem.answer.lower()


def test_training_never_draws_a_benchmark_item() -> None:
    items = {item["prompt"] for name in BENCHMARKS for item in benchmark_items(name)}
    for kind in KINDS:
        assert items.isdisjoint(problem.prompt for problem in draw(kind, "train", 3000))
