"""The mini graph on the real engines, once: what the README promises of `make demo`.

vLLM generates, LanceDB indexes, DVC versions, TRL trains, Dagster records. One project is
materialized for all tests of this module; it takes a few minutes on two cores.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from datasets import load_dataset

from am_assets.core.manifest import Manifest, Ref
from am_assets.core.schema import SCORES
from am_assets.core.store import Store
from am_assets.defs.project import ARTIFACTS, CHAIN
from am_assets.lineage.explain import explain
from am_assets.lineage.ledger import week_ledgers
from am_assets.mini.upstream.audit import audit

pytestmark = pytest.mark.slow

WEEKS = ("2025-01-06", "2025-01-13")
CLI = Path(sys.executable).parent / "am-assets"


def run_demo(root: Path) -> str:
    """Run `am-assets demo` as a person would, and give what it printed."""
    environment = {
        **os.environ,
        "AM_ASSETS_ROOT": str(root),
        "DAGSTER_HOME": str(root / ".dagster_home"),
    }
    done = subprocess.run(
        [str(CLI), "demo"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("demo")
    source = Path(__file__).parents[2]
    for command in (["git", "init", "-q", "."], [str(CLI.parent / "dvc"), "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    for name in (".gitignore", "dagster.yaml"):
        shutil.copy(source / name, folder / name)
    run_demo(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def manifests(root: Path) -> dict[Ref, Manifest]:
    snapshot = Store(root, "mini").snapshot()
    return snapshot.manifests(snapshot.refs())


def scores_of(root: Path, recipe: str, metric: str = "strict") -> dict[str, float]:
    """pass@1 in percent by benchmark, of the last week."""
    store = Store(root, "mini")
    ref = Ref(asset="scores", partition=(recipe, WEEKS[-1]))
    manifest = store.snapshot().manifests([ref])[ref]
    rows = store.table(manifest.dvc, SCORES.name).to_pylist()
    return {row["benchmark"]: 100 * row["pass_at_1"] for row in rows if row["metric"] == metric}


def test_every_row_of_every_week_has_exactly_one_fate(root: Path) -> None:
    ledgers = week_ledgers(Store(root, "mini").snapshot(), CHAIN)
    assert [ledger.week for ledger in ledgers] == list(WEEKS)
    for ledger in ledgers:
        ledger.check()
        assert ledger.released > 0
        assert not ledger.pending


def test_fine_tuning_teaches_the_format_and_more(root: Path) -> None:
    base, full, lora = (scores_of(root, recipe) for recipe in ("base", "full", "lora"))
    assert full["mini_math_bench"] >= base["mini_math_bench"] + 30
    assert lora["mini_math_bench"] >= base["mini_math_bench"] + 10
    assert full["mean"] > base["mean"]
    assert lora["mean"] > base["mean"]


def test_the_base_is_also_scored_leniently(root: Path) -> None:
    assert scores_of(root, "base", "lenient")["mini_math_bench"] > 30


def test_the_teacher_is_good_but_not_perfect_at_every_kind(manifests: dict[Ref, Manifest]) -> None:
    passed: dict[str, list[int]] = {}
    for ref, manifest in manifests.items():
        if ref.asset == "verified":
            counts = manifest.counts["verdicts"]
            tally = passed.setdefault(ref.partition[0], [0, 0])
            tally[0] += counts.get("pass", 0)
            tally[1] += sum(counts.values())
    assert len(passed) == 5
    for source, (right, judged) in passed.items():
        assert 0 < right < judged, source


def test_what_was_planted_is_found_by_name(root: Path) -> None:
    for finding in audit(Store(root, "mini").snapshot(), WEEKS[-1]):
        assert finding.planted > finding.moot, finding
        assert finding.recall >= 0.95, finding
        assert finding.precision >= 0.95, finding


def test_the_second_week_captures_new_changed_repeated_and_vanished_rows(
    manifests: dict[Ref, Manifest],
) -> None:
    counts = manifests[Ref(asset="raw_prompts", partition=("mini_math", WEEKS[1]))].counts
    assert set(counts["changes"]) == {"new", "changed", "repeated"}
    assert counts["vanished"] > 0


def test_the_release_loads_as_a_dataset_in_the_am_format(root: Path) -> None:
    folder = root / "data" / "mini" / "release" / WEEKS[-1] / "data"
    files = [str(path) for path in sorted(folder.glob("*.jsonl.zst"))]
    assert len(files) == 2
    rows = load_dataset("json", data_files=files, split="train", cache_dir=str(root / "hf"))
    first = rows[0]["messages"]  # pyright: ignore[reportIndexIssue, reportArgumentType, reportCallIssue]
    assert [turn["role"] for turn in first] == ["user", "assistant"]
    assert first[1]["content"].startswith("<think>")
    assert first[1]["info"]["answer_content"]


def test_the_card_names_pass_rates_scores_and_planted_rows(root: Path) -> None:
    card = (root / "data" / "mini" / "release" / WEEKS[-1] / "data" / "README.md").read_text()
    for words in ("pass rate", "mini_math_bench", "What was planted", "contaminated"):
        assert words in card


def test_a_released_sample_can_be_explained_from_capture_to_score(root: Path) -> None:
    store = Store(root, "mini")
    snapshot = store.snapshot()
    ref = Ref(asset="release", partition=(WEEKS[-1],))
    table = store.table(snapshot.manifests([ref])[ref].dvc, "release")
    life = explain(snapshot, table["sample_id"][0].as_py(), ARTIFACTS)
    assets = [row["artifact"].split()[0] for row in life]
    assert assets[0] == "raw_prompts"
    assert {"verified", "sft_dataset", "release", "checkpoint"} <= set(assets)
    assert life[-1]["scores"]


def test_running_again_does_no_work_even_without_dagsters_records(
    root: Path, manifests: dict[Ref, Manifest]
) -> None:
    head = Store(root, "mini").branch.head()
    again = run_demo(root)
    assert "nothing was done again" in again
    shutil.rmtree(root / ".dagster_home")
    run_demo(root)
    store = Store(root, "mini")
    assert store.branch.head() == head
    snapshot = store.snapshot()
    assert {ref: m.root for ref, m in snapshot.manifests(snapshot.refs()).items()} == {
        ref: m.root for ref, m in manifests.items()
    }


def test_dvc_finds_the_data_clean_and_restores_what_is_deleted(root: Path) -> None:
    dvc = str(CLI.parent / "dvc")
    status = subprocess.run([dvc, "status"], cwd=root, capture_output=True, text=True, check=True)
    assert "up to date" in status.stdout
    folder = root / "data" / "mini" / "sft_dataset" / WEEKS[-1]
    shutil.rmtree(folder / "data")
    subprocess.run([dvc, "checkout", str(folder / "data.dvc")], cwd=root, check=True)
    assert (folder / "data" / "sft_dataset.parquet").is_file()


def test_manifests_hold_no_sample_text(manifests: dict[Ref, Manifest]) -> None:
    text = json.dumps([manifest.model_dump(mode="json") for manifest in manifests.values()])
    assert "How many" not in text
    assert "<think>" not in text


@pytest.mark.parametrize("asset", ["labels", "responses", "verified"])
def test_killed_runs_reach_the_same_root_and_ask_nothing_twice(root: Path, asset: str) -> None:
    # A process of its own, because it forks.
    module = "am_assets_tests.support.killing"
    command = [sys.executable, "-m", module, str(root), "--asset", asset]
    counts = ["--kills", "4", "--in-commits", "2"]
    done = subprocess.run([*command, *counts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def test_one_answer_more_a_prompt_asks_for_nothing_that_is_remembered(root: Path) -> None:
    profile = yaml.safe_load((files("am_assets.profiles") / "mini.yaml").read_text())
    profile["responses"]["samples"] += 1
    path = root / "more.yaml"
    path.write_text(yaml.safe_dump(profile))
    partition = ["--week", WEEKS[0], "--source", "mini_chat"]
    environment = {**os.environ, "AM_ASSETS_ROOT": str(root), "DAGSTER_HOME": str(root / "more")}
    command = [str(CLI), "materialize", "--profile", str(path), "--asset", "responses", *partition]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ref = Ref(asset="responses", partition=("mini_chat", WEEKS[0]))
    pointer = yaml.safe_load((Store(root, "mini").folder(ref) / "data.dvc").read_text())
    usage = pointer["meta"]["usage"]["teacher"]
    assert usage["reused"] == 4 * usage["made"] > 0
