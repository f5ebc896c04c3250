import json
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from am_assets.core.ledger import LedgerError
from am_assets.core.schema import (
    EXISTING_VERDICTS,
    LABELS,
    RESPONSES,
    SUPERSEDED,
    VERDICTS,
    VERIFIED,
)
from am_assets.core.settings.training import Sft
from am_assets.core.settings.verification import FromDistribution
from am_assets.stages.training.selection import Candidates, Selection, select
from am_assets_tests.support.fakes import WEEK, prompts, sample_key

CONFIG = Sft()
NOTHING = SUPERSEDED.table([])


def _row(name: str, **columns: Any) -> dict[str, Any]:
    base = {"sample_id": sample_key(name), "source": "source_a", "week": WEEK, "decision": "kept"}
    return base | columns


def _response(text: str) -> str:
    return f"<think>because</think><answer>{text}</answer>"


def _candidates(samples: dict[str, dict[str, Any]]) -> Candidates:
    """Samples by name: `existing` text or None, `distilled` [(id, score, tokens, passed)]."""
    existing, responses, verdicts, verified, labels = [], [], [], [], []
    for name, sample in samples.items():
        own = sample.get("existing")
        week = sample.get("week", WEEK)
        if own:
            score = {"score": sample.get("score", 1.0)}
            existing.append(
                _row(name, response_id=f"own-{name}", status="pass", week=week, **score)
            )
        for key, score, tokens, passed in sample.get("distilled", ()):
            decision = "kept" if passed else "dropped"
            verdicts.append(_row(name, response_id=key, score=score, decision=decision, week=week))
            text = _response(f"{name} {key}")
            answer = {"text": text, "token_ids": list(range(tokens)), "model": "teacher"}
            responses.append(_row(name, response_id=key, week=week, **answer))
        labels.append(_row(name, category="math", difficulty="hard", prompt_tokens=4, week=week))
        outcome = {"existing_passed": bool(own), "pass_rate": 0.5, "week": week}
        verified.append(_row(name, **outcome) | {"decision": sample.get("decision", "kept")})
    return Candidates(
        prompts=prompts(
            *(
                {
                    "prompt": name,
                    "existing_response": sample.get("existing"),
                    "week": sample.get("week", WEEK),
                    **{name: sample[name] for name in ("kind", "source") if name in sample},
                }
                for name, sample in samples.items()
            )
        ),
        labels=LABELS.table(labels),
        existing_verdicts=EXISTING_VERDICTS.table(existing),
        responses=RESPONSES.table(responses),
        verdicts=VERDICTS.table(verdicts),
        verified=VERIFIED.table(verified),
    )


def _select(candidates: Candidates, **arguments: Any) -> list[dict[str, Any]]:
    settled = {"superseded": NOTHING, "config": CONFIG, "week": WEEK} | arguments
    return _selection(candidates, **settled).table.to_pylist()


def _selection(candidates: Candidates, **settled: Any) -> Selection:
    return select(
        settled["week"],
        candidates,
        settled["superseded"],
        settled["config"],
        settled.get("chat_threshold", 0.7),
        lambda text: len(text.split()),
        settled.get("perplexity"),
    )


@pytest.mark.parametrize("asset", ["labels", "existing_verdicts", "responses"])
def test_inputs_that_are_not_of_one_generation_are_named(asset: str):
    candidates = _candidates({"a": {"existing": _response("1")}, "b": {"distilled": [R1]}})
    table = getattr(candidates, asset)
    with pytest.raises(LedgerError, match=f"^{asset} has nothing of the sample .* again, in order"):
        select(WEEK, candidates._replace(**{asset: table.slice(0, 0)}), NOTHING, CONFIG, 0.7, len)


R1 = ("r1", 1.0, 3, True)


def test_a_passing_existing_response_is_chosen_before_distilled_ones():
    row = _select(_candidates({"a": {"existing": _response("x"), "distilled": []}}))[0]
    assert (row["origin"], row["responder"]) == ("upstream", "source_a")
    assert (row["response_id"], row["response"]) == ("own-a", _response("x"))
    assert row["category"] == "math"


