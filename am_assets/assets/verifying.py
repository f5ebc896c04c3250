"""How assets reach verification: the profile's settings and the run's engines."""

from collections.abc import Iterable, Iterator
from typing import Any

from am_assets.core.config import Profile
from am_assets.core.stage import Run
from am_assets.core.verdict import Check, Verdict
from am_assets.stages.evaluation import VerifyAnswers
from am_assets.stages.verification import Verifiers, verify
from am_assets.stages.verification.config import VerificationConfig

MODELS = ("instruct", "reward")


def settings_of(profile: Profile) -> VerificationConfig:
    """The settings of verification, defaults included."""
    return VerificationConfig.model_validate(profile.verification)


def config_of(profile: Profile) -> dict[str, Any]:
    """The settings of verification as plain values."""
    return settings_of(profile).model_dump(mode="json")


def verify_fn(run: Run, total: int | None = None) -> VerifyAnswers:
    """Verification with the run's judge, reward model and sandbox; `total` checks in all, if known.

    What was decided before comes from the run's row memory.
    """
    judge = run.engines.generation("instruct")
    elsewhere = run.engines.rules()
    sandbox = None if elsewhere else run.engines.sandbox()
    verifiers = Verifiers(judge, run.engines.reward(), sandbox, elsewhere)
    config = settings_of(run.profile)
    meter = run.meter("verification", total, "responses")
    judge_meter = run.meter("judge", unit="replies", gpus=judge.gpus if judge else 0)

    def verify_checks(checks: Iterable[Check], require_format: bool = True) -> Iterator[Verdict]:
        return verify(
            checks,
            verifiers,
            config,
            run.memory,
            require_format=require_format,
            meter=meter,
            judge_meter=judge_meter,
        )

    return verify_checks
