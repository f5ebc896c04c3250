import json
from typing import Any

import pyarrow as pa
import pytest

from am_assets.core.schema import RAW
from am_assets.core.settings.prompts import Cleaning
from am_assets.stages.prompts.cleaning import clean_prompts

QUESTION = "How many apples does Tom have?"


def raw(prompt: str, sample: str = "s", **columns: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": prompt}]
    return {
        "sample_id": sample,
        "source": "numbers",
        "week": "2026-01-05",
        "kind": "math",
        "prompt": prompt,
        "messages": messages,
        "decision": "kept",
        "occurrences": [],
        **columns,
    }


def clean(*rows: dict[str, Any], **settings: Any) -> list[dict[str, Any]]:
    return clean_prompts(RAW.table(rows), Cleaning(**settings)).to_pylist()


def fate(prompt: str, **settings: Any) -> str | None:
    (row,) = clean(raw(prompt), **settings)
    return row["reason"]


@pytest.mark.parametrize(
    "prompt",
    [
        QUESTION,
        "Write a function to find the minimum cost path.",
        "解释一下量子力学",
        r"Solve $\begin{array}{c|c} x & y \\ 1 & 2 \end{array}$ and $|x| + |y| = 3$",
        "Let $|a|\n|b| = 2$. Find $a$.",
        "Continue the story: once upon a time there was the",
        "Choose:\n* yes;\n* no;",
        "Fix this:\n```python\nx = 1\n```",
        "Use markdown ticks such as ```.",
        "Un café à 3 €, où est la monnaie 🙂👩‍🔬?",
        "मेरे पास कितने सेब हैं?",
        "请重写句子：“天气不好。”,",
    ],
)
def test_an_honest_prompt_is_kept(prompt: str):
    assert fate(prompt) is None


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("?!...", "empty"),
        ("Hi you", "too_short"),
        ("bro\u0000ken\u0001\u0002\ufffd\ufffd text", "abnormal_unicode"),
        ("Z̸̧̢̛̗̞a̵̢̛̗̞l̸̢̛̗̞g̵̢̛̗̞ơ̸̢̗̞ text", "abnormal_unicode"),
        ("Summarise https://example.org/page please.", "url"),
        ("What is on www.example.org today?", "url"),
        ("Who leads?\n| name | points |\n|---|---|\n| A | 3 |", "table"),
        (r"Sum it: \begin{tabular}{cc} 1 & 2 \end{tabular}", "table"),
        ("Read <table><tr><td>1</td></tr></table> aloud.", "table"),
        ("+----+----+\n| a  | b  |\n+----+----+ what is this?", "table"),
        ("a\tb\tc\n1\t2\t3\n4\t5\t6\nWhat is the sum?", "table"),
        ("If Tom has three apples, two pears,", "incomplete"),
        ("What is the area of the", "incomplete"),
        ("Explain this code:\n```python\nx = 1", "incomplete"),
    ],
)
def test_a_prompt_is_dropped_by_the_rule_it_breaks(prompt: str, reason: str):
    assert fate(prompt) == reason


def test_rules_can_be_switched_off():
    assert fate("Summarise https://example.org/page please.", drop_urls=False) is None
    assert fate("What is the area of the", drop_incomplete=False) is None
    assert fate("x <table> y and more", drop_tables=False) is None


def test_a_prompt_over_the_limit_is_dropped():
    assert fate("word " * 30, max_characters=100) == "too_long"


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        (["user"], None),
        (["system", "user"], None),
        (["user", "assistant", "user"], None),
        (["user", "user"], "odd_turns"),
        (["assistant", "user"], "odd_turns"),
        (["user", "tool", "user"], "odd_turns"),
        ([], "odd_turns"),
    ],
)
def test_turns_must_be_even_with_the_response_to_come(roles: list[str], reason: str | None):
    messages = [{"role": role, "content": QUESTION} for role in roles]
    (row,) = clean(raw(QUESTION, messages=messages))
    assert row["reason"] == reason


def test_evidence_holds_no_long_excerpt():
    (row,) = clean(raw(f"See https://example.org/{'secret' * 50} now"))
    assert json.loads(row["evidence"]) == {"urls": 1, "first": "https://example.org/"}


def test_of_identical_prompts_the_checkable_one_is_kept_and_named_as_the_twin():
    rows = clean(
        raw(QUESTION, "a"),
        raw(QUESTION.upper(), "b", reference_answer="3"),
        raw(f"  {QUESTION}", "c", existing_response="3"),
    )
    assert [row["decision"] for row in rows] == ["dropped", "kept", "dropped"]
    assert [row["reason"] for row in rows] == ["exact_duplicate", None, "exact_duplicate"]
    assert json.loads(rows[0]["evidence"]) == {"twin": "b"}


def test_identical_prompts_with_different_references_keep_one():
    rows = clean(raw(QUESTION, "a", reference_answer="3"), raw(QUESTION, "b", reference_answer="4"))
    assert [row["decision"] for row in rows] == ["kept", "dropped"]


def test_a_dropped_prompt_is_nobodys_twin():
    odd = [{"role": "assistant", "content": QUESTION}]
    rows = clean(raw(QUESTION, "a", messages=odd, reference_answer="3"), raw(QUESTION, "b"))
    assert [row["reason"] for row in rows] == ["odd_turns", None]


def test_rows_that_were_not_kept_upstream_are_left_out():
    assert clean(raw(QUESTION, decision="dropped", reason="repeated")) == []
    assert isinstance(clean_prompts(RAW.table([]), Cleaning()), pa.Table)
