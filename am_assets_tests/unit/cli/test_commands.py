"""The command line: help with examples, and errors in one sentence."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from am_assets.cli import main


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def _error(result: Result) -> str:
    assert result.exit_code == 1, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("am-assets: ")
    return lines[0]


@pytest.mark.parametrize("name", sorted(main.commands))
def test_the_help_of_every_command_shows_an_example(name: str) -> None:
    result = _run(name, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"am-assets {name}" in result.output


def test_commands_start_without_dagster_and_the_assets() -> None:
    look = "import am_assets.cli, json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert "am_assets.cli" in loaded
    slow = ("dagster", "am_assets.defs", "am_assets.operations", "torch", "matplotlib")
    assert not set(slow).intersection(loaded)


def test_the_promised_commands_that_exist_are_listed() -> None:
    listed = _run("--help").output
    for name, command in main.commands.items():
        assert name in listed
        assert isinstance(command, click.Command)
        assert command.get_short_help_str()


@pytest.mark.parametrize("command", ["materialize", "ledger", "status", "restore", "doctor"])
def test_an_unknown_profile_is_one_sentence(project: Path, command: str) -> None:
    message = _error(_run(command, "--profile", "nowhere"))
    assert "profile nowhere cannot be read" in message
    assert "name one of mini, files, full, or a YAML file" in message


def test_a_wrong_key_of_a_profile_is_one_sentence(project: Path) -> None:
    (project / "mine.yaml").write_text("surces: {}\n")
    message = _error(_run("materialize", "--profile", str(project / "mine.yaml")))
    assert "mine.yaml" in message


def test_a_ledger_before_anything_is_made_is_an_error(project: Path) -> None:
    assert "no sft_dataset is materialized yet" in _error(_run("ledger"))


@pytest.mark.parametrize(
    "option",
    [("--week", "2025-01-07"), ("--asset", "promts"), ("--source", "x"), ("--recipe", "y")],
)
def test_a_selection_that_selects_nothing_names_the_choices(
    project: Path, option: tuple[str, str]
) -> None:
    message = _error(_run("materialize", *option))
    assert f"there is no {option[0][2:]} {option[1]} in this profile: choose of " in message


def test_outside_a_clone_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AM_ASSETS_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert "run inside a clone of the project, or set AM_ASSETS_ROOT" in _error(_run("status"))


def test_a_command_that_does_not_exist_fails() -> None:
    assert _run("no-such-command").exit_code == 2


def test_status_before_anything_is_made_says_missing(project: Path) -> None:
    result = _run("status", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert {row["state"] for row in rows} == {"missing"}
    first = next(row for row in rows if row["asset"] == "prompts")
    assert "needs raw_prompts mini_chat|2025-01-06" in first["why"]