def test_of_distilled_responses_the_best_then_shortest_then_smallest_id_is_chosen():
    distilled = [
        ("r0", 1.0, 3, False),
        ("r1", 0.9, 5, True),
        ("r3", 1.0, 9, True),
        ("r2", 1.0, 9, True),
        ("r4", 1.0, 12, True),
    ]
    row = _select(_candidates({"a": {"distilled": distilled}}))[0]
    assert (row["response_id"], row["response_tokens"]) == ("r2", 9)
    assert (row["origin"], row["responder"], row["pass_rate"]) == ("distilled", "teacher", 0.5)


def test_samples_that_verification_dropped_or_that_come_later_are_no_candidates():
    candidates = _candidates(
        {
            "a": {"distilled": [("r1", 1.0, 3, True)]},
            "b": {"distilled": [("r2", 1.0, 3, False)], "decision": "dropped"},
            "c": {"distilled": [("r3", 1.0, 3, True)], "week": "2025-01-13"},
        }
    )
    assert [row["prompt"] for row in _select(candidates)] == ["a"]
    assert len(_select(candidates, week="2025-01-13")) == 2


def test_a_superseded_sample_is_dropped_and_names_its_successor():
    newer = [{"sample_id": sample_key("a"), "superseded_by": sample_key("b")}]
    rows = _select(
        _candidates(
            {
                "a": {"distilled": [("r1", 1.0, 3, True)]},
                "b": {"distilled": [("r2", 1.0, 3, True)]},
            }
        ),
        superseded=SUPERSEDED.table(newer),
    )
    fates = {row["prompt"]: (row["decision"], row["reason"]) for row in rows}
    assert fates == {"a": ("dropped", "superseded"), "b": ("kept", None)}
    evidence = next(row["evidence"] for row in rows if row["prompt"] == "a")
    assert json.loads(evidence) == {"superseded_by": sample_key("b")}


def test_template_text_is_counted_over_what_is_not_superseded():
    stock = " ".join(f"word{index}" for index in range(20))
    samples = {f"s{index}": {"existing": _response(stock)} for index in range(3)}
    config = Sft(template_tokens=20, template_occurrences=2)
    rows = _select(_candidates(samples), config=config)
    assert {row["reason"] for row in rows} == {"template_text"}
    newer = [{"sample_id": sample_key("s0"), "superseded_by": "later"}]
    rows = _select(_candidates(samples), config=config, superseded=SUPERSEDED.table(newer))
    assert sorted(row["reason"] or "" for row in rows) == ["", "", "superseded"]


def test_a_perplexity_above_the_limit_drops_and_says_by_how_much():
    candidates = _candidates(
        {"a": {"existing": _response("x y")}, "b": {"existing": _response("z")}}
    )
    rows = _select(
        candidates,
        config=Sft(perplexity_limit=20),
        perplexity=lambda sample_id, prompt, answer: 21.5 if answer == "x y" else 20.0,
    )
    fates = {row["prompt"]: row["reason"] for row in rows}
    assert fates == {"a": "perplexity", "b": None}
    evidence = next(row["evidence"] for row in rows if row["reason"])
    assert json.loads(evidence) == {"perplexity": 21.5, "limit": 20.0}


def test_a_perplexity_limit_without_a_model_is_refused():
    with pytest.raises(ValueError, match=r"models\.reference"):
        _select(_candidates({"a": {"existing": _response("x")}}), config=Sft(perplexity_limit=20))


def _chat(**scores: float) -> dict[str, dict[str, Any]]:
    return {
        name: {"kind": "chat", "existing": _response(name), "score": score}
        for name, score in scores.items()
    }


def _fates(rows: list[dict[str, Any]]) -> dict[str, str | None]:
    return {row["prompt"]: row["reason"] for row in rows}


