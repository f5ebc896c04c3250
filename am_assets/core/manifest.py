"""Manifests: what an artifact is, what it was made from, and by what. No sample text.

A manifest does not vary between runs: run id, host and times live in Dagster's events and in the
`meta` block of the DVC pointer.
"""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from am_assets.core import id_set
from am_assets.core.id_set import Cells
from am_assets.core.identity import digest
from am_assets.core.ledger import Ledger
from am_assets.core.schema import DROPPED, KEPT, PENDING

MANIFEST_SCHEMA = 2
"""1: without the sizes of files, `keeps` and libraries."""

EMPTY_SLICE = "empty"
"""Root of a slice that has no rows."""


class _Record(BaseModel, frozen=True):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Ref(_Record, frozen=True):
    """Names one artifact: an asset and the values of its partition's dimensions."""

    asset: str
    partition: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.asset} {'|'.join(self.partition)}".strip()

    @property
    def path(self) -> str:
        """Relative folder of the artifact inside its profile."""
        return "/".join([self.asset, *self.partition])


ACCOUNTED = ("by_week", "returned")
"""Counts that ledgers are made of: rows by week, and rows of earlier weeks decided again."""


class Input(_Record, frozen=True):
    """One resolved input: the artifact, the root (or slice root) read, and where its bytes lie.

    `accounts` identifies its ledger, where that is read too: no root says how many rows came in.
    """

    ref: Ref
    slice: str | None = None
    root: str
    accounts: str | None = Field(default=None, exclude_if=lambda value: value is None)
    dvc: str

    @property
    def read(self) -> tuple[str, ...]:
        """Whatever of the input can decide anything."""
        accounts = () if self.accounts is None else (self.accounts,)
        return (str(self.ref), self.slice or "", self.root, *accounts)


class Pointer(_Record, frozen=True):
    """The DVC output: hash of the directory, bytes, number of files."""

    md5: str
    size: int
    nfiles: int
    files: dict[str, tuple[str, int]] = Field(default_factory=dict)
    """md5 and bytes of every file, by its path; empty in manifests of schema 1."""


class Manifest(_Record, frozen=True):
    """The record of one published artifact."""

    schema_version: int = MANIFEST_SCHEMA
    profile: str
    ref: Ref
    root: str
    tables: dict[str, dict[str, Any]]
    slices: dict[str, str] = Field(default_factory=dict)
    derivation: str
    inputs: list[Input]
    code_version: str
    config: dict[str, Any]
    models: dict[str, str]
    libraries: dict[str, str] = Field(default_factory=dict)
    """Versions of the libraries and tools that decided; records of schema 1 have none."""
    complete: bool
    ledger: dict[str, Any] | None
    counts: dict[str, Any] = Field(default_factory=dict)
    ids: dict[str, dict[str, str]] | None = None
    """Fingerprints of sample ids (see `core.id_set`) by fate and `source|week`. None where rows
    are no samples, and in manifests from before ids were recorded."""
    environment: dict[str, Any]
    dvc: Pointer
    keeps: tuple[str, ...] = ()
    """Files that no materialization could make again, kept from `dvc gc`."""

    def dumps(self) -> bytes:
        """Canonical JSON bytes, one key a line so that git diffs read well.

        A manifest of an older schema is written as it was read, without what came since.
        """
        older = self.schema_version < MANIFEST_SCHEMA
        data = self.model_dump(mode="json", exclude_unset=older)
        text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)
        return (text + "\n").encode()

    @property
    def accounts(self) -> str:
        """Identity of the ledger and the counts beside it, which the root does not cover."""
        by_week, *others = (self.counts.get(name) for name in ACCOUNTED)
        return digest("accounts", self.ledger, by_week, *(one for one in others if one))

    @property
    def rows_kept(self) -> int | None:
        """Kept rows by the ledger, None for artifacts without one."""
        return None if self.ledger is None else Ledger.from_dict(self.ledger).kept

    def cells(self, *fates: str) -> Cells | None:
        """The sample ids of some fates (default: all decisions); None where none are recorded."""
        if self.ids is None:
            return None
        parts = (self.ids.get(fate, {}) for fate in fates or (KEPT, DROPPED, PENDING))
        return id_set.united(*map(id_set.read, parts))


def derivation_of(
    profile: str,
    ref: Ref,
    code_version: str,
    config: dict[str, Any],
    models: dict[str, str],
    inputs: list[Input],
    libraries: dict[str, str],
) -> str:
    """Hash of everything an artifact follows from.

    DVC hashes of inputs are left out: roots say what was read, wherever its bytes lie.
    """
    read = sorted(item.read for item in inputs)
    return digest("derivation", profile, str(ref), code_version, config, models, read, libraries)
