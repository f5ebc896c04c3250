"""Running git: one process a call, in a fixed language, and failures that keep git's own words."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_ENVIRONMENT = {
    # git commit-tree fails where no author is configured, and publications are not the user's.
    "GIT_AUTHOR_NAME": "am-assets",
    "GIT_AUTHOR_EMAIL": "am-assets@localhost",
    "GIT_COMMITTER_NAME": "am-assets",
    "GIT_COMMITTER_EMAIL": "am-assets@localhost",
    # What git says is told apart by its words.
    "LC_ALL": "C",
    "LANGUAGE": "C",
}

_DURABLE = ("-c", "core.fsync=loose-object,reference")
"""An object is on the disk before a ref names it, whatever happens to the machine."""
_WRITTEN_OUT = ("-c", "core.fsyncMethod=writeout-only")
"""Objects are handed to the disk one by one, and flushed with the ref that names them."""


class GitError(RuntimeError):
    """git did not do what was asked; one sentence, with its own words where it had any."""

    def __init__(self, message: str, words: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.words = words
        """What git wrote on stderr."""
        self.code = code
        """git's exit code; 0 where the error is not git's."""


def run_git(
    root: Path,
    arguments: Sequence[str],
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> tuple[bytes, str]:
    """What a git command in `root` writes on stdout and on stderr.

    Raises GitError where it fails; where git is missing or does not trust the repository, the
    error says what to do.
    """
    moves_ref = arguments[0] == "update-ref"
    try:
        done = subprocess.run(
            ["git", *_DURABLE, *(() if moves_ref else _WRITTEN_OUT), *arguments],
            cwd=root,
            input=stdin,
            capture_output=True,
            env={**os.environ, **_ENVIRONMENT, **(env or {})},
            check=False,
        )
    except FileNotFoundError as error:
        raise GitError(f"git cannot be run in {root} ({error}): install git") from error
    words = done.stderr.decode(errors="replace").strip()
    if done.returncode == 0:
        return done.stdout, words
    if (untrusted := re.search(r"dubious ownership in repository at '(.+)'", words)) is not None:
        raise GitError(
            f"git does not trust {untrusted[1]}, which belongs to another user: if you do, run "
            f"`git config --global --add safe.directory {untrusted[1]}`",
            words,
            done.returncode,
        )
    raise GitError(f"git {arguments[0]} failed: {' '.join(words.split())}", words, done.returncode)
