"""Two folders that live through one history in different orders of work end at the same roots.

Real stages, git, DVC and embedding model; every step checks by ids that no row is lost.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from am_assets.engines.profile_engines import ProfileEngines
from am_assets_tests.conftest import NO_AUTHOR
from am_assets_tests.support.histories.events import EVENTS
from am_assets_tests.support.histories.histories import engines_of, live_through
from am_assets_tests.support.histories.project import Folder


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> ProfileEngines:
    """One set of engines for all folders: the embedding model is loaded once."""
    return engines_of(tmp_path_factory.mktemp("engines"))


@pytest.fixture(autouse=True)
def _no_author(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NO_AUTHOR.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AM_ASSETS_ROOT", "set by the folders")


@pytest.mark.soak
@settings(
    max_examples=1,
    derandomize=True,
    # Each example takes a minute: what fails is looked at as it is.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    events=st.lists(st.sampled_from(sorted(EVENTS)), min_size=3, max_size=5),
    seed=st.integers(0, 2**16),
)
# A release knew nothing of sources that left, and added up the datasets of two weeks.
@example(events=["edit", "leave", "take_down"], seed=1)
# A release's card knew nothing of rows that returned.
@example(events=["edit", "rename_key", "first_week_back", "rerank", "rename_key"], seed=102)
# Vectors that were not of the generation of their prompts.
@example(events=["undo_takedown", "new_week", "rerank", "rerank", "first_week_leaves"], seed=103)
# Labels made again without what verified keeps.
@example(events=["add", "undo_takedown", "rerank", "add"], seed=911)
def test_the_order_of_work_changes_no_root_and_no_row_is_lost(
    events: list[str],
    seed: int,
    new_project: Callable[[], Path],
    engines: ProfileEngines,
) -> None:
    live_through(events, seed, [Folder(new_project(), engines) for _ in range(2)])
