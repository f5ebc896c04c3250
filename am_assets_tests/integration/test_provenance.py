"""What no root covers decides nothing: provenance columns, names of folders, undeclared inputs."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from am_assets.core.profile import Profile
from am_assets.core.stage import Read, Stage
from am_assets.core.store import Store
from am_assets.defs.project import ARTIFACTS
from am_assets_tests.conftest import TINY, WEEK, am_assets, write_tiny

PACKAGE = Path(__file__).parents[2] / "am_assets"


def test_two_projects_that_read_from_two_folders_end_at_the_same_artifacts(
    made: Path, new_project: Callable[[], Path], tmp_path: Path
) -> None:
    project, files = new_project(), tmp_path / "files of another name"
    files.mkdir()
    profile = write_tiny(files).rename(project / "tiny.yaml")
    done = am_assets(project, "materialize", "--profile", str(profile), "--folder", str(files))
    assert done.returncode == 0, done.stdout + done.stderr
    assert _identities(project) == _identities(made)


def _identities(folder: Path) -> dict[str, tuple[str, str]]:
    snapshot = Store(folder, "tiny").snapshot()
    found = snapshot.manifests(snapshot.refs())
    return {str(ref): (one.derivation, one.root) for ref, one in found.items()}


def test_what_a_release_says_of_ledgers_is_in_its_derivation(made: Path) -> None:
    store = Store(made, "tiny")
    snapshot = store.snapshot()
    (ref,) = (ref for ref in snapshot.refs() if ref.asset == "release")
    manifest = snapshot.manifest(ref)
    assert manifest is not None
    accounts = {item.ref.asset for item in manifest.inputs if item.accounts is not None}
    assert accounts == {
        "raw_prompts", "prompts", "deduplicated", "labels", "verified", "sft_dataset",
    }  # fmt: skip
    for item in manifest.inputs:
        published = snapshot.manifest(item.ref)
        assert published is not None
        assert item.accounts in (None, published.accounts)


def test_every_declared_pass_through_is_known() -> None:
    """Whoever adds one says here where it goes."""
    passed = {
        (stage.name, read.asset): read.passthrough for stage, read in _reads() if read.passthrough
    }
    assert {names: columns for names, columns in passed.items() if columns} == {
        ("raw_prompts", "raw_prompts"): ("occurrences",),
        ("release", "raw_prompts"): ("occurrences",),
    }


def _reads() -> list[tuple[Stage, Read]]:
    return [(stage, read) for stage in ARTIFACTS for read in stage.reads]


_RAW_READERS = re.compile(r"\b(read_table|ParquetFile|read_pandas|ParquetDataset|iter_batches)\b")
_READ_OTHER_THINGS = {
    "stages/sources/files.py": "upstream's files",
    "stages/embedding/index.py": "the embedding index, which has no provenance",
    "stages/embedding/neighbors.py": "a look-up for people, no build",
}


def test_builds_read_published_tables_through_the_readers_that_check_columns() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for part in ("defs", "stages")
        for path in (PACKAGE / part).rglob("*.py")
        if _RAW_READERS.search(path.read_text())
    }
    assert found == set(_READ_OTHER_THINGS)


def test_who_is_released_as_having_answered_is_in_the_derivation_of_responses(
    tmp_path: Path,
) -> None:
    responses = next(stage for stage in ARTIFACTS if stage.name == "responses")
    settings: list[dict[str, Any]] = []
    for place in ("one/teacher", "two/teacher", "two/renamed"):
        (tmp_path / place).mkdir(parents=True)
        teacher = {"path": str(tmp_path / place), "engine": "vllm"}
        profile = Profile.model_validate({**TINY, "models": {**TINY["models"], "teacher": teacher}})
        settings.append(responses.config(profile, {"source": "sums", "week": WEEK}))
    assert settings[0] == settings[1] != settings[2]
