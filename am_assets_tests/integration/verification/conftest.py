from collections.abc import Iterator

import pytest

from am_assets.engines.sandbox.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2) as running:
        yield running
