"""How assets reach verification: the profile's settings and the run's engines."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from am_assets.core.profile import Profile
from am_assets.core.run import Run
from am_assets.core.settings.verification import Verification
from am_assets.core.stage import InputMissing, Key
from am_assets.core.verdict import Check, Kind, Verdict
from am_assets.stages.evaluation.scores import VerifyAnswers
from am_assets.stages.verification import Verifiers, remembered, verify
from am_assets.stages.verification.by_kind import KINDS


def kinds_of(profile: Profile, key: Key) -> list[Kind]:
    """The kinds of checks that a partition may hold: its source's, or those of all benchmarks."""
    if "source" in key:
        return [profile.sources[key["source"]].domain]
    return sorted({benchmark.domain for benchmark in profile.benchmarks.values()})


def config_of(profile: Profile, key: Key) -> dict[str, Any]:
    """The settings of verification that decide about a partition's kinds, as plain values."""
    kinds, settings = kinds_of(profile, key), profile.verification
    sections = {"rules": settings.rules, **{kind: KINDS[kind].section(settings) for kind in kinds}}
    if _asks_judge(kinds, settings):
        sections["judge"] = settings.judge
    return {name: section.model_dump(mode="json") for name, section in sections.items()}


def decided_by(profile: Profile, key: Key) -> dict[str, Any]:
    """What a partition's verdicts follow from beside the models: settings, and rules by kind."""
    return {
        "verification": config_of(profile, key),
        "rules": {
            kind: remembered.decided_by(kind, KINDS[kind].asks_judge(profile.verification))
            for kind in kinds_of(profile, key)
        },
    }


def models_of(profile: Profile, key: Key) -> list[str]:
    """The models that decide about a partition's kinds."""
    kinds = kinds_of(profile, key)
    judge = ["instruct"] if _asks_judge(kinds, profile.verification) else []
    return [*judge, *(["reward"] if any(KINDS[kind].asks_reward for kind in kinds) else [])]


def _asks_judge(kinds: Sequence[Kind], settings: Verification) -> bool:
    return any(KINDS[kind].asks_judge(settings) for kind in kinds)


def verify_fn(run: Run, total: int | None = None) -> VerifyAnswers:
    """Verification with the run's judge, reward model and sandbox; `total` checks in all, if known.

    What was decided before comes from the run's row memory. A check of a kind that the partition's
    derivation does not cover raises InputMissing.
    """
    models, kinds = models_of(run.profile, run.key), kinds_of(run.profile, run.key)
    judge = run.engines.generation("instruct") if "instruct" in models else None
    reward = run.engines.reward() if "reward" in models else None
    elsewhere = run.engines.rules()
    programs = any(KINDS[kind].language is not None for kind in kinds)
    sandbox = run.engines.sandbox() if programs and elsewhere is None else None
    verifiers = Verifiers(judge, reward, sandbox, elsewhere)
    # What the derivation does not hold is not there to be read.
    config = Verification.model_validate(run.config["verification"])
    meter = run.meter("verification", total, "responses")
    judge_meter = run.meter("judge", unit="replies", gpus=judge.gpus if judge else 0)

    def verify_checks(checks: Iterable[Check], require_format: bool = True) -> Iterator[Verdict]:
        return verify(
            _covered(checks, kinds, run),
            verifiers,
            config,
            run.memory,
            require_format=require_format,
            meter=meter,
            judge_meter=judge_meter,
        )

    return verify_checks


def _covered(checks: Iterable[Check], kinds: Sequence[Kind], run: Run) -> Iterator[Check]:
    for check in checks:
        if check.kind not in kinds:
            raise InputMissing(
                f"{run.stage.ref(run.key)} reads rows of kind {check.kind}, which were mapped "
                f"before the profile said {', '.join(kinds)}: materialize raw_prompts, prompts and "
                "benchmarks of this profile first"
            )
        yield check
