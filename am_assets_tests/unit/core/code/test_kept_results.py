"""What was found in the code is taken by the next process as long as no source changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from am_assets.core.code.kept_results import KeptResults
from am_assets_tests.conftest import REPOSITORY

_TOLD = """
import sys
from unittest import mock
from am_assets.core.code import versions
with mock.patch.object(versions, "graph", side_effect=versions.graph) as looked:
    print(versions.build_code("am_assets.stages.prompts.cleaning.clean_prompts"), looked.called)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where results lie."""
    kept = KeptResults(tmp_path / "results.json", "sources")
    kept.put("reach a", {"version": "1", "paths": ["p.a"]})
    kept.write()
    return tmp_path / "results.json"


def test_a_result_is_there_for_the_same_sources(file: Path) -> None:
    assert KeptResults(file, "sources").get("reach a") == {"version": "1", "paths": ["p.a"]}


def test_nothing_is_taken_of_other_sources(file: Path) -> None:
    assert KeptResults(file, "others").get("reach a") is None


def test_a_file_that_is_damaged_anywhere_is_not_taken(file: Path) -> None:
    whole = file.read_bytes()
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert KeptResults(file, "sources").get("reach a") is None
        file.write_bytes(whole[:at])
        assert KeptResults(file, "sources").get("reach a") is None


def test_what_another_process_wrote_meanwhile_stays(file: Path) -> None:
    ours = KeptResults(file, "sources")
    theirs = KeptResults(file, "sources")
    theirs.put("reach b", {"version": "2"})
    theirs.write()
    ours.put("reach c", {"version": "3"})
    ours.write()
    found = KeptResults(file, "sources")
    assert [bool(found.get(f"reach {name}")) for name in "abc"] == [True] * 3


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    KeptResults(tmp_path / "file" / "results.json", "sources").write()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a copy of the package that nothing was found in yet."""
    ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
    shutil.copytree(REPOSITORY / "am_assets", tmp_path / "am_assets", ignore=ignored)
    return tmp_path


def told(folder: Path, first: str = "") -> str:
    """The version of a build, and whether syntax trees were looked at, by a new process."""
    python = {name for name in os.environ if name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-c", f"{first}\n{_TOLD}"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in python},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_second_process_looks_at_no_syntax_tree_and_says_the_same(package: Path) -> None:
    first, second = told(package), told(package)
    assert first == second.replace(" False", " True")
    assert second.endswith(" False")
    with (package / "am_assets" / "stages" / "prompts" / "cleaning.py").open("a") as cleaning:
        cleaning.write("\n\n_NEW = 1\n")
    assert told(package) == first


def test_a_process_under_which_a_source_was_written_keeps_nothing(package: Path) -> None:
    """It read the new text, and may have looked at it with the old code."""
    written = "import am_assets; open('am_assets/core/code/scan.py', 'a').write('# more')"
    assert told(package, written).endswith(" True")
    assert told(package).endswith(" True")
    assert told(package).endswith(" False")
