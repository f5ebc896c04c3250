"""The five upstream sources of the mini profile, in their own columns and week by week.

A source is what a dataset on a hub would be: rows in columns of its own making, a licence, and a
content that changes between weeks. Nothing here says what was planted in the rows.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from am_assets.mini.problems.problem import Kind, Problem
from am_assets.mini.upstream.planted import WEEKS, Entry, entries


@dataclass(frozen=True)
class SourceInfo:
    """What a profile has to say about a source.

    `columns` maps fields of the contract to native columns, as `core.config.Columns` reads them.
    """

    domain: Kind
    licence: str
    rank: int
    columns: dict[str, Any]


SOURCES: dict[str, SourceInfo] = {
    "mini_math": SourceInfo(
        domain="math",
        licence="MIT",
        rank=10,
        columns={
            "prompt": "question",
            "reference_answer": "final",
            "rationale_and_answer": {"column": "solution", "marker": "####"},
            "upstream_key": "uid",
        },
    ),
    "mini_code": SourceInfo(
        domain="code",
        licence="Apache-2.0",
        rank=20,
        columns={
            "prompt": "description",
            "test_case": "tests",
            "think": "plan",
            "code_answer": "solution",
            "upstream_key": "task_id",
        },
    ),
    "mini_science": SourceInfo(
        domain="science",
        licence="CC-BY-4.0",
        rank=30,
        columns={
            "prompt": "query",
            "reference_answer": "gold",
            "response": "completion",
            "upstream_key": "id",
        },
    ),
    "mini_instruction": SourceInfo(
        domain="instruction",
        licence="Apache-2.0",
        rank=40,
        columns={
            "prompt": "prompt",
            "constraint_ids": "instruction_id_list",
            "constraint_kwargs": "kwargs",
            "upstream_key": "key",
        },
    ),
    "mini_chat": SourceInfo(
        domain="chat",
        licence="CC-BY-SA-4.0",
        rank=50,
        columns={"messages": "conversations", "upstream_key": "conversation_id"},
    ),
}


def _math_row(entry: Entry, problem: Problem) -> dict[str, Any]:
    response = entry.response
    return {
        "uid": entry.key,
        "question": problem.prompt,
        "solution": f"{response.think}\n#### {response.answer}" if response else None,
        "final": problem.reference_answer,
    }


def _code_row(entry: Entry, problem: Problem) -> dict[str, Any]:
    return {
        "task_id": entry.key,
        "description": problem.prompt,
        "tests": json.dumps(problem.test_case),
        "plan": entry.response.think if entry.response else None,
        "solution": entry.response.answer if entry.response else None,
    }


def _science_row(entry: Entry, problem: Problem) -> dict[str, Any]:
    return {
        "id": entry.key,
        "query": problem.prompt,
        "gold": problem.reference_answer,
        "completion": entry.response.raw if entry.response else None,
    }


def _instruction_row(entry: Entry, problem: Problem) -> dict[str, Any]:
    constraints = problem.constraints or []
    return {
        "key": entry.key,
        "prompt": problem.prompt,
        "instruction_id_list": [constraint["instruction_id"] for constraint in constraints],
        "kwargs": [dict(constraint["kwargs"]) for constraint in constraints],
    }


def _chat_row(entry: Entry, problem: Problem) -> dict[str, Any]:
    return {
        "conversation_id": entry.key,
        "conversations": [{"from": "human", "value": problem.prompt}],
    }


_NATIVE: dict[str, Callable[[Entry, Problem], dict[str, Any]]] = {
    "mini_math": _math_row,
    "mini_code": _code_row,
    "mini_science": _science_row,
    "mini_instruction": _instruction_row,
    "mini_chat": _chat_row,
}


def upstream_rows(source: str, week_index: int) -> Iterator[dict[str, Any]]:
    """The whole upstream as it stands in week 0 or in any later one, which all equal week 1.

    Raises KeyError for an unknown source.
    """
    week = min(week_index, WEEKS - 1)
    for entry in entries(source):
        if entry.week > week or (entry.vanishes and week > entry.week):
            continue
        changed = entry.changed if week > entry.week else None
        yield _NATIVE[source](entry, changed or entry.problem)