def test_a_threshold_from_the_distribution_keeps_the_best_share_with_its_ties():
    candidates = _candidates(_chat(a=0.9, b=0.5, c=0.5, d=0.4, e=0.1))
    selection = _selection(
        candidates,
        week=WEEK,
        superseded=NOTHING,
        config=CONFIG,
        chat_threshold=FromDistribution(keep_top=0.4),
    )
    rows = selection.table.to_pylist()
    assert _fates(rows) == {"a": None, "b": None, "c": None, "d": "low_reward", "e": "low_reward"}
    evidence = next(row["evidence"] for row in rows if row["prompt"] == "d")
    assert json.loads(evidence) == {
        "score": 0.4,
        "threshold": 0.5,
        "keep_top": 0.4,
        "of": "corpus",
        "rows": 5,
    }
    assert selection.chat["thresholds"] == {"corpus": {"value": 0.5, "rows": 5, "kept": 3}}
    assert sum(selection.chat["scores"]) == 5


def test_a_distribution_may_be_each_sources_or_each_weeks():
    later = "2025-01-13"
    samples = _chat(a=0.9, b=0.8, c=0.3, d=0.2)
    samples["c"]["source"] = samples["d"]["source"] = "source_b"
    samples["b"]["week"] = samples["d"]["week"] = later
    half = {"keep_top": 0.5}

    def fates(over: Any) -> set[str]:
        threshold = FromDistribution(over=over, **half)
        rows = _select(_candidates(samples), week=later, chat_threshold=threshold)
        return {name for name, reason in _fates(rows).items() if reason is None}

    assert fates("corpus") == {"a", "b"}
    assert fates("source") == {"a", "c"}
    assert fates("source_week") == {"a", "b", "c", "d"}


def test_only_current_chat_responses_make_the_distribution():
    samples = _chat(a=0.9, b=0.5) | {"m": {"existing": _response("m"), "score": 0.0}}
    newer = [{"sample_id": sample_key("a"), "superseded_by": sample_key("b")}]
    rows = _select(
        _candidates(samples),
        superseded=SUPERSEDED.table(newer),
        chat_threshold=FromDistribution(keep_top=0.5),
    )
    assert _fates(rows) == {"a": "superseded", "b": None, "m": None}


def test_templates_are_counted_over_what_the_threshold_leaves():
    stock = " ".join(f"word{index}" for index in range(20))
    samples = _chat(a=0.9, b=0.8, c=0.1)
    for sample in samples.values():
        sample["existing"] = _response(stock)
    config = Sft(template_tokens=20, template_occurrences=2)
    threshold = FromDistribution(keep_top=0.6)
    rows = _select(_candidates(samples), config=config, chat_threshold=threshold)
    assert _fates(rows) == {"a": None, "b": None, "c": "low_reward"}


def test_a_number_as_threshold_was_applied_before_and_is_only_shown():
    selection = _selection(
        _candidates(_chat(a=0.9, b=0.1)), week=WEEK, superseded=NOTHING, config=CONFIG
    )
    assert set(_fates(selection.table.to_pylist()).values()) == {None}
    assert selection.chat["thresholds"] == {"profile": {"value": 0.7}}
    assert (selection.chat["scores"][18], selection.chat["scores"][2]) == (1, 1)


def test_a_corpus_without_chat_has_no_scores():
    candidates = _candidates({"a": {"existing": _response("x")}})
    selection = _selection(candidates, week=WEEK, superseded=NOTHING, config=CONFIG)
    assert selection.chat == {}


def test_an_empty_corpus_gives_an_empty_table():
    assert _select(_candidates({})) == []


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.8, 1.0]), st.integers(1, 4), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    st.randoms(),
)
def test_selection_does_not_depend_on_the_order_of_rows(
    distilled: list[tuple[float, int, bool]], rng: random.Random
):
    answers = [(f"r{index}", *rest) for index, rest in enumerate(distilled)]
    passing = [answer for answer in answers if answer[3]]
    decision = "kept" if passing else "dropped"
    candidates = _candidates(
        {
            "a": {"distilled": answers, "decision": decision},
            "b": {"existing": _response("own")},
        }
    )

    def shuffled(table: pa.Table) -> pa.Table:
        return table.take(rng.sample(range(len(table)), len(table)))

    expected = _select(candidates)
    assert _select(Candidates(*map(shuffled, candidates))) == expected
    if passing:
        best = min(passing, key=lambda answer: (-answer[1], answer[2], answer[0]))
        assert best[0] in {row["response_id"] for row in expected}
