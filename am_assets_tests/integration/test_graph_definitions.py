"""Every packaged profile is a code location that Dagster accepts."""

from pathlib import Path

import dagster as dg
import pytest

from am_assets.core.profile import load_profile
from am_assets.core.store import Store
from am_assets.definitions import build_defs
from am_assets.defs.artifact import Artifact
from am_assets.defs.asset import asset_of
from am_assets.defs.project import ARTIFACTS
from am_assets.defs.resources import ProfileStore


@pytest.mark.parametrize("profile", ["mini", "files", "full"])
def test_a_packaged_profile_loads_and_validates(project: Path, profile: str) -> None:
    definitions = build_defs(profile)
    dg.Definitions.validate_loadable(definitions)
    keys = set(definitions.resolve_all_asset_keys())
    assert {dg.AssetKey([profile, stage.name]) for stage in ARTIFACTS} <= keys
    assert all(key.path[0] == profile for key in keys)


def test_resources_can_be_replaced(project: Path) -> None:
    own = object()
    resources = build_defs("mini", {"engines": own}).resources or {}
    assert resources["engines"] is own
    assert isinstance(resources["store"], ProfileStore)


def test_resources_say_which_profile_they_are_of(project: Path) -> None:
    resources = build_defs("mini").resources or {}
    store = resources["store"].create_resource(dg.build_init_resource_context())
    assert (store.root, store.profile) == (project, "mini")
    engines = resources["engines"].create_resource(dg.build_init_resource_context())
    assert engines.digest("embedding")


def test_an_asset_refuses_the_store_of_another_profile(project: Path) -> None:
    job = build_defs("mini", {"store": Store(project, "other")})
    (source, *_) = sorted(load_profile("mini").sources)
    with pytest.raises(ValueError, match="the store is of profile other and the asset of mini"):
        job.resolve_implicit_global_asset_job_def().execute_in_process(
            asset_selection=[dg.AssetKey(["mini", "takedowns"])], partition_key=source
        )


@pytest.mark.parametrize("stage", ARTIFACTS, ids=lambda stage: stage.name)
def test_an_asset_tells_what_it_is(stage: Artifact) -> None:
    spec = asset_of(stage, load_profile("mini")).specs_by_key[dg.AssetKey(["mini", stage.name])]
    assert spec.description
    assert spec.owners
    assert spec.group_name == stage.keywords["group_name"]
    assert spec.code_version == stage.code_version
    assert "dvc" in spec.kinds
    assert {dep.asset_key.path[-1] for dep in spec.deps} == {read.asset for read in stage.reads}


def test_artifacts_are_listed_in_pipeline_order() -> None:
    seen: set[str] = set()
    for stage in ARTIFACTS:
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
    checks = {key for stage in ARTIFACTS for key in asset_of(stage, profile).check_keys}
    assert checks == {dg.AssetCheckKey(dg.AssetKey(["mini", "verified"]), "disagreements")}
