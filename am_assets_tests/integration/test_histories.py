"""Two folders that live through one history in different orders of work end at the same roots.

Real stages, git, DVC and embedding model; every step checks by ids that no row is lost.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from am_assets.engines.runtime import ProfileEngines
from am_assets_tests.conftest import NO_AUTHOR
from am_assets_tests.integration.histories import engines_of, live_through
from am_assets_tests.integration.history_events import EVENTS
from am_assets_tests.integration.history_project import Folder


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> ProfileEngines:
    """One set of engines for all folders: the embedding model is loaded once."""
    return engines_of(tmp_path_factory.mktemp("engines"))


@pytest.fixture(autouse=True)
def _no_author(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NO_AUTHOR.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AM_ASSETS_ROOT", "set by the folders")


@settings(
    max_examples=4,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    events=st.lists(st.sampled_from(sorted(EVENTS)), min_size=3, max_size=6),
    seed=st.integers(0, 2**16),
)
def test_the_order_of_work_changes_no_root_and_no_row_is_lost(
    events: list[str],
    seed: int,
    new_project: Callable[[], Path],
    engines: ProfileEngines,
) -> None:
    live_through(events, seed, [Folder(new_project(), engines) for _ in range(2)])
