"""`am-assets memory`: what is there, what is damaged, what is forgotten."""

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from am_assets.cli import main
from am_assets.core.identity import digest
from am_assets.core.memory import Entry, RowMemory
from am_assets.core.store import memory_path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AM_ASSETS_ROOT", str(tmp_path))
    memory = RowMemory(memory_path(tmp_path))
    memory.put("generation", [Entry(digest(name), b"answer", name) for name in "abc"])
    memory.close()
    return memory_path(tmp_path)


def test_verifying_says_how_many_entries_were_damaged(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"UPDATE results SET value = x'00' WHERE key = x'{digest('b')}'")
    connection.close()
    done = CliRunner().invoke(main, ["memory", "--verify"])
    assert done.exit_code == 0
    assert "3 entries checked, 1 damaged and forgotten" in done.output
    found = json.loads(CliRunner().invoke(main, ["memory", "--verify", "--json"]).output)
    assert found["verified"] == {"entries": 2, "damaged": 0}
    assert found["kinds"]["generation"]["entries"] == 2


def test_an_older_copy_put_back_is_named_when_the_memory_is_looked_at(path: Path) -> None:
    copy = path.read_bytes()
    assert "1 entries of 1 samples erased" in (
        CliRunner().invoke(main, ["memory", "--erase", "a"]).output
    )
    path.write_bytes(copy)
    done = CliRunner().invoke(main, ["memory", "--json"])
    assert "was a copy from before an erasure" in done.stderr
    assert json.loads(done.stdout)["kinds"]["generation"]["entries"] == 2
