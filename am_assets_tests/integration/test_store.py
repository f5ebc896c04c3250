"""The store over real git and real DVC: whole or not at all, whoever else publishes."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from am_assets.core.git_branch import Conflict, GitError
from am_assets.core.manifest import Ref
from am_assets.core.store import Store, StoreError, find_root
from am_assets_tests.conftest import NO_AUTHOR, dvc, git
from am_assets_tests.support.store_worker import WEEK, publish, ref

ONE = Ref(asset="made", partition=("one", WEEK))
TWO = Ref(asset="made", partition=("two", WEEK))


def _worker(root: Path, name: str, count: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "am_assets_tests.support.store_worker",
            str(root),
            name,
            str(count),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **NO_AUTHOR},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _start(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _wipe_cache(root: Path) -> None:
    subprocess.run(["chmod", "-R", "u+w", str(root / ".dvc" / "cache")], check=True)
    shutil.rmtree(root / ".dvc" / "cache")


def test_dvc_accepts_what_is_published_and_can_push_and_pull_it(
    project: Path, tmp_path: Path
) -> None:
    store = Store(project, "tiny")
    manifest = publish(store, ONE, "first")
    assert "up to date" in dvc(project, "status")
    data = store.folder(ONE) / "data"

    shutil.rmtree(data)
    assert not store.in_place(manifest)
    dvc(project, "checkout", str(data) + ".dvc")
    assert (data / "sub" / "notes.md").read_text() == "first"
    assert store.in_place(manifest)

    dvc(project, "remote", "add", "-d", "local", str(tmp_path / "remote"))
    dvc(project, "push", str(data) + ".dvc")
    _wipe_cache(project)
    shutil.rmtree(data)
    assert not store.holds(manifest.dvc)
    with pytest.raises(StoreError, match="dvc fetch"):
        store.table(manifest.dvc, "made")
    dvc(project, "pull", str(data) + ".dvc")
    assert (data / "sub" / "notes.md").read_text() == "first"
    assert store.table(manifest.dvc, "made").num_rows == 3


def test_restore_brings_back_a_deleted_folder_from_the_branch(project: Path) -> None:
    store = Store(project, "tiny")
    manifest = publish(store, ONE, "first")
    shutil.rmtree(project / "data")
    assert store.restore(manifest)
    assert store.in_place(manifest)
    assert (store.folder(ONE) / "data.dvc").is_file()
    assert not store.restore(manifest)
    assert "up to date" in dvc(project, "status")


def test_a_changed_file_in_the_working_tree_is_no_change_of_the_artifact(project: Path) -> None:
    store = Store(project, "tiny")
    manifest = publish(store, ONE, "first")
    (store.folder(ONE) / "data" / "sub" / "notes.md").write_text("scribbled over")
    (store.folder(ONE) / "data" / "made.parquet").unlink()
    assert store.table(manifest.dvc, "made")["text"].to_pylist() == ["first"] * 3
    assert store.restore(manifest)
    assert (store.folder(ONE) / "data" / "sub" / "notes.md").read_text() == "first"


def test_every_publication_is_one_commit_without_an_author_configured(project: Path) -> None:
    store = Store(project, "tiny")
    for target, text in ((ONE, "first"), (TWO, "second"), (ONE, "third")):
        publish(store, target, text)
    log = git(project, "log", "--format=%an|%s", "am-data").splitlines()
    assert log == [f"am-assets|Publish tiny made {name}|{WEEK}" for name in ("one", "two", "one")]
    assert git(project, "ls-tree", "-r", "--name-only", "am-data").splitlines() == [
        f"data/tiny/made/{name}/{WEEK}/{file}"
        for name in ("one", "two")
        for file in ("data.dvc", "manifest.json")
    ]


def test_the_users_branch_index_and_files_stay_as_they_are(project: Path) -> None:
    (project / "notes.txt").write_text("staged\n")
    git(project, "add", "notes.txt")
    (project / "notes.txt").write_text("edited after staging\n")
    before = [
        git(project, *command)
        for command in (("rev-parse", "HEAD"), ("branch", "--show-current"), ("diff", "--cached"))
    ]
    tracked = git(project, "status", "--porcelain", "--untracked-files=no")
    publish(Store(project, "tiny"), ONE, "first")
    after = [
        git(project, *command)
        for command in (("rev-parse", "HEAD"), ("branch", "--show-current"), ("diff", "--cached"))
    ]
    assert after == before
    assert git(project, "status", "--porcelain", "--untracked-files=no") == tracked
    assert (project / "notes.txt").read_text() == "edited after staging\n"
    # Only the pointer shows: neither rows nor scratch files can be added by accident.
    untracked = git(project, "ls-files", "--others", "--exclude-standard").split()
    assert untracked == [f"data/tiny/made/one/{WEEK}/data.dvc"]


def test_a_snapshot_does_not_see_later_publications(project: Path) -> None:
    store = Store(project, "tiny")
    assert store.snapshot().refs() == []
    publish(store, ONE, "first")
    snapshot = store.snapshot()
    publish(store, ONE, "second")
    publish(store, TWO, "other")
    assert snapshot.refs() == [ONE]
    seen = snapshot.manifest(ONE)
    assert seen is not None
    assert seen.root == "first"
    assert store.table(seen.dvc, "made")["text"][0].as_py() == "first"
    assert snapshot.manifest(TWO) is None
    assert store.snapshot().refs() == [ONE, TWO]


def test_the_same_files_have_the_same_pointer(project: Path) -> None:
    store = Store(project, "tiny")
    assert publish(store, ONE, "same").dvc == publish(store, TWO, "same").dvc


def test_profiles_do_not_see_each_other(project: Path) -> None:
    publish(Store(project, "tiny"), ONE, "first")
    assert Store(project, "other").snapshot().refs() == []
    assert Store(project, "tin").snapshot().refs() == []


def test_eight_processes_publishing_at_once_lose_nothing(project: Path) -> None:
    workers = [_worker(project, f"w{number}x", 3) for number in range(8)]
    for worker in workers:
        _start(worker)
    for worker in workers:
        assert worker.wait() == 0
    store = Store(project, "tiny")
    found = store.snapshot().manifests(store.snapshot().refs())
    wanted = {ref(f"w{number}x", count) for number in range(8) for count in range(3)}
    assert set(found) == wanted
    assert all(store.in_place(manifest) for manifest in found.values())
    assert len(git(project, "log", "--format=%h", "am-data").split()) == len(wanted)
    assert git(project, "fsck", "--no-dangling", "--no-progress") == ""


def test_processes_that_publish_the_same_artifact_agree_in_the_end(project: Path) -> None:
    workers = [_worker(project, "same", 3) for _ in range(3)]
    for worker in workers:
        _start(worker)
    for worker in workers:
        assert worker.wait() == 0
    store = Store(project, "tiny")
    found = store.snapshot().manifests(store.snapshot().refs())
    assert set(found) == {ref("same", count) for count in range(3)}
    assert all(store.in_place(manifest) for manifest in found.values())


def test_what_is_published_over_a_state_is_refused_over_any_other(project: Path) -> None:
    store = Store(project, "tiny")
    first = publish(store, ONE, "first", over=None)
    with pytest.raises(Conflict, match=r"made one\|2025-01-06 was published .* materialize again"):
        publish(store, ONE, "late", over=None)
    publish(store, TWO, "other", over=None)  # other artifacts do not count
    second = publish(store, ONE, "second", over=first)
    with pytest.raises(Conflict, match="materialize again"):
        publish(store, ONE, "late", over=first)
    assert store.snapshot().manifest(ONE) == second
    assert store.table(second.dvc, "made")["text"][0].as_py() == "second"


def test_of_two_commits_over_one_state_the_second_is_refused(project: Path) -> None:
    branch = Store(project, "tiny").branch
    branch.commit({"a": b"1"}, "one", {"a": None})
    branch.commit({"b": b"1"}, "two", {"a": b"1", "b": None})
    with pytest.raises(Conflict, match="a of refs/heads/am-data was published by another process"):
        branch.commit({"a": b"2"}, "three", {"a": None})
    with pytest.raises(Conflict):
        branch.commit({"a": b"2"}, "four", {"a": b"0"})
    assert branch.read(branch.head() or "", ["a", "b"]) == {"a": b"1", "b": b"1"}


@pytest.mark.attack
def test_a_process_killed_while_publishing_leaves_whole_artifacts(project: Path) -> None:
    store = Store(project, "tiny")
    draw = random.Random(11)
    for attempt in range(6):
        worker = _worker(project, "k", 30)
        _start(worker)
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(draw.uniform(0.0, 0.3))
        worker.kill()
        worker.wait()
        snapshot = store.snapshot()
        for target, manifest in snapshot.manifests(snapshot.refs()).items():
            assert store.holds(manifest.dvc)
            text = store.table(manifest.dvc, "made")["text"].to_pylist()
            assert text == [manifest.root] * 3
            store.restore(manifest)
            assert store.in_place(manifest), target
        after = publish(store, ref("k", 0), f"after {attempt}")
        assert store.in_place(after)
    assert git(project, "fsck", "--no-dangling", "--no-progress") == ""
    assert "up to date" in dvc(project, "status")


def test_a_store_in_a_subfolder_of_a_repository_works(project: Path) -> None:
    inner = project / "deep" / "er"
    (inner / ".dvc").mkdir(parents=True)
    store = Store(inner, "tiny")
    manifest = publish(store, ONE, "first")
    assert store.snapshot().refs() == [ONE]
    assert store.snapshot().manifest(ONE) == manifest
    shutil.rmtree(inner / "data")
    assert store.restore(manifest)
    assert Store(project, "tiny").snapshot().refs() == []
    assert (
        git(project, "ls-tree", "-r", "--name-only", "am-data")
        .splitlines()[0]
        .startswith("deep/er/data/tiny/made")
    )


def test_the_root_is_found_from_below_or_named(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_root() == project.resolve()
    monkeypatch.delenv("AM_ASSETS_ROOT")
    (project / "a" / "b").mkdir(parents=True)
    assert find_root(project / "a" / "b") == project.resolve()
    with pytest.raises(StoreError, match=r"no \.dvc folder"):
        find_root(tmp_path)


def test_a_folder_without_git_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="is not a git repository: clone the project"):
        Store(tmp_path, "tiny")


def test_what_a_killed_process_left_behind_is_removed_and_what_a_living_one_uses_is_not(
    project: Path,
) -> None:
    store = Store(project, "tiny")
    left = project / ".am" / "tmp" / "0123"
    left.mkdir(parents=True)
    (left / "responses.rows").write_text("texts of samples")
    with store.workspace() as mine:
        (mine / "file").write_text("in use")
        assert not left.exists()
        with Store(project, "other").workspace() as theirs:
            assert mine.is_dir()
            assert theirs.is_dir()
    assert list((project / ".am" / "tmp").iterdir()) == []
