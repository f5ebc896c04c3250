"""The store: artifacts as DVC directory outputs, published whole or not at all.

An artifact `asset/partition` of a profile is a folder of files. Publishing copies the files into
the DVC cache, then commits pointer and manifest to the data branch (that commit is the moment the
artifact becomes visible), then brings the working tree's `data/<profile>/<asset>/…/data` in line.
Readers resolve a commit once and read the cached bytes it names, so a half-updated working tree is
never read, and can be rebuilt from the branch and the cache at any time.

The lock-free way into the cache is `dvc_data`'s own build and transfer, an internal API: it is
used only in this module, and a contract test holds its results to the real `dvc` commands.
"""

import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from dvc.config import Config
from dvc_data.hashfile.build import build
from dvc_data.hashfile.db.local import LocalHashFileDB
from dvc_data.hashfile.transfer import transfer
from dvc_objects.fs.local import localfs

from am_assets.core.git_branch import DataBranch
from am_assets.core.manifest import Manifest, Pointer, Ref
from am_assets.core.memory import RowMemory
from am_assets.core.provenance import check_columns

PARQUET: dict[str, Any] = {"compression": "zstd", "version": "2.6"}
"""How every table is written."""

_BATCH_ROWS = 1024

_YOUNG_S = 3600.0

ROOT_VARIABLE = "AM_ASSETS_ROOT"


