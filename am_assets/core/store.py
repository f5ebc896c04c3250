"""The store: artifacts as DVC directory outputs, published whole or not at all.

An artifact `asset/partition` of a profile is a folder of files. Publishing copies the files into
the DVC cache, then commits pointer and manifest to the data branch (that commit is the moment the
artifact becomes visible), then brings the working tree's `data/<profile>/<asset>/…/data` in line.
Readers resolve a commit once and read the cached bytes it names, so a half-updated working tree is
never read, and can be rebuilt from the branch and the cache at any time.

What is read is compared with its md5 first. An object that is damaged or gone is put back from
another copy of the same bytes, or told with its remedy (`core.published_files`).
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from am_assets.core.git_branch import Conflict, DataBranch
from am_assets.core.manifest import Manifest, Pointer, Ref
from am_assets.core.memory import RowMemory
from am_assets.core.objects import StoreError, md5_of
from am_assets.core.provenance import check_columns
from am_assets.core.published_files import PublishedFiles
from am_assets.core.telling import tell
from am_assets.core.working_tree import (
    left_behind,
    locked,
    moved,
    scratch_folder,
    sizes,
    swap_in,
)

PARQUET: dict[str, Any] = {"compression": "zstd", "version": "2.6", "write_page_checksum": True}
"""How every table is written."""

_BATCH_ROWS = 1024

ROOT_VARIABLE = "AM_ASSETS_ROOT"


class Over(Enum):
    """What a publication may replace, where that is no one artifact."""

    ANYTHING = "anything"


def find_root(start: Path | None = None) -> Path:
    """The project folder: $AM_ASSETS_ROOT, or the nearest folder above `start` with a `.dvc`."""
    named = os.environ.get(ROOT_VARIABLE)
    if named:
        return Path(named).resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / ".dvc").is_dir():
            return folder
    raise StoreError(
        f"no .dvc folder in {here} or above: run inside a clone of the project, or set "
        f"{ROOT_VARIABLE} to one"
    )


class Store:
    """Artifacts of one profile in the project folder `root`.

    `notice` is told what was done beyond what was asked: a branch taken over, an object put back.
    """

    def __init__(self, root: Path, profile: str, notice: Callable[[str], None] = tell) -> None:
        self.root = root
        self.profile = profile
        self.branch = DataBranch(root, notice=notice)
        self.files = PublishedFiles(root, profile, self.folder, notice)

    @cached_property
    def memory(self) -> RowMemory:
        """The row memory of the project, shared by its profiles; it is not versioned."""
        return RowMemory(memory_path(self.root))

    # Reading ------------------------------------------------------------------------------------

    def snapshot(self) -> "Snapshot":
        """The published artifacts as they are now; later publications do not show in it."""
        return Snapshot(self, self.branch.head())

    def file(self, pointer: Pointer, name: str) -> Path:
        """Path of the cached bytes of file `name` of a published directory (read only).

        They are compared with their md5; raises StoreError where they are not what was published.
        """
        return self.files.path(pointer, name)

    def table(self, pointer: Pointer, name: str, columns: list[str] | None = None) -> pa.Table:
        """One table of a published artifact."""
        path = self.file(pointer, f"{name}.parquet")
        return pq.read_table(path, columns=columns, page_checksum_verification=True)

    def copy_files(self, pointer: Pointer, to: Path) -> None:
        """Write all files of a published directory under `to`, compared with their md5."""
        self.files.copy(pointer, to)

    def holds(self, pointer: Pointer) -> bool:
        """Whether every object of the artifact is in the local cache with its size."""
        return not self.files.is_short(pointer)

    def mend(self, manifest: Manifest, thorough: bool = False) -> list[str]:
        """Put objects that are not whole back; see `PublishedFiles.mend`."""
        return self.files.mend(manifest, thorough)

    # Publishing ---------------------------------------------------------------------------------

    def workspace(self) -> AbstractContextManager[Path]:
        """A scratch folder of the project, removed at the end; see `scratch_folder`."""
        return scratch_folder(self.root / ".am" / "tmp")

    def add(self, folder: Path) -> Pointer:
        """Copy a folder's files into the DVC cache, without DVC's repository lock."""
        md5, files = self.files.objects.add(folder)
        size = sum(entry.size or 0 for entry in files.values())
        return Pointer(
            md5=md5,
            size=size,
            nfiles=len(files),
            files={name: (entry.md5, entry.size or 0) for name, entry in files.items()},
        )

    def publish(
        self,
        manifest: Manifest,
        meta: dict[str, Any],
        folder: Path | None = None,
        over: Manifest | Literal[Over.ANYTHING] | None = Over.ANYTHING,
    ) -> str:
        """Make an artifact visible; its bytes must be in the cache. Returns the branch's commit.

        `meta` (run id, host, times) goes into the pointer file. `folder`, if given, holds the same
        files and is moved into the working tree instead of being copied from the cache. `over` is
        what the branch must hold of this artifact (None: nothing) at the moment of publication;
        raises Conflict where it holds something else, and publishes nothing.
        """
        manifest_path, pointer_path = self.paths(manifest.ref)
        pointer = _pointer_text(manifest.dvc, meta)
        self.files.know(manifest)
        self.files.keep(manifest, folder)
        commit = self.branch.commit(
            {manifest_path: manifest.dumps(), pointer_path: pointer},
            f"Publish {manifest.profile} {manifest.ref}\n\nroot {manifest.root}\n",
            None if over is Over.ANYTHING else {manifest_path: self._held(manifest.ref, over)},
        )
        self._check_out(manifest, pointer, folder)
        # What `dvc gc` has collected before the pointer lay in the working tree.
        if problems := self.mend(manifest):
            raise StoreError(problems[0])
        self.files.purge(manifest)
        return commit

    def restore(self, manifest: Manifest, thorough: bool = False) -> bool:
        """Bring the working tree's copy of an artifact in line; False if it already was.

        With `thorough`, files are compared by content, not only by size.
        """
        if self.in_place(manifest, thorough):
            return False
        self._check_out(manifest, self._pointer(manifest.ref), None)
        return True

    def point(self, manifest: Manifest) -> None:
        """Write an artifact's manifest and pointer alone, which is what `dvc fetch` goes by."""
        with locked(self._lock(manifest.ref)):
            swap_in(self.folder(manifest.ref), None, self._texts(manifest))

    def in_place(self, manifest: Manifest, thorough: bool = False) -> bool:
        """Whether the working tree holds the artifact as published.

        Files are compared by size, and with `thorough` by content.
        """
        folder = self.folder(manifest.ref)
        data = folder / "data"
        if not (
            _read(folder / "manifest.json") == manifest.dumps()
            and (folder / "data.dvc").is_file()
            and data.is_dir()
            and not left_behind(folder)
            and self.holds(manifest.dvc)
        ):
            return False
        entries = self.files.entries(manifest.dvc)
        wanted = {n: self.files.objects.path(e.md5).stat().st_size for n, e in entries.items()}
        if sizes(data) != wanted:
            return False
        return not thorough or (
            _read(folder / "data.dvc") == self._pointer(manifest.ref)
            and all(md5_of(data / name) == entry.md5 for name, entry in entries.items())
        )

    def folder(self, ref: Ref) -> Path:
        """The artifact's folder in the working tree."""
        return self.root / "data" / self.profile / ref.path

    def _held(self, ref: Ref, over: Manifest | None) -> bytes | None:
        """The bytes of the published manifest that says `over`; raises Conflict for another."""
        path, _ = self.paths(ref)
        head = self.branch.head()
        held = self.branch.read(head, [path]).get(path) if head else None
        # Compared as manifests: a newer version of the program writes the same one otherwise.
        if (Manifest.model_validate_json(held) if held else None) != over:
            raise Conflict(
                f"{ref} was published by another process meanwhile, and this publication was made "
                "over an older state: materialize again"
            )
        return held

    def paths(self, ref: Ref) -> tuple[str, str]:
        """Where manifest and pointer lie on the data branch."""
        base = f"data/{self.profile}/{ref.path}"
        return f"{base}/manifest.json", f"{base}/data.dvc"

    def _pointer(self, ref: Ref) -> bytes:
        """The pointer file as it is published."""
        _, path = self.paths(ref)
        head = self.branch.head()
        pointer = self.branch.read(head, [path]).get(path) if head else None
        if pointer is None:
            raise StoreError(f"{ref} is no longer published: run the command again")
        return pointer

    def _texts(self, manifest: Manifest, pointer: bytes | None = None) -> dict[str, bytes]:
        """The files beside `data`, by name."""
        return {
            "manifest.json": manifest.dumps(),
            "data.dvc": self._pointer(manifest.ref) if pointer is None else pointer,
        }

    def _lock(self, ref: Ref) -> Path:
        return self.root / ".am" / "locks" / f"{self.profile}-{ref.path.replace('/', '-')}"

    def _check_out(self, manifest: Manifest, pointer: bytes, folder: Path | None) -> None:
        def fill(to: Path) -> None:
            if folder is None:
                self.files.copy(manifest.dvc, to)
            elif not moved(folder, to):
                self.files.copy(manifest.dvc, to, folder)

        self.files.know(manifest)
        with locked(self._lock(manifest.ref)):
            swap_in(self.folder(manifest.ref), fill, self._texts(manifest, pointer))


