import pytest
from pydantic import ValidationError

from am_assets.stages.verification.config import JudgeConfig, VerificationConfig


def test_the_defaults_are_the_papers_figures():
    config = VerificationConfig()
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
