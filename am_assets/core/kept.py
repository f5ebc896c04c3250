"""Copies of files that no materialization could make again, out of reach of `dvc gc`.

`dvc gc -w` collects every object that no pointer in the working tree names: of an artifact that is
being published there is none yet, and of any there is none after `data/` was removed. What only a
sealed capture holds is therefore linked beside the cache, at the cost of a name.
"""

import os
from collections.abc import Container, Iterable
from pathlib import Path

from am_assets.core.manifest import Ref
from am_assets.core.objects import copy_checked, file_size, flush


class Kept:
    """The kept copies of one profile's artifacts, in the project at `root`."""

    def __init__(self, root: Path, profile: str) -> None:
        self._folder = root / ".am" / "kept" / profile

    def path(self, ref: Ref, md5: str) -> Path:
        """Where the copy of an artifact's file lies, or would."""
        return self._folder / ref.path / md5

    def keep(self, ref: Ref, md5: str, size: int, sources: Iterable[Path]) -> None:
        """Keep a file of `size` bytes, from the first of `sources` that is there with its bytes.

        A source that is read-only, as the cache's objects are, is linked and not copied. What is
        kept already is compared by size.
        """
        kept = self.path(ref, md5)
        if file_size(kept) == size:
            return
        kept.unlink(missing_ok=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        for source in sources:
            if _link(source, kept) or _copy(source, kept, md5):
                flush(kept.parent)
                return

    def purge(self, ref: Ref, wanted: Container[str]) -> None:
        """Remove the copies of an artifact's earlier versions: a takedown may have erased them."""
        folder = self.path(ref, "")
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_file() and path.name not in wanted:
                path.unlink(missing_ok=True)


def _link(source: Path, kept: Path) -> bool:
    try:
        if source.stat().st_mode & 0o222:
            return False  # whoever may write it could change the copy with it
        os.link(source, kept)
    except FileExistsError:
        return True  # another process keeps the same
    except OSError:
        return False  # gone, or on another file system
    return True


def _copy(source: Path, kept: Path, md5: str) -> bool:
    staged = kept.with_name(f".{kept.name}.{os.getpid()}")
    try:
        if not copy_checked(source, staged, md5):
            return False
        flush(staged)
        staged.replace(kept)
    except FileNotFoundError:
        return False
    finally:
        staged.unlink(missing_ok=True)
    return True
