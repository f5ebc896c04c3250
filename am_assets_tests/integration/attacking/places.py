"""Attacks on where a project lies: its git repository, its branch, its disks."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from am_assets.core.git_branch import DataBranch
from am_assets.core.store import Store
from am_assets_tests.conftest import WEEK, dvc, git, math_rows, write_jsonl, write_tiny
from am_assets_tests.integration.attacking.captures import Captures
from am_assets_tests.integration.attacking.copies import (
    ORDER,
    Attack,
    at_home,
    copy_of,
    empty_like,
    identities,
    line_of,
    make,
    make_stale,
    quiet_store,
)

_SOON_S = 2.0
"""Within this long what stands in the way is named."""

_CAPTURE = f"data/tiny/raw_prompts/sums/{WEEK}/manifest.json"


def clone_without_branch(project: Path) -> list[str]:
    """A fresh clone has `origin/am-data` alone, and upstream is another: it takes that branch."""
    with copy_of(project) as folder:
        clone = folder.with_name("clone")
        git(folder.parent, "clone", "-q", f"file://{folder}", str(clone))
        shutil.copytree(folder / ".dvc" / "cache", clone / ".dvc" / "cache")
        write_tiny(clone)
        with at_home(clone):
            return [line_of("a clone", lambda: _captured_again(clone))]


def branch_moved_back(project: Path) -> list[str]:
    """The branch is reset to before the capture, and upstream is another."""
    with copy_of(project) as folder:
        last = git(folder, "rev-parse", "am-data").strip()
        first = git(folder, "log", "--format=%H", "am-data", "--", _CAPTURE).split()[-1]
        git(folder, "branch", "-f", "am-data", f"{first}^")
        lines = [line_of("a branch that was reset", lambda: _captured_again(folder))]
        git(folder, "branch", "-f", "am-data", last)
        return [*lines, line_of("moved forth again", lambda: _captured_again(folder))]


def unreadable_capture(project: Path) -> list[str]:
    """The blob that says what was captured is empty, or gone, and upstream is another."""
    lines: list[str] = []
    for what in ("cut to nothing", "gone"):
        with copy_of(project) as folder:
            blob = git(folder, "rev-parse", f"am-data:{_CAPTURE}").strip()
            path = folder / ".git" / "objects" / blob[:2] / blob[2:]
            path.unlink()
            if what != "gone":
                path.touch()
            lines.append(line_of(f"a manifest {what}", lambda: _captured_again(folder)))
    return lines


def _captured_again(folder: Path) -> str | None:
    write_jsonl(folder / "sums.jsonl", math_rows(3))
    rows = Captures(folder).make_all()[0].counts["seal"]["rows"]
    return None if rows == len(math_rows()) else f"a seal was replaced by one of {rows} rows"


def git_in_the_way(project: Path) -> list[str]:
    """What refuses a publication is named soon; when it is out of the way, it succeeds."""
    return [
        _in_the_way(project, "a lock left behind", _lock, "am-data.lock"),
        _in_the_way(project, "a hook that refuses", _hook, "reference-transaction"),
        _in_the_way(project, "am-data checked out", _checked_out, "git switch"),
        _in_the_way(project, "am-data checked out elsewhere", _linked, "checked out in"),
        _in_the_way(project, "a reference emptied", _emptied, "names no commit"),
        _in_the_way(project, "a branch am-data/x", _below, "am-data/x"),
        _in_the_way(project, "a repository of another user", _foreign, "safe.directory"),
    ]


def _in_the_way(
    project: Path, what: str, put: Callable[[Path], Callable[[], None]], words: str
) -> str:
    """`put` stands something in the way, and gives how to remove it; its naming has `words`."""
    with copy_of(project) as folder, mock.patch.dict(os.environ):
        remove = put(folder)

        def publish() -> None:
            DataBranch(folder, notice=lambda line: None).commit({"data/x": b"1"}, "attack")

        begun = time.monotonic()
        line = line_of(what, publish)
        took = time.monotonic() - begun
        remove()
        after = line_of("without it", publish)
        if not line.startswith("named") or words not in line:
            return f"broken: {what} is not named: {line}"
        if took > _SOON_S or not after.startswith("held"):
            return f"broken: {what} was named after {took:.1f} s, and then: {after}"
        return line


def _lock(folder: Path) -> Callable[[], None]:
    lock = folder / ".git" / "refs" / "heads" / "am-data.lock"
    lock.touch()
    return lock.unlink


def _hook(folder: Path) -> Callable[[], None]:
    hook = folder / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'only reviewed refs' >&2\nexit 1\n")
    hook.chmod(0o755)
    return hook.unlink


def _checked_out(folder: Path) -> Callable[[], None]:
    git(folder, "switch", "-q", "-f", "am-data")
    return lambda: (git(folder, "switch", "-q", "-f", "main"), None)[1]


def _linked(folder: Path) -> Callable[[], None]:
    where = str(folder.with_name("linked"))
    git(folder, "worktree", "add", "-q", where, "am-data")
    return lambda: (git(folder, "worktree", "remove", "-f", where), None)[1]


def _emptied(folder: Path) -> Callable[[], None]:
    ref = folder / ".git" / "refs" / "heads" / "am-data"
    kept = ref.read_bytes()
    ref.write_bytes(b"")
    return lambda: (ref.write_bytes(kept), None)[1]


def _below(folder: Path) -> Callable[[], None]:
    for ref in ("refs/heads/am-data", "refs/am-assets/am-data"):
        git(folder, "update-ref", "-d", ref)
    git(folder, "branch", "am-data/x")
    return lambda: (git(folder, "branch", "-D", "-q", "am-data/x"), None)[1]


def _foreign(folder: Path) -> Callable[[], None]:
    settings = folder.with_name("gitconfig")
    os.environ["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"
    os.environ["GIT_CONFIG_GLOBAL"] = str(settings)
    return lambda: (settings.write_text(f"[safe]\n\tdirectory = {folder}\n"), None)[1]


def collected(project: Path) -> list[str]:
    """`dvc gc -w` after `data/` was removed, and while a capture is published: seals stay."""
    lines: list[str] = []
    with copy_of(project) as folder:
        shutil.rmtree(folder / "data")
        dvc(folder, "gc", "-w", "-f")
        lines.append(line_of("after data/ was removed", lambda: _seal_is_whole(folder)))
        before = identities(folder)
        make(folder)
        after = identities(folder)
        lines.append("held: all made again" if after == before else "broken: others are made again")
    with empty_like(project) as folder:
        write_tiny(folder)
        publish = Store.publish

        def collecting(store: Store, *given: object, **more: object) -> str:
            dvc(folder, "gc", "-w", "-f")
            return publish(store, *given, **more)  # type: ignore[arg-type]

        with mock.patch.object(Store, "publish", collecting):
            Captures(folder).make_all()
        lines.append(line_of("while it is published", lambda: _seal_is_whole(folder)))
    return lines


def _seal_is_whole(folder: Path) -> str | None:
    rows = len(Captures(folder).sealed())
    return None if rows == len(math_rows()) else f"the seal has {rows} rows"


def data_elsewhere(project: Path) -> list[str]:
    """`data/` lies on another file system."""
    with copy_of(project) as folder:
        before = identities(folder)
        other = Path("/dev/shm")
        if not other.is_dir() or other.stat().st_dev == folder.stat().st_dev:
            return ["held: there is no second file system here to try"]
        with tempfile.TemporaryDirectory(dir=other) as elsewhere:
            shutil.move(folder / "data", f"{elsewhere}/data")
            (folder / "data").symlink_to(f"{elsewhere}/data")
            make_stale(folder, ORDER[1:])

            def again() -> str | None:
                make(folder)
                snapshot = quiet_store(folder).snapshot()
                manifests = snapshot.manifests(snapshot.refs()).values()
                out = [m.ref for m in manifests if not snapshot.store.in_place(m, thorough=True)]
                if out or identities(folder) != before:
                    return f"{out or 'a root'} is not as it was"
                return None

            return [line_of("data/ on another file system", again)]


ATTACKS: dict[str, Attack] = {
    "a clone without the branch": clone_without_branch,
    "a branch that was moved back": branch_moved_back,
    "a capture that cannot be read": unreadable_capture,
    "git in the way": git_in_the_way,
    "collecting the cache": collected,
    "data on another file system": data_elsewhere,
}
"""Every attack by what it does; each takes the folder of a finished tiny project."""
