"""The profile's `ray` section spreads work and changes nothing about it."""

import pytest
from pydantic import ValidationError

from am_assets.core.profile import load_profile
from am_assets.core.settings.ray import Ray
from am_assets.defs.project import ARTIFACTS


def test_no_stage_reads_the_section():
    plain = load_profile("mini")
    spread = plain.model_copy(update={"ray": Ray(actors={"teacher": 2, "verification": 1})})
    key = {
        "source": next(iter(plain.sources)),
        "week": plain.weeks.start.isoformat(),
        "benchmark": next(iter(plain.benchmarks)),
        "recipe": next(iter(plain.recipes)),
    }
    for stage in ARTIFACTS:
        assert stage.config(spread, key) == stage.config(plain, key)


def test_a_cluster_needs_a_folder_that_its_nodes_share():
    with pytest.raises(ValidationError, match=r"ray\.scratch"):
        Ray(address="auto", actors={"teacher": 1})


def test_too_few_cpus_are_refused_because_actors_would_wait_for_ever():
    with pytest.raises(ValidationError, match=r"ray\.cpus` must be at least 7"):
        Ray(cpus=4, cpus_per_actor=2, actors={"teacher": 2, "verification": 1})
    assert Ray(cpus=7, cpus_per_actor=2, actors={"teacher": 2, "verification": 1}).cpus == 7


def test_an_unknown_role_is_refused():
    with pytest.raises(ValidationError, match="student"):
        Ray(actors={"student": 1})  # type: ignore[dict-item]
