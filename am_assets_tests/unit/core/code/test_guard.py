"""What other code made is refused: by the stamps of files, and by their digest elsewhere."""

from pathlib import Path

import pytest

from am_assets.core.code import files
from am_assets.core.code.guard import CodeMoved, check_same, guard_of, guarded
from am_assets.core.memory import Entry, RowMemory
from am_assets.defs.assets.prompts import prompts

_CLEANING = "stages/prompts/cleaning.py"


def _move(monkeypatch: pytest.MonkeyPatch, *paths: str) -> None:
    """Have files differ from what they were when the process began."""
    before = {**files.AT_START}
    for path in paths:
        before[path] = before[path]._replace(modified_ns=0)
    monkeypatch.setattr(files, "AT_START", before)


def test_nothing_has_moved_in_a_process_that_is_left_alone() -> None:
    assert files.moved(files.own_sources().texts) == []
    guard_of(prompts.build)()


def test_the_message_names_the_file_and_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = guard_of(prompts.build)
    _move(monkeypatch, _CLEANING)
    with pytest.raises(
        CodeMoved, match=r"^am_assets/stages/prompts/cleaning.py changed .* run again"
    ):
        guard()


def test_several_files_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    _move(monkeypatch, _CLEANING, "core/identity.py")
    with pytest.raises(CodeMoved, match=r"am_assets/core/identity.py and 1 more changed"):
        guard_of(prompts.build)()


def test_a_file_that_the_stage_does_not_lead_to_may_move(monkeypatch: pytest.MonkeyPatch) -> None:
    _move(monkeypatch, "stages/training/sft.py", "cli/materialize.py")
    guard_of(prompts.build)()


def test_nothing_new_is_remembered_then(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = RowMemory()
    memory = guarded(plain, guard_of(prompts.build))
    memory.put("kind", [Entry("0" * 32, b"before", "owner")])
    _move(monkeypatch, _CLEANING)
    with pytest.raises(CodeMoved):
        memory.put("kind", [Entry("1" * 32, b"after", "owner")])
    wanted = [("0" * 32, "owner"), ("1" * 32, "owner")]
    assert plain.get("kind", wanted) == memory.get("kind", wanted) == {"0" * 32: b"before"}


def test_a_file_that_went_away_has_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FOLDER", str(tmp_path))
    assert files.moved(["am_assets.core.stage"]) == ["core/stage.py"]


def test_another_machine_with_other_files_is_told() -> None:
    check_same(files.sources_digest())
    with pytest.raises(CodeMoved, match="install the same version on every node"):
        check_same("0" * 64)
