"""What `@artifact` makes of a function, and what it refuses when the package is loaded."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from am_assets.core.profile import load_profile
from am_assets.core.run import Inputs, Run
from am_assets.core.stage import SOURCE, SOURCE_WEEK, WEEK, Built, Read
from am_assets.defs.artifact import Artifact, artifact, own_earlier
from am_assets.defs.asset import asset_of
from am_assets.defs.assets.deduplicated import deduplicated
from am_assets.defs.assets.labels import labels
from am_assets.defs.assets.prompts import prompts
from am_assets.defs.assets.release import release
from am_assets.defs.project import ARTIFACTS, CHAIN, check_order


def _declared(build: Callable[..., Built], *reads: Read, **keywords: Any) -> Artifact:
    declare = artifact(SOURCE_WEEK, reads=reads, group_name="made", kinds={"dvc"}, **keywords)
    return declare(build)


def drafts(run: Run, labels: Inputs, earlier: Inputs) -> Built:
    """Drafts of labelled prompts;
    one a prompt.
    """
    return Built([])


def test_an_artifact_is_named_and_described_by_its_function() -> None:
    made = _declared(drafts, labels.same(), own_earlier())
    assert made.name == "drafts"
    assert made.description == "Drafts of labelled prompts; one a prompt."
    assert made.build is drafts


def test_reads_are_made_from_the_artifacts_that_are_read() -> None:
    made = _declared(drafts, labels.same(accounts=True), own_earlier(passthrough=("model",)))
    assert made.reads == (
        Read("labels", SOURCE_WEEK, accounts=True),
        Read("drafts", SOURCE_WEEK, weeks="earlier", passthrough=("model",)),
    )
    assert prompts.so_far() == Read("prompts", SOURCE_WEEK, weeks="so_far")
    assert deduplicated.same(table="returned") == Read("deduplicated", WEEK, table="returned")


@pytest.mark.parametrize(
    ("reads", "named"),
    [
        ((), "drafts reads nothing, and its build takes earlier, labels"),
        ((labels.same(),), "drafts reads labels, and its build takes earlier, labels"),
        ((labels.same(), prompts.same()), "reads labels, prompts"),
    ],
    ids=["none declared", "one undeclared", "one not taken"],
)
def test_a_build_that_takes_other_inputs_than_it_declares_does_not_load(
    reads: tuple[Read, ...], named: str
) -> None:
    with pytest.raises(TypeError, match=named):
        _declared(drafts, *reads)


def _no_run() -> Built:
    return Built([])


def _by_place(run: Run, labels: Inputs, /) -> Built:
    return Built([])


def _whatever(run: Run, **labels: Inputs) -> Built:
    return Built([])


async def _later(run: Run, labels: Inputs) -> Built:
    return Built([])


@pytest.mark.parametrize("build", [_no_run, _by_place, _whatever, _later])
def test_a_build_that_cannot_be_called_by_name_does_not_load(build: Callable[..., Built]) -> None:
    with pytest.raises(TypeError, match="a build is a plain function"):
        _declared(build, labels.same())


def test_keywords_of_dagster_are_handed_on() -> None:
    keywords: dict[str, Any] = {
        "tags": {"cost": "high"},
        "owners": ["team:labels"],
        "pool": "engines",
        "retry_policy": dg.RetryPolicy(max_retries=2),
        "automation_condition": dg.AutomationCondition.eager(),
    }
    made = _declared(drafts, labels.same(), own_earlier(), **keywords)
    asset = asset_of(made, load_profile("mini"))
    (spec,) = asset.specs
    assert spec.tags["cost"] == "high"
    assert list(spec.owners) == ["team:labels"]
    assert spec.automation_condition == keywords["automation_condition"]
    assert asset.op.pool == "engines"
    assert asset.op.retry_policy == keywords["retry_policy"]
    assert (spec.group_name, spec.kinds) == ("made", {"dvc"})


def test_an_artifact_that_reads_what_comes_after_it_does_not_load() -> None:
    swapped = list(ARTIFACTS)
    first, second = swapped.index(prompts), swapped.index(labels)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    with pytest.raises(TypeError, match="labels reads deduplicated, which does not come before it"):
        check_order(swapped)


def late(run: Run, labels: Inputs) -> Built:
    """Made of what comes later."""
    return Built([])


@pytest.mark.parametrize(
    ("dimensions", "named"),
    [
        (SOURCE, "late has no week and reads labels, which has"),
        (("benchmark", "week"), "late is partitioned as nothing is"),
    ],
)
def test_an_artifact_that_no_plan_would_hold_does_not_load(
    dimensions: tuple[str, ...], named: str
) -> None:
    made = artifact(dimensions, reads=(labels.same(),), group_name="made", kinds=set())(late)
    with pytest.raises(TypeError, match=named):
        check_order([*ARTIFACTS, made])


def test_two_artifacts_of_one_name_do_not_load() -> None:
    with pytest.raises(TypeError, match="there are two artifacts labels"):
        check_order([*ARTIFACTS, labels])


def test_a_deciding_artifact_that_the_release_does_not_account_for_does_not_load() -> None:
    made = _declared(drafts, labels.same(), own_earlier(), decides=True)
    place = ARTIFACTS.index(labels) + 1
    with pytest.raises(TypeError, match=r"release accounts for .* labels, drafts, verified"):
        check_order([*ARTIFACTS[:place], made, *ARTIFACTS[place:]])


def test_the_release_accounts_for_the_whole_chain() -> None:
    accounted = [read.asset for read in release.reads if read.accounts and not read.retired]
    assert accounted == list(CHAIN)


def test_every_deciding_artifact_tells_its_part_of_a_samples_life() -> None:
    assert {one.name for one in ARTIFACTS if one.name in one.sample_tables} >= set(CHAIN)
