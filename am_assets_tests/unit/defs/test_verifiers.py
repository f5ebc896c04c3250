"""What verification is handed of a profile: the sections and models of a partition's kinds."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from am_assets.core.memory import RowMemory
from am_assets.core.profile import Profile
from am_assets.core.protocol import render_response
from am_assets.core.run import Run
from am_assets.core.stage import InputMissing
from am_assets.core.usage import Meter
from am_assets.core.verdict import Check, Kind
from am_assets.defs import verifiers
from am_assets.stages.verification import remembered
from am_assets_tests.conftest import TINY

KINDS: dict[Kind, tuple[set[str], list[str]]] = {
    "math": ({"rules", "math", "judge"}, ["instruct"]),
    "science": ({"rules", "science", "judge"}, ["instruct"]),
    "code": ({"rules", "code"}, []),
    "instruction": ({"rules", "instruction"}, []),
    "chat": ({"rules", "chat"}, ["reward"]),
}


def profile_of(kind: str, **verification: Any) -> Profile:
    sums = TINY["sources"]["sums"] | {"domain": kind}
    changed = {"sources": {"sums": sums}, "verification": verification}
    thresholds = {"dedup": {"threshold": 0.9}, "decontamination": {"embedding_threshold": 0.9}}
    return Profile.model_validate({**TINY, **thresholds, **changed})


class _Engines:
    """Notes what is asked for; has nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def generation(self, role: str) -> None:
        self.asked.append(role)

    def reward(self) -> None:
        self.asked.append("reward")

    def sandbox(self) -> None:
        self.asked.append("sandbox")

    def rules(self) -> None:
        return None


def run_of(profile: Profile) -> Run:
    key = {"source": "sums", "week": "2025-01-06"}
    return cast(
        "Run",
        SimpleNamespace(
            profile=profile,
            key=key,
            config={"verification": verifiers.config_of(profile, key)},
            engines=_Engines(),
            memory=RowMemory(),
            meter=lambda name, *given, **more: Meter(name),
            stage=SimpleNamespace(ref=lambda key: "existing_verdicts sums|2025-01-06"),
        ),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_derivation_holds_the_sections_and_models_of_its_kind(kind: Kind):
    profile, key = profile_of(kind), {"source": "sums", "week": "2025-01-06"}
    sections, models = KINDS[kind]
    assert set(verifiers.config_of(profile, key)) == sections
    assert verifiers.models_of(profile, key) == models


def test_the_rules_of_one_kind_are_in_no_derivation_of_another(monkeypatch: pytest.MonkeyPatch):
    key = {"source": "sums", "week": "2025-01-06"}
    before = {kind: verifiers.decided_by(profile_of(kind), key) for kind in KINDS}
    versions = remembered.rule_versions
    monkeypatch.setattr(
        remembered, "rule_versions", lambda kind: ("edited",) if kind == "code" else versions(kind)
    )
    after = {kind: verifiers.decided_by(profile_of(kind), key) for kind in KINDS}
    assert [kind for kind in KINDS if before[kind] != after[kind]] == ["code"]


def test_a_math_source_without_second_opinion_has_no_judge():
    profile = profile_of("math", math={"judge_second_opinion": False})
    key = {"source": "sums", "week": "2025-01-06"}
    assert set(verifiers.config_of(profile, key)) == {"rules", "math"}
    assert verifiers.models_of(profile, key) == []


def test_scores_depend_on_the_kinds_of_all_benchmarks():
    profile, key = profile_of("chat"), {"recipe": "base", "week": "2025-01-06"}
    assert set(verifiers.config_of(profile, key)) == {"rules", "math", "judge"}


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_engines_of_its_kind_are_started(kind: Kind):
    run = run_of(profile_of(kind))
    verifiers.verify_fn(run)
    asked = cast("_Engines", run.engines).asked
    assert asked == KINDS[kind][1] + (["sandbox"] if kind == "code" else [])


def test_a_row_of_another_kind_stops_a_build_whose_derivation_does_not_cover_it():
    verify = verifiers.verify_fn(run_of(profile_of("chat")))
    row = Check("one", "math", "1 + 1?", render_response("hm", "2"), reference_answer="2")
    with pytest.raises(InputMissing, match=r"rows of kind math.* materialize raw_prompts"):
        list(verify([row]))
