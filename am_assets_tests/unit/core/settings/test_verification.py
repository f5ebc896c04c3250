import pytest
from pydantic import ValidationError

from am_assets.core.settings.verification import FromDistribution, JudgeConfig, Verification


def test_the_defaults_are_the_papers_figures():
    config = Verification()
    assert (config.code.max_tests, config.science.pass_score, config.chat.threshold) == (
        10,
        4.99,
        0.7,
    )
    assert config.math.pass_score == config.code.pass_score == config.instruction.pass_score == 0.99


@pytest.mark.parametrize(
    "setting",
    [
        {"template": "no places"},
        {"score_pattern": "("},
        {"score_pattern": "no group"},
        {"unknown": 1},
    ],
)
def test_a_judge_that_could_not_work_is_refused_at_once(setting):
    with pytest.raises(ValidationError):
        JudgeConfig(**setting)


def test_chats_threshold_is_a_number_or_follows_from_the_distribution():
    for given, expected in (
        (0.5, 0.5),
        ({"keep_top": 0.6}, FromDistribution(keep_top=0.6, over="corpus", at_least=0)),
        ({"keep_top": 1, "over": "source_week"}, FromDistribution(keep_top=1, over="source_week")),
    ):
        config = Verification.model_validate({"chat": {"threshold": given}})
        assert config.chat.threshold == expected


@pytest.mark.parametrize(
    "threshold",
    [7, -0.1, {"keep_top": 0}, {"keep_top": 60}, {"keep_top": 0.5, "over": "month"}, {}, "0.7x"],
)
def test_a_threshold_that_means_nothing_is_refused(threshold):
    with pytest.raises(ValidationError):
        Verification.model_validate({"chat": {"threshold": threshold}})
