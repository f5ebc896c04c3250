"""Every packaged profile is a code location that Dagster accepts."""

from pathlib import Path

import dagster as dg
import pytest

from am_assets.core.profile import load_profile
from am_assets.core.stage import Stage
from am_assets.definitions import build_defs
from am_assets.defs.artifact import asset_of
from am_assets.defs.project import STAGES


@pytest.mark.parametrize("profile", ["mini", "files", "full"])
def test_a_packaged_profile_loads_and_validates(project: Path, profile: str) -> None:
    definitions = build_defs(profile)
    dg.Definitions.validate_loadable(definitions)
    keys = set(definitions.resolve_all_asset_keys())
    assert {dg.AssetKey([profile, stage.name]) for stage in STAGES} <= keys
    assert all(key.path[0] == profile for key in keys)


def test_resources_can_be_replaced(project: Path) -> None:
    said: list[str] = []
    definitions = build_defs("mini", {"say": said.append})
    resources = definitions.resources or {}
    resources["say"]("a line")
    assert said == ["a line"]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_an_asset_tells_what_it_is(stage: Stage) -> None:
    spec = asset_of(stage, load_profile("mini")).specs_by_key[dg.AssetKey(["mini", stage.name])]
    assert spec.description
    assert spec.owners
    assert spec.group_name == stage.group
    assert spec.code_version == stage.code_version
    assert "dvc" in spec.kinds
    assert {dep.asset_key.path[-1] for dep in spec.deps} == {read.asset for read in stage.reads}


def test_stages_are_listed_in_pipeline_order() -> None:
    seen: set[str] = set()
    for stage in STAGES:
        required = {read.asset for read in stage.reads if read.weeks != "earlier"}
        assert required <= seen, stage.name
        seen.add(stage.name)


def test_a_project_folder_without_a_store_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AM_ASSETS_ROOT", str(tmp_path))
    with pytest.raises(RuntimeError, match="is not a git repository"):
        build_defs("mini")


def test_differing_judges_show_as_a_check_of_what_is_verified() -> None:
    profile = load_profile("mini")
    checks = {key for stage in STAGES for key in asset_of(stage, profile).check_keys}
    assert checks == {dg.AssetCheckKey(dg.AssetKey(["mini", "verified"]), "disagreements")}
