"""Attacks on the fates of rows, each on a tiny project of its own."""

from pathlib import Path

import pytest

from am_assets_tests.integration.attacking.fates import ATTACKS


@pytest.mark.parametrize("name", ATTACKS)
def test_every_row_keeps_one_fate(project: Path, name: str) -> None:
    lines = ATTACKS[name](project)
    assert lines
    assert not [line for line in lines if not line.startswith(("held", "named"))], lines
