import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.verification.statistics import Tally, coefficient_of_variation, pass_rate


def test_the_pass_rate_is_the_mean_of_passes():
    assert pass_rate([True, False, False, True]) == 0.5


def test_the_coefficient_of_variation_is_sigma_over_mu():
    assert coefficient_of_variation([1.0, 3.0]) == 0.5


def test_scores_that_are_all_zero_do_not_vary():
    assert coefficient_of_variation([0.0, 0.0]) == 0.0


@pytest.mark.parametrize("function", [pass_rate, coefficient_of_variation])
def test_no_samples_have_no_statistics(function):
    with pytest.raises(ValueError, match="one"):
        function([])


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0.1, 10))
def test_variation_does_not_depend_on_scale(scores, factor):
    scaled = [score * factor for score in scores]
    assert coefficient_of_variation(scaled) == pytest.approx(
        coefficient_of_variation(scores), rel=1e-6, abs=1e-6
    )


def _verdict(status: str, verifier: str | None, score: float | None = None, **evidence: object):
    text = json.dumps(evidence) if evidence else None
    return {"status": status, "verifier": verifier, "score": score, "evidence": text}


def test_passes_by_rule_and_by_judge_are_counted_apart():
    tally = Tally()
    tally.add(_verdict("pass", "math", 1.0))
    tally.add(_verdict("pass", "judge", 1.0, judge_score=5))
    tally.add(_verdict("pass", "judge", 1.0, judge_score=5, rule_verdict="fail"))
    tally.add(_verdict("fail", "judge", 0.2, judge_score=1, rule_verdict="fail"))
    tally.add(_verdict("pass", "reward", 0.8, ratings={"coherence": 3.2}))
    tally.add(_verdict("fail", "reward", 0.1, ratings={"coherence": 0.4}))
    tally.add(_verdict("error", None))
    counts = tally.as_dict()
    assert counts["verdicts"] == {"error": 1, "fail": 2, "pass": 4}
    assert counts["passes"] == {"judge": 1, "judge_second_opinion": 1, "reward": 1, "rules": 1}
    assert (counts["chat_scores"][16], counts["chat_scores"][2]) == (1, 1)
    assert "instruction" not in counts


def test_accuracies_stand_beside_the_counts_where_constraints_were_checked():
    tally = Tally()
    checked = [{"instruction_id": "punctuation:no_comma", "strict": False, "loose": True}]
    rates = {"prompt_strict": False, "prompt_loose": True}
    shares = {"instruction_strict": 0.0, "instruction_loose": 1.0}
    tally.add(_verdict("fail", "ifeval", 0.0, constraints=checked, **rates, **shares))
    tally.add(_verdict("unverifiable", "ifeval", None, instruction_id="style:rhyme"))
    counts = tally.as_dict()
    assert counts["instruction"] == {"prompts": 1, "instructions": 1} | {
        "prompt_strict": 0.0,
        "prompt_loose": 1.0,
        "instruction_strict": 0.0,
        "instruction_loose": 1.0,
    }
    assert "chat_scores" not in counts
