"""The data branch: commits of pointers and manifests made with git plumbing.

Nothing here touches the user's branch, index or working tree. A commit is a compare-and-swap on
the branch's ref, so any number of processes can publish at once and none loses the other's work.

What is not on the branch was never published; what is and cannot be read is an error. So that a
branch which was deleted or moved back is not taken for one that never was, a hidden ref keeps the
last commit that was seen (`core.git_refs`).
"""

import hashlib
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from am_assets.core.git_command import GitError, run_git
from am_assets.core.git_refs import BranchRefs, LockWatch
from am_assets.core.telling import tell

_PATIENCE_S = 60.0
"""How long the branch may keep moving before a publication gives up."""


class Conflict(GitError):
    """A path of the branch is not what the caller's publication was made over."""


class DataBranch:
    """Read and extend one branch of the repository at `root`.

    `notice` is told what was done beyond what was asked. Raises GitError when `root` is not inside
    a git repository.
    """

    def __init__(
        self, root: Path, name: str = "am-data", notice: Callable[[str], None] = tell
    ) -> None:
        self.root = root
        self.name = name
        self.ref = f"refs/heads/{name}"
        self._refs = BranchRefs(root, name, notice)
        try:
            # Paths in commits start at the repository's top, which may lie above `root`.
            self._prefix = self._git("rev-parse", "--show-prefix").strip()
        except GitError as error:
            if "not a git repository" not in error.words:
                raise
            raise GitError(
                f"{root} is not a git repository: clone the project, or run `git init` there",
                error.words,
            ) from error

    # Reading ------------------------------------------------------------------------------------

    def head(self) -> str | None:
        """The branch's commit, or None where nothing was ever published.

        In a clone that has the branch of a remote only, that one is adopted. Raises GitError where
        the branch was deleted, moved back, or cannot be read.
        """
        return self._refs.head(self._refs.read())

    def check_writable(self) -> None:
        """Raise GitError where a publication would be refused, before any work is done for it."""
        refs = self._refs.read()
        head = self._refs.head(refs)
        self._refs.check_movable(refs)
        if head is not None:
            self._refs.note(refs, head, LockWatch())

    def read(self, commit: str, paths: Iterable[str]) -> dict[str, bytes]:
        """Contents of those of `paths` that exist in `commit`; the others were never published.

        Raises GitError for one that exists and cannot be read.
        """
        wanted = list(paths)
        try:
            output = self._run(
                ["cat-file", "--batch"],
                "".join(f"{commit}:{self._prefix}{path}\n" for path in wanted).encode(),
            )
        except GitError as error:
            raise self._unreadable(commit, error) from error
        found: dict[str, bytes] = {}
        position = 0
        for path in wanted:
            end = output.index(b"\n", position)
            header = output[position:end].decode()
            position = end + 1
            if header.endswith(" missing"):
                continue
            name, _, size = header.rsplit(" ", 2)
            content = output[position : position + int(size)]
            position += int(size) + 1
            if _blob_name(content, len(name)) != name:
                raise self._damaged(path, name)
            found[path] = content
        # git says "missing" of what is not there and of what it cannot read alike.
        for path, name in self._tree(commit, [p for p in wanted if p not in found]).items():
            raise self._damaged(path, name)
        return found

    def paths(self, commit: str, prefix: str) -> list[str]:
        """Paths of all files under `prefix` in `commit`; raises GitError where it is unreadable."""
        return list(self._tree(commit, [prefix]))

    def _tree(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        """Names of the blobs of `commit` at or under `paths`, by path."""
        wanted = list(paths)
        if not wanted:
            return {}
        try:
            output = self._git("ls-tree", "-r", "-z", commit, "--", *wanted)
        except GitError as error:
            raise self._unreadable(commit, error) from error
        rows = (row.split("\t", 1) for row in output.split("\0") if row)
        return {path: entry.split()[2] for entry, path in rows}

    # Writing ------------------------------------------------------------------------------------

    def commit(
        self,
        files: Mapping[str, bytes | None],
        message: str,
        expected: Mapping[str, bytes | None] | None = None,
    ) -> str:
        """Add one commit that writes `files` (None removes the path), and return it.

        Retries while other processes move the branch; raises GitError at once where git refuses
        for another reason. With `expected`, the commit is made only on a branch that holds exactly
        these bytes under these paths (None: no such path); raises Conflict otherwise.
        """
        blobs = {
            path: None if data is None else self._run(["hash-object", "-w", "--stdin"], data)
            for path, data in files.items()
        }
        changes = "".join(
            f"0 {'0' * 40}\t{self._prefix}{path}\0"
            if blob is None
            else f"100644 {blob.decode().strip()}\t{self._prefix}{path}\0"
            for path, blob in blobs.items()
        ).encode()
        lock, wait, deadline = LockWatch(), 0.02, time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            refs = self._refs.read()
            before = self._refs.head(refs)
            self._refs.check_movable(refs)
            self._check_expected(before, expected or {})
            commit = self._write_commit(before, changes, message)
            if before == refs.head and self._refs.move(refs, commit, lock):
                return commit
            # Another process published in between; its commit becomes our parent.
            time.sleep(random.uniform(0.001, wait))
            wait = min(wait + 0.02, 0.2)
        raise GitError(
            f"{self.ref} kept moving for {_PATIENCE_S:.0f} s and nothing was published: "
            "materialize again while fewer processes publish"
        )

    def _check_expected(self, commit: str | None, expected: Mapping[str, bytes | None]) -> None:
        held = self.read(commit, expected) if commit and expected else {}
        for path, content in expected.items():
            if held.get(path) != content:
                raise Conflict(
                    f"{path} of {self.ref} was published by another process meanwhile, and this "
                    "publication was made over an older state: materialize again"
                )

    def _write_commit(self, parent: str | None, changes: bytes, message: str) -> str:
        with tempfile.TemporaryDirectory(prefix="am-index-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if parent:
                self._run(["read-tree", parent], env=env)
            self._run(["update-index", "-z", "--index-info"], changes, env=env)
            tree = self._run(["write-tree"], env=env).decode().strip()
        parents = ["-p", parent] if parent else []
        return self._run(["commit-tree", tree, *parents, "-m", message]).decode().strip()

    def _unreadable(self, commit: str, error: GitError) -> GitError:
        return GitError(
            f"commit {commit} of {self.name} cannot be read whole "
            f"({' '.join(error.words.split())}): fetch its objects again with "
            f"`git fetch --refetch REMOTE {self.name}`, or copy .git/objects from another clone",
            error.words,
            error.code,
        )

    def _damaged(self, path: str, blob: str) -> GitError:
        loose = self._git("rev-parse", "--git-path", f"objects/{blob[:2]}/{blob[2:]}").strip()
        return GitError(
            f"{path} is published on {self.name}, and git cannot read it: write it back with "
            f"`rm -f {loose}; git hash-object -w --no-filters {path}`, which must "
            f"print {blob}, or fetch it again with `git fetch --refetch REMOTE {self.name}`"
        )

    def _git(self, *arguments: str) -> str:
        return self._run(list(arguments)).decode()

    def _run(
        self, arguments: list[str], stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> bytes:
        return run_git(self.root, arguments, stdin, env)[0]


def _blob_name(content: bytes, digits: int) -> str:
    """git's name of a blob, in a repository of SHA-1 (40 hex digits) or of SHA-256 (64)."""
    made = hashlib.sha1(usedforsecurity=False) if digits == 40 else hashlib.sha256()
    made.update(b"blob %d\0" % len(content))
    made.update(content)
    return made.hexdigest()
