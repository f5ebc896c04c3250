"""The files of published artifacts: whole, put back from another copy, or told.

What is read is compared with its md5 first (`core.objects`). Three places may hold the same bytes:
the DVC cache, which is read; the working tree; and, of what no materialization could make again,
a kept copy (`core.kept`). One that is whole mends the cache.
"""

from collections.abc import Callable
from pathlib import Path

from am_assets.core.kept import Kept
from am_assets.core.manifest import Manifest, Pointer, Ref
from am_assets.core.objects import Entry, Objects, StoreError, copy_checked, listing, parse_listing

_NO_FILES = "d751713988987e9331980363e24189ce.dir"
"""The list of an artifact without files."""


class PublishedFiles:
    """The files of one profile's artifacts; `folder` says where one lies in the working tree."""

    def __init__(
        self,
        root: Path,
        profile: str,
        folder: Callable[[Ref], Path],
        notice: Callable[[str], None],
    ) -> None:
        self.objects = Objects(root)
        self._kept = Kept(root, profile)
        self._folder = folder
        self._notice = notice
        self._named: dict[str, dict[Ref, tuple[str, ...]]] = {}
        """The artifacts with the same files and what they keep, by the md5 of their folder."""

    def know(self, manifest: Manifest) -> None:
        """Remember whose files these are: other copies lie there, and errors name it."""
        self._named.setdefault(manifest.dvc.md5, {})[manifest.ref] = manifest.keeps

    def path(self, pointer: Pointer, name: str) -> Path:
        """The cached bytes of file `name`; raises StoreError where they are not what they were."""
        entry = self.entries(pointer).get(name)
        if entry is None:
            raise StoreError(f"{self._name(pointer)} has no file {name}")
        return self.sound(pointer, name, entry.md5)

    def copy(self, pointer: Pointer, to: Path, folder: Path | None = None) -> None:
        """Copy all files into a new folder `to`, from the cache or a `folder` with the same files.

        What is copied is compared with its md5.
        """
        to.mkdir(exist_ok=True)
        for name, entry in self.entries(pointer).items():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            source = folder / name if folder else self.objects.path(entry.md5)
            if not (source.is_file() and copy_checked(source, target, entry.md5)):
                source = self.sound(pointer, name, entry.md5)
                copy_checked(source, target, entry.md5)

    def mend(self, manifest: Manifest, thorough: bool = False) -> list[str]:
        """Put objects that are not whole back; gives one sentence for each that cannot be.

        Objects are compared by size, and with `thorough` by md5. Makes the copies of what no
        materialization could make again, where they lack.
        """
        pointer, problems = manifest.dvc, list[str]()
        self.know(manifest)
        if not thorough and not self.is_short(pointer):
            self.keep(manifest)
            return []
        try:
            entries = self.entries(pointer)
        except StoreError as error:
            return [str(error)]
        for name, entry in [("", Entry(pointer.md5, None)), *entries.items()]:
            try:
                self.sound(pointer, name, entry.md5)
            except StoreError as error:
                problems.append(str(error))
        self.keep(manifest)
        return problems

    def entries(self, pointer: Pointer) -> dict[str, Entry]:
        """The files of a published directory, by path."""
        if pointer.files:
            return _entries(pointer)
        path = self.sound(pointer, "", pointer.md5)
        return {name: Entry(md5, None) for name, md5 in parse_listing(path.read_bytes()).items()}

    def is_short(self, pointer: Pointer) -> bool:
        """Whether an object is missing or has another size than was published."""
        is_known = bool(pointer.files) or pointer.md5 == _NO_FILES
        size = len(listing(_entries(pointer))) if is_known else None
        if not self.objects.has(Entry(pointer.md5, size)):
            return True
        try:
            entries = self.entries(pointer)
        except StoreError:
            return True  # the listing itself is not whole
        if not all(self.objects.has(entry) for entry in entries.values()):
            return True
        # Of an older manifest only the sum is known.
        found = sum(self.objects.path(e.md5).stat().st_size for e in entries.values())
        return bool(pointer.size) and found != pointer.size

    def sound(self, pointer: Pointer, name: str, md5: str) -> Path:
        """The object of file `name` ("": the listing), whole; put back where it was not."""
        path = self.objects.path(md5)
        if self.objects.is_sound(md5):
            return path
        state = "damaged in" if path.is_file() else "not in"
        what = f"file {name}" if name else "list of files"
        if put_back := self._put_back(pointer, name, md5):
            self._notice(
                f"the {what} of {self._name(pointer)} was {state} the DVC cache and was put back "
                f"from {put_back}"
            )
            return path
        remove = f"remove {path}, then " if path.is_file() else ""
        sealed = any(name in keeps for keeps in self._named.get(pointer.md5, {}).values())
        raise StoreError(
            f"the {what} of {self._name(pointer)} is {state} the DVC cache: {remove}fetch it with "
            "`am-assets restore; dvc fetch; am-assets restore`"
            + (", since nothing can make it again" if sealed else ", or materialize it again")
        )

    def _put_back(self, pointer: Pointer, name: str, md5: str) -> str | None:
        """Make a damaged or missing object from what has the same bytes; says what that was."""
        if not name:
            known = self.objects.put(listing(_entries(pointer)), md5)
            return "its manifest" if known else None
        for ref in self._named.get(pointer.md5, {}):
            for copy in (self._kept.path(ref, md5), self._folder(ref) / "data" / name):
                if copy.is_file() and self.objects.take(copy, md5):
                    return str(copy)
        return None

    def _name(self, pointer: Pointer) -> str:
        return str(next(iter(self._named.get(pointer.md5, {})), f"the artifact {pointer.md5}"))

    def keep(self, manifest: Manifest, folder: Path | None = None) -> None:
        """Keep what no materialization could make again; `folder` holds the same files."""
        entries = manifest.dvc.files
        for name, (md5, size) in entries.items():
            if name in manifest.keeps:
                copies = [self.objects.path(md5), *([folder / name] if folder else [])]
                self._kept.keep(manifest.ref, md5, size, copies)

    def purge(self, manifest: Manifest) -> None:
        """Let go of the kept copies of the artifact's earlier versions."""
        self._kept.purge(manifest.ref, {md5 for md5, _ in manifest.dvc.files.values()})


def _entries(pointer: Pointer) -> dict[str, Entry]:
    """The files as its manifest says them; none where it is of schema 1."""
    return {name: Entry(*entry) for name, entry in pointer.files.items()}
