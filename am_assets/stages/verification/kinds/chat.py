"""Chat: no rule of its own; the reward model rates what has the form of an answer."""

from am_assets.core.settings.verification import Verification
from am_assets.stages.verification.kind import Rate, VerificationKind, never
from am_assets.stages.verification.models.reward import VERSION
from am_assets.stages.verification.outcome import Outcome, Verifier

_NO_REWARD = Verifier("reward", VERSION)


def _left(outcome: Outcome | None, config: Verification) -> Rate | None:
    del config
    return None if outcome is not None else Rate(_NO_REWARD.error("reward_missing"))


CHAT = VerificationKind(
    section=lambda config: config.chat,
    rules=None,
    made_with=(),
    together=32,
    language=None,
    asks_judge=never,
    asks_reward=True,
    left=_left,
    short_answers=False,
)
