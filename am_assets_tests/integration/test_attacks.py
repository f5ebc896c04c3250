"""Every attack on a finished project is harmless or named."""

from pathlib import Path

import pytest

from am_assets_tests.conftest import NO_AUTHOR
from am_assets_tests.integration.attacks import KINDS, attack, attacks, chosen

_ATTACKS = attacks(count=40)


@pytest.mark.attack
@pytest.mark.parametrize("name", _ATTACKS)
def test_an_attack_is_harmless_or_named(
    made: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in NO_AUTHOR.items():
        monkeypatch.setenv(variable, value)
    (found,) = attack(made, {name: _ATTACKS[name]})
    assert found.verdict in ("held", "named"), found.told("broken")


def test_every_kind_is_attacked_and_every_attack_is_of_a_kind() -> None:
    of_kinds = {kind: chosen(_ATTACKS, starts) for kind, starts in KINDS.items()}
    assert all(of_kinds.values())
    assert {name for found in of_kinds.values() for name in found} == _ATTACKS.keys()
    for starts in KINDS.values():
        assert all(chosen(_ATTACKS, [start]) for start in starts), starts
