"""The upstream sources: snapshots, planted rows and the truth about them."""

import subprocess
import sys
from collections import Counter
from itertools import combinations
from typing import Any

import pytest

from am_assets.core.prompt_form import prompt_form
from am_assets.core.protocol import parse_response
from am_assets.core.settings.sources import Columns
from am_assets.mini.problems.code_families import FAMILIES as CODE_FAMILIES
from am_assets.mini.problems.code_problems import same_results
from am_assets.mini.problems.problem import Kind
from am_assets.mini.upstream.benchmarks import BENCHMARKS, benchmark_items
from am_assets.mini.upstream.honest import honest_problems
from am_assets.mini.upstream.planted import KINDS, entries
from am_assets.mini.upstream.sources import SOURCES, upstream_rows
from am_assets.mini.upstream.truth import planted_truth, word_ngrams

PLANTS = (
    "exact_duplicate",
    "near_duplicate",
    "contaminated",
    "junk",
    "wrong_response",
    "right_response",
    "hopeless",
)


def keyed(source: str, week: int) -> dict[str, dict[str, Any]]:
    column = SOURCES[source].columns["upstream_key"]
    rows = list(upstream_rows(source, week))
    found = {row[column]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_another_process_generates_the_same_rows() -> None:
    program = (
        "import hashlib\n"
        "from am_assets.mini.upstream.sources import SOURCES, upstream_rows\n"
        "rows = [list(upstream_rows(s, w)) for s in SOURCES for w in (1, 0)]\n"
        "print(hashlib.sha256(repr(rows).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_the_mapping_of_a_source_names_columns_that_its_rows_have(source: str) -> None:
    columns = Columns.model_validate(SOURCES[source].columns)
    named = [columns.prompt or columns.messages, columns.upstream_key]
    for row in upstream_rows(source, 1):
        assert set(named) <= row.keys()


@pytest.mark.parametrize("source", SOURCES)
def test_a_new_week_repeats_changes_drops_and_adds_rows(source: str) -> None:
    first, second = keyed(source, 0), keyed(source, 1)
    common = first.keys() & second.keys()
    changed = [key for key in common if first[key] != second[key]]
    assert 2 <= len(changed) < 0.1 * len(first)
    assert 2 <= len(first.keys() - second.keys()) < 0.1 * len(first)
    assert 0.5 < len(second.keys() - first.keys()) / len(first) < 0.7
    assert keyed(source, 7) == second


def test_honest_rows_share_no_run_of_eight_words_with_a_benchmark() -> None:
    benchmark = set()
    for name in BENCHMARKS:
        for item in benchmark_items(name):
            benchmark |= word_ngrams(item["prompt"])
    for source in KINDS:
        for entry in entries(source):
            if entry.plant is not None and entry.plant.label in ("contaminated", "junk"):
                continue
            assert not word_ngrams(entry.problem.prompt) & benchmark, entry.problem.prompt
            assert not entry.changed or not word_ngrams(entry.changed.prompt) & benchmark


def test_benchmark_items_differ_and_have_what_scoring_needs() -> None:
    items = [item for name in BENCHMARKS for item in benchmark_items(name)]
    assert len({prompt_form(item["prompt"]) for item in items}) == len(items) == 115
    assert len({item["item_id"] for item in items}) == len(items)
    for item in items:
        needed = "test_case" if item["kind"] == "code" else "reference_answer"
        assert item[needed] is not None


def test_honest_prompts_never_repeat() -> None:
    counts: dict[Kind, int] = {"math": 180, "code": 84, "science": 127, "chat": 68}
    prompts = Counter(
        prompt_form(problem.prompt)
        for kind, count in counts.items()
        for problem in honest_problems(kind, count)
    )
    assert max(prompts.values()) == 1


def test_one_math_frame_never_repeats_an_answer() -> None:
    rows = honest_problems("math", 180)
    frames: dict[tuple[str, int], list[str | None]] = {}
    for index, problem in enumerate(rows):
        frames.setdefault((problem.skill, index % 70), []).append(problem.reference_answer)
    for answers in frames.values():
        assert all(a != b for a, b in combinations(answers, 2))


def test_the_truth_lists_every_kind_of_plant_by_keys_that_exist() -> None:
    truth = planted_truth()
    counts = Counter(row["planted"] for row in truth)
    assert set(counts) == set(PLANTS)
    assert counts["contaminated"] >= 24
    rows = {source: keyed(source, 0) | keyed(source, 1) for source in SOURCES}
    first = {source: keyed(source, 0) for source in SOURCES}
    items = {item["item_id"] for name in BENCHMARKS for item in benchmark_items(name)}
    for row in truth:
        assert row["upstream_key"] in rows[row["source"]]
        assert (row["upstream_key"] in first[row["source"]]) == (row["week"] == 0)
        if row["planted"] == "contaminated":
            assert row["of"] in items
        elif row["of"] is not None:
            assert row["of"] in first[row["of_source"]]
    keys = [(row["source"], row["upstream_key"]) for row in truth]
    assert len(set(keys)) == len(keys)


def test_a_third_of_the_leaks_hides_from_word_ngrams_and_exact_matching() -> None:
    prompts = {item["item_id"]: item["prompt"] for n in BENCHMARKS for item in benchmark_items(n)}
    leaks = [
        entry
        for source in KINDS
        for entry in entries(source)
        if entry.plant and entry.plant.label == "contaminated"
    ]
    hidden = 0
    for entry in leaks:
        assert entry.plant is not None
        assert entry.plant.of is not None
        original = prompts[entry.plant.of]
        same = "".join(filter(str.isalnum, original.lower())) == "".join(
            filter(str.isalnum, entry.problem.prompt.lower())
        )
        hidden += not same and not word_ngrams(original) & word_ngrams(entry.problem.prompt)
    assert hidden >= len(leaks) / 3


def test_existing_responses_are_right_or_wrong_as_planted() -> None:
    families = {f"code:{family.name}": family for family in CODE_FAMILIES}
    counts: Counter[str | None] = Counter()
    for source in KINDS:
        for entry in entries(source):
            if entry.response is None:
                continue
            response, problem = entry.response, entry.problem
            counts[response.defect] += 1
            assert (parse_response(response.raw) is None) == (response.defect == "format")
            if problem.kind == "code":
                assert problem.test_case is not None
                right = same_results(response.answer, families[problem.skill], problem.test_case)
            else:
                right = response.answer == problem.reference_answer
            assert right == (response.defect != "answer")
    assert counts["format"] == 2
    assert 0.25 < counts["answer"] / counts.total() < 0.4
