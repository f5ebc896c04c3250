"""How assets reach verification: the profile's settings and the run's engines."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from am_assets.core.config import Profile
from am_assets.core.pipeline import Run
from am_assets.core.verdict import Check, Verdict
from am_assets.stages.evaluation import VerifyAnswers
from am_assets.stages.verification import Verifiers, verify
from am_assets.stages.verification.config import VerificationConfig

# The math worker is started as a script, so that no import leads to it.
MODULES = (
    "am_assets.stages.verification",
    "am_assets.stages.verification.math_worker",
    "am_assets.stages.outcomes",
)
MODELS = ("instruct", "reward")
_REPORT_EVERY_S = 5.0


def config_of(profile: Profile) -> dict[str, Any]:
    """The settings of verification, defaults included."""
    return VerificationConfig.model_validate(profile.verification).model_dump(mode="json")


def verify_fn(run: Run) -> VerifyAnswers:
    """Verification with the run's judge, reward model and sandbox."""
    verifiers = Verifiers(
        judge=run.engines.generation("instruct"),
        reward=run.engines.reward(),
        sandbox=run.engines.sandbox(),
    )
    config = VerificationConfig.model_validate(run.profile.verification)

    def verify_checks(checks: Iterable[Check], require_format: bool = True) -> Iterator[Verdict]:
        verdicts = verify(checks, verifiers, config, require_format=require_format)
        said = time.monotonic()
        for done, verdict in enumerate(verdicts, 1):
            if time.monotonic() - said >= _REPORT_EVERY_S:
                said = time.monotonic()
                run.log(f"verification: {done} responses judged")
            yield verdict

    return verify_checks
