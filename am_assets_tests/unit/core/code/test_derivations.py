"""What an edit in one verifier makes stale in a whole profile, partition by partition."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from am_assets.core.code import versions
from am_assets.core.code.files import own_sources
from am_assets.core.code.kept_results import KeptResults
from am_assets.core.code.reach import Graph
from am_assets.core.profile import Profile, load_profile
from am_assets.core.stage import Stage
from am_assets.defs.project import ARTIFACTS
from am_assets.stages.verification import remembered
from am_assets_tests.support.mutants import mutated
from am_assets_tests.unit.core.code.stages import edited

Derived = dict[tuple[str, ...], Any]
_CACHED = (
    versions.reach_of_paths,
    versions.alone_of_paths,
    versions.libraries_of,
    remembered.rule_versions,
    remembered.asked_versions,
)


@pytest.fixture
def with_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[Graph], None]]:
    """Takes other code for this process's."""

    def take(graph: Graph) -> None:
        for one in _CACHED:
            one.cache_clear()
        results = KeptResults(tmp_path / "results.json", "edited")
        monkeypatch.setattr(versions, "graph", lambda: graph)
        monkeypatch.setattr(versions, "kept_results", lambda: results)

    yield take
    for one in _CACHED:
        one.cache_clear()


def _keys(stage: Stage, profile: Profile) -> Iterator[dict[str, str]]:
    values = {
        "source": profile.sources,
        "benchmark": profile.benchmarks,
        "recipe": profile.recipes,
    }
    for name in values.get(stage.dimensions[0], [""]):
        yield {stage.dimensions[0]: name, "week": "2025-01-06"}


def _derived() -> Derived:
    """What each partition's derivation holds beside its inputs and models."""
    profile = load_profile("mini")
    return {
        (stage.name, key[stage.dimensions[0]]): (
            stage.code_version,
            stage.libraries,
            stage.config(profile, key),
        )
        for stage in ARTIFACTS
        for key in _keys(stage, profile)
    }


_SCORES = {("scores", recipe) for recipe in ("base", "full", "lora")}


def _of(*sources: str) -> set[tuple[str, ...]]:
    return {(stage, f"mini_{s}") for stage in ("existing_verdicts", "verified") for s in sources}


@pytest.mark.parametrize(
    ("module", "stale"),
    [
        # No benchmark of the profile is of instructions, or of chat.
        ("stages.verification.instruction.ifeval", _of("instruction")),
        ("stages.verification.math.compare", _of("math") | _SCORES),
        ("stages.verification.science.quantities", _of("science") | _SCORES),
        ("engines.sandbox.child", _of("code") | _SCORES),
        ("engines.reward", _of("chat")),
    ],
)
def test_an_edit_in_one_verifier_makes_only_its_kind_stale(
    module: str, stale: set[tuple[str, ...]], with_code: Callable[[Graph], None]
) -> None:
    before = _derived()
    name = f"am_assets.{module}"
    with_code(edited({name: mutated(own_sources().texts[name])}))
    after = _derived()
    assert {one for one in before if before[one] != after[one]} == stale


def test_another_version_of_a_library_makes_only_its_kind_stale(
    with_code: Callable[[Graph], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _derived()
    told = versions.versions_of
    with_code(versions.graph())
    monkeypatch.setattr(
        versions,
        "versions_of",
        lambda names: {
            name: "another" if name == "math-verify" else version
            for name, version in told(names).items()
        },
    )
    after = _derived()
    assert {one for one in before if before[one] != after[one]} == _of("math") | _SCORES
