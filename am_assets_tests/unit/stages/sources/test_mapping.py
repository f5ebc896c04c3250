import json
from typing import Any

import pytest

from am_assets.core.settings.sources import Columns
from am_assets.stages.sources import SourceError, UpstreamRow
from am_assets.stages.sources.mapping import in_blocks, map_row


def mapped(data: dict[str, Any], **columns: Any) -> dict[str, Any]:
    row = UpstreamRow(data, "upstream.jsonl", 7, "")
    return map_row(row, Columns.model_validate(columns), "math")


def test_a_prompt_becomes_one_user_turn():
    row = mapped({"q": "What is 2+2?"}, prompt="q")
    assert row["prompt"] == "What is 2+2?"
    assert row["messages"] == [{"role": "user", "content": "What is 2+2?"}]
    assert row["reference_answer"] is None
    assert row["existing_response"] is None


def test_several_prompt_columns_are_joined_by_blank_lines():
    data = {"body": "Tom has 3 eggs.", "question": "How many?", "note": None}
    assert (
        mapped(data, prompt=["body", "note", "question"])["prompt"]
        == "Tom has 3 eggs.\n\nHow many?"
    )


def test_dots_reach_into_nested_fields_and_lists():
    data = {"meta": {"q": "Why?"}, "turns": ["first", "second"], "a.b": "flat"}
    assert mapped(data, prompt="meta.q")["prompt"] == "Why?"
    assert mapped(data, prompt="turns.0")["prompt"] == "first"
    assert mapped(data, prompt="a.b")["prompt"] == "flat"


def test_a_missing_column_is_an_error_that_lists_the_available_ones():
    with pytest.raises(
        SourceError, match=r"upstream\.jsonl, row 7 has no column question.*has q, z"
    ):
        mapped({"q": "x", "z": 1}, prompt="question")


def test_a_marker_splits_rationale_and_answer():
    marker = {"column": "answer", "marker": "####"}
    row = mapped(
        {"q": "?", "answer": "2+2=4\n#### 4"},
        prompt="q",
        reference_answer=marker,
        rationale_and_answer=marker,
    )
    assert row["reference_answer"] == "4"
    assert row["existing_response"] == "<think>2+2=4</think><answer>4</answer>"


def test_an_answer_without_the_marker_gives_no_reference():
    marker = {"column": "answer", "marker": "####"}
    assert (
        mapped({"q": "?", "answer": "4"}, prompt="q", reference_answer=marker)["reference_answer"]
        is None
    )


@pytest.mark.parametrize(("value", "text"), [(145.0, "145"), (3, "3"), (2.5, "2.5"), (" 7 ", "7")])
def test_numbers_become_the_text_upstream_would_print(value: Any, text: str):
    assert (
        mapped({"q": "?", "a": value}, prompt="q", reference_answer="a")["reference_answer"] == text
    )


def test_a_unit_is_appended_to_the_reference():
    data = {"q": "?", "n": "50.7", "u": "$\\mathrm{atm}$ "}
    row = mapped(data, prompt="q", reference_answer="n", unit="u")
    assert row["reference_answer"] == "50.7 $\\mathrm{atm}$"
    assert (
        mapped({**data, "u": " "}, prompt="q", reference_answer="n", unit="u")["reference_answer"]
        == "50.7"
    )


def test_asserts_become_a_test_case():
    data = {"q": "?", "tests": ["assert f(1) == 1"], "setup": ""}
    row = mapped(data, prompt="q", tests="tests", test_setup="setup")
    assert json.loads(row["test_case"]) == {"type": "asserts", "tests": ["assert f(1) == 1"]}


def test_a_test_case_of_unknown_shape_is_an_error():
    with pytest.raises(SourceError, match="row 7 has a test case of unknown shape"):
        mapped({"q": "?", "t": {"expected": 1}}, prompt="q", test_case="t")


def test_constraint_ids_and_kwargs_are_paired_and_lose_their_nulls():
    data = {"q": "?", "ids": ["a:b", "c:d"], "kw": [{"n": 3, "m": None}, None]}
    row = mapped(data, prompt="q", constraint_ids="ids", constraint_kwargs="kw")
    assert json.loads(row["constraints"]) == [
        {"instruction_id": "a:b", "kwargs": {"n": 3}},
        {"instruction_id": "c:d", "kwargs": {}},
    ]


def test_unpaired_constraints_are_an_error():
    with pytest.raises(SourceError, match="2 constraint ids but 1 kwargs"):
        mapped(
            {"q": "?", "ids": ["a", "b"], "kw": [{}]},
            prompt="q",
            constraint_ids="ids",
            constraint_kwargs="kw",
        )


def test_conversations_in_both_key_styles_map_alike():
    chat = [("human", "Hi"), ("gpt", "Hello"), ("human", "Why?"), ("gpt", "Because.")]
    shared = mapped({"c": [{"from": r, "value": t} for r, t in chat]}, messages="c")
    roles = {"human": "user", "gpt": "assistant"}
    openai = mapped({"c": [{"role": roles[r], "content": t} for r, t in chat]}, messages="c")
    assert shared == openai
    assert shared["prompt"] == "Hi\n\nWhy?"
    assert [turn["role"] for turn in shared["messages"]] == ["user", "assistant", "user"]
    assert shared["existing_response"] == "Because."


def test_a_turn_without_a_role_is_an_error():
    with pytest.raises(SourceError, match="without role and content"):
        mapped({"c": ["only text"]}, messages="c")


def test_code_becomes_a_fenced_answer():
    row = mapped({"q": "?", "code": "def f():\r\n    return 1\n"}, prompt="q", code_answer="code")
    assert row["existing_response"].endswith(
        "<answer>```python\ndef f():\n    return 1\n```</answer>"
    )


def test_think_and_answer_columns_are_rendered_as_blocks():
    row = mapped({"q": "?", "t": "hm", "a": "4"}, prompt="q", think="t", answer="a")
    assert row["existing_response"] == "<think>hm</think><answer>4</answer>"


@pytest.mark.parametrize(
    "text",
    [
        "<think>hm</think> <answer>4</answer>",
        "<think>\nhm\n</think>\n\n4",
        "<|begin_of_thought|>\nhm<|end_of_thought|>\n\n<|begin_of_solution|>4<|end_of_solution|>",
    ],
)
def test_published_chain_formats_become_the_two_blocks(text: str):
    assert in_blocks(text) == "<think>hm</think><answer>4</answer>"


@pytest.mark.parametrize("text", ["4", "<think>hm", "<think></think>4", "<think>a</think><think>b"])
def test_a_response_that_is_not_in_two_blocks_stays_as_it_is(text: str):
    assert in_blocks(text) == text


def test_a_lone_surrogate_becomes_the_replacement_character():
    row = mapped({"q": json.loads('"bad \\ud83d end"')}, prompt="q")
    assert row["prompt"] == "bad \ufffd end"


@pytest.mark.parametrize(
    ("said", "verdict"),
    [(True, True), (0, False), (1.0, True), ("Correct", True), ("fail", False), ("", None)],
)
def test_a_recorded_verdict_is_right_wrong_or_not_there(said: Any, verdict: bool | None):
    row = mapped({"q": "1+1?", "ok": said}, prompt="q", recorded_verdict="ok")
    assert row["recorded_verdict"] is verdict


def test_a_recorded_verdict_that_is_none_is_an_error():
    with pytest.raises(SourceError, match=r"row 7 has 'perhaps' in column ok, which is no verdict"):
        mapped({"q": "1+1?", "ok": "perhaps"}, prompt="q", recorded_verdict="ok")
