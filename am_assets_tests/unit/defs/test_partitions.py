"""Partitions and their mappings, as Dagster resolves them."""

from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from am_assets.core.profile import Profile, load_profile
from am_assets.core.stage import RECIPE_WEEK, SOURCE, SOURCE_WEEK, WEEK, Read, Stage
from am_assets.defs.asset import asset_of
from am_assets.defs.partitions import key_of, partition_key, partitions_of
from am_assets.defs.project import ARTIFACTS

MINI = load_profile("mini")
READS = [(stage, read) for stage in ARTIFACTS for read in stage.reads]


@cache
def _graph() -> AssetGraph:
    assets = [asset_of(stage, MINI) for stage in ARTIFACTS]
    resources: dict[str, Any] = dict.fromkeys(("store", "engines"))
    return dg.Definitions(assets, resources=resources).resolve_asset_graph()


def _upstream(stage: Stage, read: Read, key: str) -> set[str]:
    """Partition keys of `read` that Dagster resolves for one partition of `stage`."""
    definitions = partitions_of(MINI)
    below, above = definitions[stage.dimensions], definitions[read.dimensions]
    names = (dg.AssetKey(["mini", name]) for name in (stage.name, read.asset))
    mapping = _graph().get_partition_mapping(*names)
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(
        below.empty_subset().with_partition_keys([key]), below, above
    )
    return set(found.partitions_subset.get_partition_keys())


@pytest.mark.parametrize(
    ("stage", "read"), READS, ids=[f"{stage.name} reads {read.asset}" for stage, read in READS]
)
def test_every_read_has_an_upstream_partition_of_its_own_week(stage: Stage, read: Read) -> None:
    for key in partitions_of(MINI)[stage.dimensions].get_partition_keys():
        found = _upstream(stage, read, key)
        week = key_of(key, stage.dimensions).get("week")
        if read.weeks == "earlier":
            first = week == MINI.weeks.start.isoformat()
            assert bool(found) != first
            continue
        assert found
        if "week" in read.dimensions:
            assert {key_of(one, read.dimensions)["week"] for one in found} == {week}
        assert len(found) == _expected(stage, read)


def _expected(stage: Stage, read: Read) -> int:
    sizes = {
        "source": len(MINI.sources),
        "recipe": len(MINI.recipes),
        "benchmark": len(MINI.benchmarks),
    }
    count = 1
    for name in read.dimensions:
        if name not in stage.dimensions or name in read.every:
            count *= sizes[name]
    return count


def test_weeks_start_on_monday_and_end_with_the_last() -> None:
    assert partitions_of(MINI)[WEEK].get_partition_keys() == ["2025-01-06", "2025-01-13"]


def test_an_open_profile_has_the_current_week() -> None:
    weeks = partitions_of(load_profile("full"))[WEEK].get_partition_keys()
    today = datetime.now(UTC).date()
    assert weeks[0] == "2025-01-06"
    assert all(date.fromisoformat(week).weekday() == 0 for week in weeks)
    assert 0 <= (today - date.fromisoformat(weeks[-1])).days <= 7


@pytest.mark.parametrize("last", [None, "this week", "next year"])
def test_dagster_and_the_profile_agree_on_the_weeks(last: str | None) -> None:
    data = MINI.model_dump()
    data["weeks"]["last"] = None
    if last is not None:
        today = datetime.now(UTC).date()
        monday = date.fromordinal(today.toordinal() - today.weekday())
        data["weeks"]["last"] = monday if last == "this week" else date(monday.year + 1, 1, 1)
        while data["weeks"]["last"].weekday():
            data["weeks"]["last"] = date.fromordinal(data["weeks"]["last"].toordinal() + 1)
    profile = Profile.model_validate(data)
    assert partitions_of(profile)[WEEK].get_partition_keys() == profile.weeks.keys(
        datetime.now(UTC).date()
    )


@pytest.mark.parametrize("dimensions", [SOURCE, WEEK, SOURCE_WEEK, RECIPE_WEEK])
def test_keys_go_to_dagster_and_back(dimensions: tuple[str, ...]) -> None:
    for key in partitions_of(MINI)[dimensions].get_partition_keys():
        values = key_of(key, dimensions)
        assert partition_key(values, dimensions) == key
        assert key_of(str(key), dimensions) == values
