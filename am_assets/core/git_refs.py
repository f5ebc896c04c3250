"""The refs of the data branch: where it is, where it was last seen, and how it moves.

A hidden ref beside the branch keeps the last commit that was seen of it, so that a branch which
was deleted or moved back is not taken for one that never was. It also keeps git's garbage
collection away from that commit.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from am_assets.core.git_command import GitError, run_git

_LOCK_S = 1.0
"""How long one and the same lock file of git's may stand; git holds one for milliseconds."""
_LOCK = re.compile(r"Unable to create '(.+\.lock)': File exists")
_MOVED = ("but expected", "reference already exists")


class Refs(NamedTuple):
    """What the repository says of the branch."""

    head: str | None
    last: str | None
    """The last commit that was seen of it."""
    worktree: str
    """Where it is checked out; empty where it is not."""
    children: list[str]
    """Branches below its name, beside which it cannot be."""
    remotes: dict[str, str]
    """Its commits in other clones, by remote ref."""


class BranchRefs:
    """The refs of branch `name` in the repository at `root`."""

    def __init__(self, root: Path, name: str, notice: Callable[[str], None]) -> None:
        self.root = root
        self.name = name
        self.ref = f"refs/heads/{name}"
        self.seen = f"refs/am-assets/{name}"
        """The hidden ref."""
        self._notice = notice
        self._in_line: set[tuple[str, str]] = set()

    def read(self) -> Refs:
        """All of them, in one git process; raises GitError for one that names no commit."""
        form = "--format=%(refname)%00%(objectname)%00%(worktreepath)"
        patterns = [self.ref, self.seen, f"refs/remotes/*/{self.name}"]
        output, words = run_git(self.root, ["for-each-ref", form, *patterns])
        for broken in re.findall(r"ignoring broken ref (\S+)", words):
            if broken in (self.ref, self.seen):
                raise self._broken(broken)
        found: dict[str, tuple[str, str]] = {}
        for line in output.decode().splitlines():
            ref, commit, worktree = line.split("\0")
            found[ref] = (commit, worktree)
        head, worktree = found.pop(self.ref, (None, ""))
        last, _ = found.pop(self.seen, (None, ""))
        return Refs(
            head,
            last,
            worktree,
            [ref.removeprefix("refs/heads/") for ref in found if ref.startswith(f"{self.ref}/")],
            {ref: commit for ref, (commit, _) in found.items() if ref.startswith("refs/remotes/")},
        )

    def head(self, refs: Refs) -> str | None:
        """The branch's commit, or None where nothing was ever published.

        In a clone that has the branch of a remote only, that one is adopted. Raises GitError where
        the branch was deleted or moved back.
        """
        if refs.head is None and refs.last is None:
            return self._adopt(refs)
        for attempt in range(8):
            if refs.head is not None and (refs.last is None or self._follows(refs.last, refs.head)):
                return refs.head
            # Another process may have published between the readings of the two refs.
            time.sleep(0.005 * (attempt + 1))
            refs = self.read()
        if refs.head is None:
            raise GitError(
                f"the branch {self.name} is gone, and was last seen at {refs.last}: bring it back "
                f"with `git branch {self.name} {refs.last}`, or begin anew, without what it holds, "
                f"with `git update-ref -d {self.seen}`"
            )
        raise GitError(
            f"the branch {self.name} is at {refs.head}, which lacks what was published until "
            f"{refs.last}: bring it back with `git branch -f {self.name} {refs.last}`, or accept "
            f"it as it is with `git update-ref {self.seen} {refs.head}`"
        )

    def check_movable(self, refs: Refs) -> None:
        """Raise GitError where the branch cannot be moved, or must not be."""
        if refs.worktree:
            raise GitError(
                f"the branch {self.name} is checked out in {refs.worktree}, where the next commit "
                "would undo what is published: run `git switch` to another branch there"
            )
        if refs.head is None and refs.children:
            child = refs.children[0]
            raise GitError(
                f"the branch {child} is in the way of {self.name}, which git cannot keep beside "
                f"it: rename it with `git branch -m {child} {child.replace('/', '-')}`"
            )

    def move(self, refs: Refs, commit: str, lock: "LockWatch") -> bool:
        """Move the branch to `commit`, unless it is no longer where `refs` says: then False.

        False also where another process holds git's lock just now. Raises GitError where git
        refuses for any other reason.
        """
        if not self._update(self.ref, commit, refs.head, lock):
            return False
        self.note(refs, commit, lock)
        return True

    def note(self, refs: Refs, commit: str, lock: "LockWatch") -> None:
        """Let the hidden ref hold `commit`, unless another process has moved it meanwhile."""
        while refs.last != commit and not self._update(self.seen, commit, refs.last, lock):
            if self.read().last != refs.last:
                return
            time.sleep(0.01)

    def _update(self, ref: str, commit: str, before: str | None, lock: "LockWatch") -> bool:
        try:
            run_git(self.root, ["update-ref", ref, commit, before or "0" * len(commit)])
        except GitError as error:
            if any(words in error.words for words in _MOVED) or lock.is_held(error):
                return False
            raise self._refused(error) from error
        return True

    def _follows(self, before: str, after: str) -> bool:
        """Whether `after` is `before` or was published on top of it."""
        if before != after and (before, after) not in self._in_line:
            try:
                run_git(self.root, ["merge-base", "--is-ancestor", before, after])
            except GitError as error:
                if error.code == 1:
                    return False
                raise self._lost(before, after, error) from error
            self._in_line.add((before, after))
        return True

    def _lost(self, before: str, after: str, error: GitError) -> GitError:
        """What to do where git cannot follow the branch back to the commit last seen."""
        words = " ".join(error.words.split())
        try:
            run_git(self.root, ["cat-file", "-e", f"{before}^{{commit}}"])
        except GitError:
            return GitError(
                f"{self.seen} names {before}, which is no commit that git can read ({words}): "
                f"accept the branch as it is with `git update-ref {self.seen} {after}`",
                error.words,
            )
        return GitError(
            f"{self.ref} names {after}, which git cannot follow back to {before}, the last commit "
            f"seen ({words}): fetch it with `git fetch --refetch REMOTE {self.name}`, or go back "
            f"with `git update-ref {self.ref} {before}`",
            error.words,
        )

    def _adopt(self, refs: Refs) -> str | None:
        """Take over the branch of a remote, where nothing was published here yet."""
        if not refs.remotes:
            return None
        newest = [
            ref
            for ref, commit in refs.remotes.items()
            if all(self._follows(other, commit) for other in refs.remotes.values())
        ]
        if not newest:
            listed = ", ".join(ref.removeprefix("refs/remotes/") for ref in refs.remotes)
            raise GitError(
                f"the remotes hold different branches {self.name} ({listed}) and this clone has "
                f"none: choose one with `git branch --no-track {self.name} REMOTE/{self.name}`"
            )
        commit = refs.remotes[newest[0]]
        self.check_movable(refs)
        lock = LockWatch()
        while not self.move(refs, commit, lock):
            refs = self.read()
            if refs.head is not None:
                return self.head(refs)  # another process adopted or published meanwhile
            time.sleep(0.01)
        self._notice(
            f"took over the branch {self.name} of {newest[0].removeprefix('refs/remotes/')} at "
            f"{commit[:12]}: this clone had none"
        )
        return commit

    def _refused(self, error: GitError) -> GitError:
        """What an update of a ref failed of, and what to do."""
        if (held := _LOCK.search(error.words)) is not None:
            return GitError(
                f"git's lock {held[1]} stands since {_age(Path(held[1]))} and nothing was "
                "published: if no git command is running, remove that file"
            )
        words = " ".join(error.words.split())
        if "aborted by hook" in error.words:
            return GitError(
                f"the git hook {self._path('hooks/reference-transaction')} refuses the data branch "
                f"and nothing was published ({words}): let it pass {self.ref} and {self.seen}"
            )
        return GitError(f"git cannot move {self.ref} and nothing was published: {words}")

    def _broken(self, ref: str) -> GitError:
        problem = f"{self._path(ref)} names no commit, as after a power cut: remove that file"
        if ref == self.seen:
            return GitError(problem)
        last, _ = run_git(self.root, ["for-each-ref", "--format=%(objectname)", self.seen])
        known = last.decode().strip() or f"origin/{self.name}"
        return GitError(f"{problem} and run `git branch --no-track {self.name} {known}`")

    def _path(self, name: str) -> Path:
        """Where git keeps a file of its folder."""
        output, _ = run_git(self.root, ["rev-parse", "--git-path", name])
        return self.root / output.decode().strip()


class LockWatch:
    """Tells a lock that other processes take in turn from one that was left behind."""

    def __init__(self) -> None:
        self._seen: tuple[int, int] | None = None
        self._since = 0.0

    def is_held(self, error: GitError) -> bool:
        """Whether git failed of a lock that has not stood for long, so that trying again helps."""
        held = _LOCK.search(error.words)
        if held is None:
            return False
        try:
            status = Path(held[1]).stat()
        except FileNotFoundError:
            return True
        now, lock = time.monotonic(), (status.st_ino, status.st_mtime_ns)
        if lock != self._seen:
            self._seen, self._since = lock, now
        return now - self._since < _LOCK_S


def _age(lock: Path) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(lock.stat().st_mtime))
    except FileNotFoundError:
        return "a moment ago"