class StoreError(RuntimeError):
    """The store cannot do what was asked; the message says what to do."""


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
    """Artifacts of one profile in the project folder `root`."""

    def __init__(self, root: Path, profile: str) -> None:
        self.root = root
        self.profile = profile
        self.branch = DataBranch(root)

    @cached_property
    def memory(self) -> RowMemory:
        """The row memory of the project, shared by its profiles; it is not versioned."""
        return RowMemory(memory_path(self.root))

    @cached_property
    def _cache(self) -> LocalHashFileDB:
        return LocalHashFileDB(localfs, str(self._objects))

    @cached_property
    def _objects(self) -> Path:
        """Folder of the cache's objects, wherever DVC's own settings put the cache."""
        settings = Config(str(self.root / ".dvc"), validate=True)
        named = settings["cache"].get("dir")
        cache = Path(named) if named else self.root / ".dvc" / "cache"
        return cache / "files" / "md5"

    # Reading ------------------------------------------------------------------------------------

    def snapshot(self) -> "Snapshot":
        """The published artifacts as they are now; later publications do not show in it."""
        return Snapshot(self, self.branch.head())

    def file(self, pointer: Pointer, name: str) -> Path:
        """Path of the cached bytes of file `name` of a published directory (read only)."""
        for entry in self._listing(pointer):
            if entry["relpath"] == name:
                return self._object(entry["md5"])
        raise StoreError(f"the artifact {pointer.md5} has no file {name}")

    def table(self, pointer: Pointer, name: str, columns: list[str] | None = None) -> pa.Table:
        """One table of a published artifact."""
        return pq.read_table(self.file(pointer, f"{name}.parquet"), columns=columns)

    def copy_files(self, pointer: Pointer, to: Path) -> None:
        """Write all files of a published directory under `to`."""
        for entry in self._listing(pointer):
            target = to / entry["relpath"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._object(entry["md5"]), target)

    def holds(self, pointer: Pointer) -> bool:
        """Whether every byte of the artifact is in the local cache."""
        try:
            return all(self._object(entry["md5"]) for entry in self._listing(pointer))
        except StoreError:
            return False

    def _listing(self, pointer: Pointer) -> list[dict[str, str]]:
        return json.loads(self._object(pointer.md5).read_text())

    def _object(self, md5: str) -> Path:
        path = self._objects / md5[:2] / md5[2:]
        if not path.is_file():
            raise StoreError(
                f"object {md5} is not in the DVC cache: fetch it with `dvc pull`, or materialize "
                "the artifact again"
            )
        return path

    # Publishing ---------------------------------------------------------------------------------

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A scratch folder on the store's file system, removed at the end.

        Folders that killed processes have left are removed first.
        """
        home = self.root / ".am" / "tmp"
        home.mkdir(parents=True, exist_ok=True)
        _sweep(home)
        folder = home / uuid.uuid4().hex
        lock = folder.with_suffix(".lock")
        with lock.open("w") as handle:
            # Held for as long as this process lives; before the folder, so that none is without.
            fcntl.flock(handle, fcntl.LOCK_EX)
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                lock.unlink(missing_ok=True)

    def add(self, folder: Path) -> Pointer:
        """Copy a folder's files into the DVC cache, without DVC's repository lock."""
        staging, meta, tree = build(self._cache, str(folder), localfs, "md5")
        if tree.hash_info is None or tree.hash_info.value is None:
            raise StoreError(f"DVC could not hash {folder}")
        result = transfer(staging, self._cache, {tree.hash_info}, shallow=False)
        if result.failed:
            raise StoreError(f"DVC could not store {len(result.failed)} objects of {folder}")
        return Pointer(md5=tree.hash_info.value, size=meta.size or 0, nfiles=meta.nfiles or 0)

    def publish(self, manifest: Manifest, meta: dict[str, Any], folder: Path | None = None) -> str:
        """Make an artifact visible; its bytes must be in the cache. Returns the branch's commit.

        `meta` (run id, host, times) goes into the pointer file. `folder`, if given, holds the same
        files and is moved into the working tree instead of being copied from the cache.
        """
        manifest_path, pointer_path = self._paths(manifest.ref)
        pointer = _pointer_text(manifest.dvc, meta)
        commit = self.branch.commit(
            {manifest_path: manifest.dumps(), pointer_path: pointer},
            f"Publish {manifest.profile} {manifest.ref}\n\nroot {manifest.root}\n",
        )
        self._check_out(manifest, pointer, folder)
        return commit

    def restore(self, manifest: Manifest) -> bool:
        """Bring the working tree's copy of an artifact in line; False if it already was."""
        if self.in_place(manifest):
            return False
        _, pointer_path = self._paths(manifest.ref)
        head = self.branch.head()
        pointer = self.branch.read(head, [pointer_path])[pointer_path] if head else b""
        self._check_out(manifest, pointer, None)
        return True

    def in_place(self, manifest: Manifest) -> bool:
        """Whether the working tree holds the artifact as published (files compared by size)."""
        manifest_path, pointer_path = self._paths(manifest.ref)
        data = self.folder(manifest.ref) / "data"
        return (
            _read(self.root / manifest_path) == manifest.dumps()
            and (self.root / pointer_path).is_file()
            and data.is_dir()
            and self.holds(manifest.dvc)
            and _sizes(data) == self._cached_sizes(manifest.dvc)
        )

    def folder(self, ref: Ref) -> Path:
        """The artifact's folder in the working tree."""
        return self.root / "data" / self.profile / ref.path

    def _paths(self, ref: Ref) -> tuple[str, str]:
        base = f"data/{self.profile}/{ref.path}"
        return f"{base}/manifest.json", f"{base}/data.dvc"

    def _cached_sizes(self, pointer: Pointer) -> dict[str, int]:
        return {
            entry["relpath"]: self._object(entry["md5"]).stat().st_size
            for entry in self._listing(pointer)
        }

    def _check_out(self, manifest: Manifest, pointer: bytes, folder: Path | None) -> None:
        manifest_path, pointer_path = self._paths(manifest.ref)
        with self._locked(manifest.ref), self.workspace() as scratch:
            if folder is None:
                folder = scratch / "data"
                folder.mkdir()
                self.copy_files(manifest.dvc, folder)
            target = self.folder(manifest.ref)
            target.mkdir(parents=True, exist_ok=True)
            data = target / "data"
            if data.exists():
                data.rename(scratch / "old")
            shutil.move(folder, data)
            _write_atomically(self.root / manifest_path, manifest.dumps(), scratch)
            _write_atomically(self.root / pointer_path, pointer, scratch)

    @contextmanager
    def _locked(self, ref: Ref) -> Iterator[None]:
        path = self.root / ".am" / "locks" / f"{self.profile}-{ref.path.replace('/', '-')}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


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
            paths = {ref: self.store._paths(ref)[0] for ref in missing}
            found = self.store.branch.read(self.commit, paths.values())
            for ref, path in paths.items():
                data = found.get(path)
                self._known[ref] = Manifest.model_validate_json(data) if data else None
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


def _sweep(home: Path) -> None:
    """Remove the scratch folders in `home`, and their locks, whose process is no more."""
    for folder in {entry.with_suffix("") for entry in home.iterdir()}:
        lock = folder.with_suffix(".lock")
        if not folder.exists() and time.time() - lock.stat().st_mtime < _YOUNG_S:
            continue  # its process may be about to make the folder
        with lock.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


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
    with pq.ParquetFile(path) as file:
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


def _write_atomically(path: Path, data: bytes, scratch: Path) -> None:
    staged = scratch / uuid.uuid4().hex
    staged.write_bytes(data)
    staged.replace(path)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _sizes(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }
