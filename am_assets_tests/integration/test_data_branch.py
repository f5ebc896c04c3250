"""The data branch over real git: what refuses says why and how to go on, and nothing is lost."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from am_assets.core.git_branch import DataBranch
from am_assets.core.git_command import GitError
from am_assets_tests.conftest import git

ZERO = "0" * 40


def branch(folder: Path) -> DataBranch:
    return DataBranch(folder, notice=lambda line: None)


def published(folder: Path, **files: str) -> str:
    """A commit that publishes each of `files` under `data/`."""
    content = {f"data/{name}": text.encode() for name, text in files.items()}
    return branch(folder).commit(content, "publish")


@contextmanager
def refused(words: str, seconds: float = 2.0) -> Iterator[None]:
    """What is done inside is refused in one sentence with these words, soon."""
    begun = time.monotonic()
    with pytest.raises(GitError, match=words) as caught:
        yield
    assert time.monotonic() - begun < seconds
    assert "\n" not in str(caught.value)


def loose(folder: Path, name: str) -> Path:
    return folder / ".git" / "objects" / name[:2] / name[2:]


def clone(folder: Path, to: Path, *arguments: str) -> Path:
    git(folder.parent, "clone", "-q", *arguments, f"file://{folder}", str(to))
    return to


# What refuses


def test_a_lock_that_was_left_behind_is_named_and_its_removal_helps(project: Path) -> None:
    published(project, a="1")
    lock = project / ".git" / "refs" / "heads" / "am-data.lock"
    lock.touch()
    with refused(rf"git's lock {lock} stands since .*remove that file"):
        published(project, a="2")
    lock.unlink()
    published(project, a="2")


def test_a_lock_that_another_process_holds_for_a_moment_is_waited_for(project: Path) -> None:
    published(project, a="1")
    lock = project / ".git" / "refs" / "heads" / "am-data.lock"
    lock.touch()
    timer = threading.Timer(0.5, lock.unlink)
    timer.start()
    published(project, a="2")
    timer.join()


def test_a_branch_below_the_name_is_named_and_its_renaming_helps(project: Path) -> None:
    git(project, "branch", "am-data/x")
    for refusing in (lambda: published(project, a="1"), branch(project).check_writable):
        with refused("the branch am-data/x is in the way of am-data"):
            refusing()
    git(project, "branch", "-m", "am-data/x", "am-data-x")
    published(project, a="1")


def test_a_hook_that_refuses_is_named_with_its_words(project: Path) -> None:
    hook = project / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'only reviewed refs' >&2\nexit 1\n")
    hook.chmod(0o755)
    with refused(f"the git hook {hook} refuses the data branch .*only reviewed refs"):
        published(project, a="1")
    hook.unlink()
    published(project, a="1")


def test_a_repository_of_another_user_is_named_and_trusting_it_helps(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    with refused(f"git config --global --add safe.directory {project}"):
        branch(project)
    subprocess.run(
        ["git", "config", "--global", "--add", "safe.directory", str(project)], check=True
    )
    published(project, a="1")


def test_a_machine_without_git_is_told_to_install_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with refused("install git"):
        branch(project)


@pytest.mark.parametrize("linked", [False, True])
def test_a_branch_that_is_checked_out_is_not_moved(
    project: Path, tmp_path: Path, linked: bool
) -> None:
    published(project, a="1")
    where = tmp_path / "linked" if linked else project
    if linked:
        git(project, "worktree", "add", "-q", str(where), "am-data")
    else:
        git(project, "switch", "-q", "am-data")
    head = branch(project).head()
    for refusing in (lambda: published(project, a="2"), branch(project).check_writable):
        with refused(f"the branch am-data is checked out in {where}.* `git switch` to another"):
            refusing()
    assert branch(project).head() == head
    git(where, "switch", "-q", "-c", "elsewhere")
    published(project, a="2")


def test_a_reference_that_a_power_cut_emptied_is_named_and_brought_back(project: Path) -> None:
    head = published(project, a="1")
    ref = project / ".git" / "refs" / "heads" / "am-data"
    ref.write_text("")
    with refused(f"remove that file and run `git branch --no-track am-data {head}`"):
        branch(project).head()
    ref.unlink()
    git(project, "branch", "--no-track", "am-data", head)
    assert branch(project).head() == head


# Missing, unreadable and never published


def test_what_was_never_published_is_none_and_no_error(project: Path) -> None:
    assert branch(project).head() is None
    head = published(project, a="1")
    assert branch(project).read(head, ["data/a", "data/b", "data/a/b"]) == {"data/a": b"1"}
    assert branch(project).paths(head, "data/") == ["data/a"]
    assert branch(project).paths(head, "other/") == []


@pytest.mark.parametrize("what", ["data/a", "data", ""])
@pytest.mark.parametrize("how", ["gone", "emptied", "flipped"])
def test_what_is_published_and_cannot_be_read_is_an_error(
    project: Path, what: str, how: str
) -> None:
    head = published(project, a="1", b="2")
    path = loose(project, git(project, "rev-parse", f"{head}:{what}").strip())
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    else:
        data[len(data) // 2] ^= 16
        path.write_bytes(data if how == "flipped" else b"")
    with refused("am-data"):
        branch(project).read(head, ["data/a", "data/b", "data/c"])


def test_a_commit_that_is_gone_is_no_unpublished_branch(project: Path) -> None:
    first = published(project, a="1")
    head = published(project, a="2")
    loose(project, head).unlink()
    with refused(f"commit {head} of am-data cannot be read whole"):
        branch(project).read(branch(project).head() or "", ["data/a"])
    git(project, "update-ref", "refs/am-assets/am-data", first)
    with refused(f"go back with `git update-ref refs/heads/am-data {first}`"):
        branch(project).head()
    git(project, "update-ref", "refs/heads/am-data", first)
    assert branch(project).head() == first


def test_an_unreadable_manifest_can_be_written_back_from_the_working_tree(project: Path) -> None:
    head = published(project, a="1")
    (project / "data").mkdir()
    (project / "data" / "a").write_text("1")
    blob = git(project, "rev-parse", f"{head}:data/a").strip()
    loose(project, blob).chmod(0o644)
    loose(project, blob).write_text("")
    with pytest.raises(GitError) as caught:
        branch(project).read(head, ["data/a"])
    command = str(caught.value).split("`")[1]
    done = subprocess.run(command, cwd=project, shell=True, capture_output=True, text=True)
    assert done.stdout.strip() == blob
    assert branch(project).read(head, ["data/a"]) == {"data/a": b"1"}


def test_another_blob_in_the_place_of_the_published_one_is_noticed(project: Path) -> None:
    head = published(project, a="1", b="2")
    one, two = (git(project, "rev-parse", f"{head}:data/{name}").strip() for name in "ab")
    loose(project, one).chmod(0o644)
    loose(project, one).write_bytes(loose(project, two).read_bytes())
    with refused("data/a is published on am-data, and git cannot read it"):
        branch(project).read(head, ["data/a"])


# Clones, and branches that moved


def test_a_clone_takes_over_the_branch_of_its_remote_and_says_so(
    project: Path, tmp_path: Path
) -> None:
    head = published(project, a="1")
    fresh = clone(project, tmp_path / "clone")
    told: list[str] = []
    assert DataBranch(fresh, notice=told.append).head() == head
    assert told == [
        f"took over the branch am-data of origin/am-data at {head[:12]}: this clone had none"
    ]
    after = published(fresh, a="2")
    assert git(fresh, "rev-parse", f"{after}^").strip() == head
    assert DataBranch(fresh, notice=told.append).head() == after
    assert len(told) == 1


def test_of_several_remotes_the_newest_is_taken_over_and_different_ones_are_named(
    project: Path, tmp_path: Path
) -> None:
    first = published(project, a="1")
    other = clone(project, tmp_path / "other")
    second = published(other, a="2")
    fresh = clone(project, tmp_path / "fresh")
    git(fresh, "remote", "add", "other", f"file://{other}")
    git(fresh, "fetch", "-q", "other")
    assert branch(fresh).head() == second

    published(project, a="3")
    third = clone(project, tmp_path / "third")
    git(third, "remote", "add", "other", f"file://{other}")
    git(third, "fetch", "-q", "other")
    with refused(r"origin/am-data, other/am-data.*git branch --no-track am-data REMOTE/am-data"):
        branch(third).head()
    git(third, "branch", "--no-track", "am-data", "other/am-data")
    assert branch(third).head() == second
    assert first != second


def test_a_branch_that_was_deleted_is_missed_and_comes_back(project: Path) -> None:
    head = published(project, a="1")
    git(project, "branch", "-D", "-q", "am-data")
    git(project, "reflog", "expire", "--expire=now", "--all")
    git(project, "gc", "-q", "--prune=now")
    for refusing in (branch(project).head, lambda: published(project, a="2")):
        with refused(f"is gone, and was last seen at {head}: bring it back with `git branch am-da"):
            refusing()
    git(project, "branch", "am-data", head)
    assert branch(project).head() == head


def test_a_branch_that_was_deleted_on_purpose_can_begin_anew(project: Path) -> None:
    published(project, a="1")
    git(project, "branch", "-D", "-q", "am-data")
    git(project, "update-ref", "-d", "refs/am-assets/am-data")
    assert branch(project).head() is None
    published(project, a="2")


def test_a_branch_that_was_moved_back_is_missed_or_accepted(project: Path) -> None:
    first = published(project, a="1")
    second = published(project, a="2")
    git(project, "branch", "-f", "am-data", first)
    for refusing in (branch(project).head, lambda: published(project, a="3")):
        with refused(f"is at {first}, which lacks what was published until {second}"):
            refusing()
    git(project, "update-ref", "refs/am-assets/am-data", first)
    assert branch(project).head() == first
    published(project, a="3")


def test_a_newer_branch_that_was_fetched_is_taken_as_it_is(project: Path, tmp_path: Path) -> None:
    published(project, a="1")
    other = clone(project, tmp_path / "other")
    newer = published(other, a="2")
    git(project, "fetch", "-q", str(other), "am-data:am-data")
    assert branch(project).head() == newer
    branch(project).check_writable()
    assert git(project, "rev-parse", "refs/am-assets/am-data").strip() == newer


def test_a_publication_without_the_hidden_ref_makes_it(project: Path) -> None:
    published(project, a="1")
    git(project, "update-ref", "-d", "refs/am-assets/am-data")
    head = published(project, a="2")
    assert git(project, "rev-parse", "refs/am-assets/am-data").strip() == head
