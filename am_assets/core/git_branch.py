"""The data branch: commits of pointers and manifests made with git plumbing.

Nothing here touches the user's branch, index or working tree. A commit is a compare-and-swap on
the branch's ref, so any number of processes can publish at once and none loses the other's work.
"""

import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

_IDENTITY = {
    "GIT_AUTHOR_NAME": "am-assets",
    "GIT_AUTHOR_EMAIL": "am-assets@localhost",
    "GIT_COMMITTER_NAME": "am-assets",
    "GIT_COMMITTER_EMAIL": "am-assets@localhost",
}
"""git commit-tree fails where no author is configured, and publications are not the user's."""

_ATTEMPTS = 500


class GitError(RuntimeError):
    """A git command failed; the message holds its own words."""


class Conflict(GitError):
    """A path of the branch is not what the caller's publication was made over."""


class DataBranch:
    """Read and extend one branch of the repository at `root`.

    Raises GitError when `root` is not inside a git repository.
    """

    def __init__(self, root: Path, name: str = "am-data") -> None:
        self.root = root
        self.ref = f"refs/heads/{name}"
        try:
            # Paths in commits start at the repository's top, which may lie above `root`.
            self._prefix = self._git("rev-parse", "--show-prefix").strip()
        except GitError as error:
            raise GitError(
                f"{root} is not a git repository: clone the project, or run `git init` there"
            ) from error

    def head(self) -> str | None:
        """The branch's commit, or None before the first publication."""
        try:
            return self._git("rev-parse", "--verify", "--quiet", self.ref).strip() or None
        except GitError:
            return None

    def read(self, commit: str, paths: Iterable[str]) -> dict[str, bytes]:
        """Contents of those of `paths` that exist in `commit`, in one git process."""
        wanted = list(paths)
        output = self._run(
            ["cat-file", "--batch"],
            "".join(f"{commit}:{self._prefix}{path}\n" for path in wanted).encode(),
        )
        found: dict[str, bytes] = {}
        position = 0
        for path in wanted:
            end = output.index(b"\n", position)
            header = output[position:end].decode()
            position = end + 1
            if header.endswith(" missing"):
                continue
            size = int(header.rsplit(" ", 1)[1])
            found[path] = output[position : position + size]
            position += size + 1
        return found

    def paths(self, commit: str, prefix: str) -> list[str]:
        """Paths of all files under `prefix` in `commit`."""
        output = self._git("ls-tree", "-r", "-z", "--name-only", commit, "--", prefix)
        return [path for path in output.split("\0") if path]

    def commit(
        self,
        files: Mapping[str, bytes | None],
        message: str,
        expected: Mapping[str, bytes | None] | None = None,
    ) -> str:
        """Add one commit that writes `files` (None removes the path), and return it.

        Retries while other processes move the branch; raises GitError when it cannot. With
        `expected`, the commit is made only on a branch that holds exactly these bytes under these
        paths (None: no such path); raises Conflict otherwise.
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
        for attempt in range(_ATTEMPTS):
            before = self.head()
            self._check_expected(before, expected or {})
            commit = self._write_commit(before, changes, message)
            try:
                self._git("update-ref", self.ref, commit, before or "0" * 40)
            except GitError:
                # Another process published in between; its commit becomes our parent.
                time.sleep(random.uniform(0.001, 0.02 * min(attempt + 1, 10)))
                continue
            return commit
        raise GitError(f"{self.ref} kept moving for {_ATTEMPTS} attempts; nothing was published")

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

    def _git(self, *arguments: str) -> str:
        return self._run(list(arguments)).decode()

    def _run(
        self, arguments: list[str], stdin: bytes | None = None, env: Mapping[str, str] | None = None
    ) -> bytes:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            input=stdin if stdin is not None else b"",
            capture_output=True,
            env={**os.environ, **_IDENTITY, **(env or {})},
            check=False,
        )
        if done.returncode != 0:
            words = done.stderr.decode(errors="replace").strip()
            raise GitError(f"git {arguments[0]} failed: {words}")
        return done.stdout
