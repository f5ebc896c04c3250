import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from am_assets.cli import main
from am_assets_tests.conftest import NO_AUTHOR, WEEK


@pytest.fixture(scope="module")
def copied(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("neighbors") / "project"
    shutil.copytree(made, folder)
    return folder


@pytest.fixture
def project(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in NO_AUTHOR.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AM_ASSETS_ROOT", str(copied))
    monkeypatch.chdir(copied)
    return copied


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--profile", "tiny.yaml"])


def answer(*arguments: str) -> list[dict[str, Any]]:
    result = run("neighbors", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def prompts(project: Path) -> list[dict[str, Any]]:
    path = project / "data" / "tiny" / "prompts" / "sums" / WEEK / "data" / "prompts.parquet"
    return pq.read_table(path, columns=["sample_id", "prompt"]).to_pylist()


def test_the_neighbors_of_a_text_are_told_with_what_became_of_them(project: Path):
    sample = prompts(project)[0]
    rows = answer("--text", sample["prompt"], "--k", "3")
    assert rows[0]["sample_id"] == sample["sample_id"]
    assert rows[0]["similarity"] == 1
    assert [row["similarity"] for row in rows] == sorted(
        (row["similarity"] for row in rows), reverse=True
    )
    assert sample["prompt"].startswith(rows[0]["prompt"])
    assert {(row["source"], row["week"]) for row in rows} == {("sums", WEEK)}
    assert {row["decision"] for row in rows} <= {"kept", "dropped"}


def test_a_samples_neighbors_are_others_and_the_same_after_a_rebuild(project: Path):
    sample = prompts(project)[0]["sample_id"]
    before = answer(sample, "--k", "5")
    assert sample not in [row["sample_id"] for row in before]
    assert len(before) == 5
    rebuilt = run("index", "--rebuild", "--verify")
    assert rebuilt.exit_code == 0, rebuilt.output
    assert "all equal" in rebuilt.output
    assert answer(sample, "--k", "5") == before
    table = run("neighbors", sample)
    assert before[0]["sample_id"] in table.output


def test_a_lost_or_changed_index_is_told_and_brought_back(project: Path):
    folder = project / "data" / "tiny" / "_lancedb"
    shutil.rmtree(folder)
    lost = run("neighbors", "--text", "eggs")
    assert lost.exit_code == 1
    assert "run `am-assets index --rebuild`" in lost.stderr
    assert len(lost.stderr.splitlines()) == 1
    differs = run("index", "--verify", "--json")
    assert differs.exit_code == 1
    assert "the vector index differs from what is published (sums" in differs.stderr
    assert json.loads(differs.stdout)["rows"] == 0
    restored = run("restore")
    assert "1 partitions in the vector index, 1 brought in line" in restored.output
    assert run("index", "--verify").exit_code == 0


def test_what_is_asked_amiss_is_told(project: Path):
    assert run("neighbors").exit_code == 2
    assert run("neighbors", "a", "--text", "b").exit_code == 2
    unknown = run("neighbors", "it's")
    assert unknown.exit_code == 1
    assert "no published embedding_index holds a sample it's" in unknown.stderr


def test_the_manifest_tells_how_many_prompts_are_long(project: Path):
    path = project / "data" / "tiny" / "embedding_index" / "sums" / WEEK / "manifest.json"
    counts = json.loads(path.read_text())["counts"]
    assert counts == {"prompts_by_windows": {"1": len(prompts(project))}, "long_share": 0}


def test_the_index_command_lists_every_partition(project: Path):
    assert "in line" in run("index").output
    (row,) = json.loads(run("index", "--json").stdout)["partitions"]
    assert (row["source"], row["week"], row["state"]) == ("sums", WEEK, "in line")