class Snapshot:
    """The artifacts visible in one commit of the data branch."""

    def __init__(self, store: Store, commit: str | None) -> None:
        self.store = store
        self.commit = commit
        self._known: dict[Ref, Manifest | None] = {}

    def manifest(self, ref: Ref) -> Manifest | None:
        """The manifest of one artifact, or None when it is not published."""
        return self.manifests([ref]).get(ref)

    def manifests(self, refs: Iterable[Ref]) -> dict[Ref, Manifest]:
        """The manifests of those of `refs` that are published."""
        wanted = list(refs)
        missing = [ref for ref in wanted if ref not in self._known]
        if missing and self.commit:
            paths = {ref: self.store.paths(ref)[0] for ref in missing}
            found = self.store.branch.read(self.commit, paths.values())
            for ref, path in paths.items():
                data = found.get(path)
                manifest = Manifest.model_validate_json(data) if data else None
                if manifest is not None:
                    self.store.files.know(manifest)
                self._known[ref] = manifest
        known = {ref: self._known.get(ref) for ref in wanted}
        return {ref: manifest for ref, manifest in known.items() if manifest is not None}

    def table(self, ref: Ref, name: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of one table of a published artifact."""
        manifest = self.manifest(ref)
        if manifest is None:
            raise StoreError(f"{ref} is not published: materialize it first")
        return self.store.table(manifest.dvc, name, list(columns))

    def refs(self) -> list[Ref]:
        """Every published artifact of the profile."""
        if self.commit is None:
            return []
        prefix = f"data/{self.store.profile}/"
        refs: list[Ref] = []
        for path in self.store.branch.paths(self.commit, prefix):
            if path.endswith("/manifest.json"):
                asset, *partition = path.removeprefix(prefix).split("/")[:-1]
                refs.append(Ref(asset=asset, partition=tuple(partition)))
        return refs


def memory_path(root: Path) -> Path:
    """Where a project keeps its row memory."""
    return root / ".am" / "memory.sqlite"


def write_table(table: pa.Table, folder: Path, name: str) -> None:
    """Write one table as Parquet: one chunk, one writer's settings, so equal rows, equal bytes."""
    pq.write_table(table.combine_chunks(), folder / f"{name}.parquet", **PARQUET)


def read_batches(
    path: Path, columns: Sequence[str], source: str | None = None, passed: Collection[str] = ()
) -> Iterator[pa.Table]:
    """Some columns of a table's rows, or of one source's, a bounded number at a time.

    Raises ProvenanceError for a provenance column that is not in `passed`.
    """
    wanted = [*columns, *(["source"] if source and "source" not in columns else [])]
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        check_columns(path, file.schema_arrow, columns, passed)
        for batch in file.iter_batches(_BATCH_ROWS, columns=wanted):
            rows = pa.Table.from_batches([batch])
            if source:
                rows = rows.filter(pc.field("source") == source)
            yield rows.select(list(columns))


def _pointer_text(pointer: Pointer, meta: dict[str, Any]) -> bytes:
    out = {
        "md5": pointer.md5,
        "size": pointer.size,
        "nfiles": pointer.nfiles,
        "hash": "md5",
        "path": "data",
    }
    return yaml.safe_dump({"outs": [out], "meta": meta}, sort_keys=False).encode()


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
