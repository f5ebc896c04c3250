"""What the upstream sources hold, row by row, with what was planted in them.

An entry is one upstream row over its life: the week it appears, whether it changes or vanishes in
the second week, its existing response, and what was planted. `upstream` turns entries into native
rows, `truth` into the list that an audit compares the pipeline's findings with.
"""

import dataclasses
import functools
import hashlib
from dataclasses import dataclass

from am_assets.mini.problems.problem import Kind, Problem
from am_assets.mini.upstream.contaminated import leaks
from am_assets.mini.upstream.honest import honest_problems, revised_problem
from am_assets.mini.upstream.hostile import JUNK, beyond, junk
from am_assets.mini.upstream.responses import Response, existing_response

WEEKS = 2

KINDS: dict[str, Kind] = {
    "mini_math": "math",
    "mini_code": "code",
    "mini_science": "science",
    "mini_instruction": "instruction",
    "mini_chat": "chat",
}

# Honest, exact duplicate, near duplicate, junk and hopeless rows that a week adds.
_PLAN: dict[str, tuple[tuple[int, int, int, int, int], ...]] = {
    "mini_math": ((115, 6, 7, 5, 6), (65, 4, 5, 5, 4)),
    "mini_code": ((54, 3, 4, 4, 3), (30, 2, 3, 4, 2)),
    "mini_science": ((82, 4, 5, 5, 0), (45, 3, 3, 5, 0)),
    "mini_instruction": ((50, 3, 4, 4, 0), (28, 2, 3, 3, 0)),
    "mini_chat": ((43, 10, 4, 4, 0), (25, 5, 3, 4, 0)),
}

# A chat log repeats what other sources hold: (source, honest row), first those of week one.
_CROSS = (
    *(("mini_math", 20 * i + 11) for i in range(4)),
    *(("mini_science", 20 * i + 11) for i in range(3)),
    *(("mini_code", 20 * i + 11) for i in range(2)),
    ("mini_instruction", 31),
    *(("mini_math", 20 * i + 3) for i in range(3)),
    *(("mini_science", 20 * i + 3) for i in range(2)),
)


@dataclass(frozen=True)
class Plant:
    """What was planted; `of` is the key of the row or the benchmark item it was made from."""

    label: str
    of: str | None = None
    of_source: str | None = None
    defect: str | None = None


@dataclass(frozen=True)
class Entry:
    """One upstream row; `changed` is its problem from the second week on, if it changes."""

    key: str
    week: int
    problem: Problem
    plant: Plant | None = None
    response: Response | None = None
    changed: Problem | None = None
    vanishes: bool = False


def _key(source: str, tag: str) -> str:
    """An upstream key that tells nothing about the row."""
    return f"{source[5:8]}-{hashlib.sha256(f'{source}/{tag}'.encode()).hexdigest()[:10]}"


def _recast(prompt: str, style: int) -> str:
    """The same prompt to a reader who ignores case and white space."""
    words = prompt.split(" ")
    return (
        prompt.upper(),
        "  ".join(words),
        f" {prompt}\n",
        "\n".join((" ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :]))),
        prompt.lower(),
    )[style % 5]


def _reword(prompt: str, style: int) -> str:
    """The same task in slightly other words."""
    return (
        f"Question: {prompt}",
        f"{prompt} Thank you!",
        f"Please help. {prompt}",
        f"Hello. {prompt}",
    )[style % 4]


def _honest_entry(source: str, index: int, week: int, problem: Problem) -> Entry:
    plant, response = None, None
    if problem.kind in ("math", "code", "science") and index % 4 == 1:
        response = existing_response(problem, index)
        label = "right_response" if response.defect is None else "wrong_response"
        plant = Plant(label, defect=response.defect)
    first_week = week == 0
    return Entry(
        key=_key(source, f"honest-{index}"),
        week=week,
        problem=problem,
        plant=plant,
        response=response,
        changed=revised_problem(problem, index) if first_week and index % 20 == 7 else None,
        vanishes=first_week and index % 20 == 13,
    )


def _duplicates(source: str, week: int, exact: int, near: int) -> list[Entry]:
    """Repetitions of honest rows of week 0 that never change; each row is repeated once."""
    if source == "mini_chat":
        start = 0 if week == 0 else _PLAN[source][0][1]
        repeated = list(_CROSS[start : start + exact])
        own = [(source, 4 * i + 4 + 2 * week) for i in range(near)]
    else:
        own = [(source, 4 * i + 4 + 2 * week) for i in range(exact + near)]
        repeated, own = own[:exact], own[exact:]
    originals = [("exact", *row) for row in repeated] + [("near", *row) for row in own]
    entries: list[Entry] = []
    for i, (form, of_source, index) in enumerate(originals):
        original = honest_problems(KINDS[of_source], _PLAN[of_source][0][0])[index]
        change = _recast if form == "exact" else _reword
        problem = dataclasses.replace(original, prompt=change(original.prompt, i + week))
        if of_source != source:
            problem = dataclasses.replace(
                problem, reference_answer=None, test_case=None, constraints=None
            )
        plant = Plant(f"{form}_duplicate", _key(of_source, f"honest-{index}"), of_source)
        entries.append(Entry(_key(source, f"{form}-{week}-{i}"), week, problem, plant))
    return entries


def _hostile(source: str, week: int, spoiled: int, hopeless: int) -> list[Entry]:
    kind, honest = KINDS[source], sum(plan[0] for plan in _PLAN[source])
    # Spoiled rows are made from problems that no honest row uses.
    spare = honest_problems(kind, honest + 2 * len(JUNK))[honest:]
    start = 0 if week == 0 else _PLAN[source][0][4]
    bad = [junk(spare[week * len(JUNK) + i], JUNK[i]) for i in range(spoiled)]
    hard = [beyond(kind, i) for i in range(start, start + hopeless)]
    return [
        Entry(_key(source, f"{label}-{week}-{i}"), week, problem, Plant(label))
        for label, problems in (("junk", bad), ("hopeless", hard))
        for i, problem in enumerate(problems)
    ]


@functools.cache
def entries(source: str) -> tuple[Entry, ...]:
    """Every row that a source ever holds, ordered by key; raises KeyError for an unknown source."""
    kind, plan = KINDS[source], _PLAN[source]
    first = plan[0][0]
    problems = honest_problems(kind, sum(week[0] for week in plan))
    rows = [
        _honest_entry(source, index, 0 if index < first else 1, problem)
        for index, problem in enumerate(problems)
    ]
    for week, (_, exact, near, spoiled, hopeless) in enumerate(plan):
        rows += _duplicates(source, week, exact, near)
        rows += _hostile(source, week, spoiled, hopeless)
    for i, (item, problem) in enumerate(leaks(source)):
        plant = Plant("contaminated", item)
        rows.append(Entry(_key(source, f"leak-{item}"), i % WEEKS, problem, plant))
    return tuple(sorted(rows, key=lambda entry: entry.key))
