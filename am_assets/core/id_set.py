"""Sets of sample ids as fingerprints that add up: set arithmetic without the ids.

A fingerprint is the number of ids and the sum, modulo 2^256, of their hashes. It does not depend on
order, and those of disjoint sets add up to that of their union, so that the ledger checks ids
along a chain of artifacts from manifests alone.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pyarrow as pa

_MODULUS = 1 << 256

ID_COLUMNS = ("sample_id", "source", "week")


class IdSet(NamedTuple):
    """The fingerprint of a set of ids; `str` is the form that manifests hold."""

    rows: int = 0
    sum: int = 0

    def __str__(self) -> str:
        return f"{self.rows} {self.sum:064x}"

    @classmethod
    def parse(cls, text: str) -> "IdSet":
        """Read what `str` wrote."""
        rows, total = text.split()
        return cls(int(rows), int(total, 16))

    def union(self, other: "IdSet") -> "IdSet":
        """The fingerprint of both sets together; they must have no id in common."""
        return IdSet(self.rows + other.rows, (self.sum + other.sum) % _MODULUS)


def id_set(ids: Iterable[str]) -> IdSet:
    """The fingerprint of `ids`, none of which repeats."""
    rows = total = 0
    for name in ids:
        rows += 1
        total += _number(name)
    return IdSet(rows, total % _MODULUS)


class Cell(NamedTuple):
    """The rows that are accounted for together."""

    source: str
    week: str


Cells = dict[Cell, IdSet]
"""Ids by source and week; what a cell is left out of is empty."""


class IdCounter:
    """Collects the ids of a table's rows by their fate, source and week."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, defaultdict[Cell, list[int]]] = defaultdict(
            lambda: defaultdict(lambda: [0, 0])
        )

    def add(self, fate: str, source: str, week: str, sample_id: str) -> None:
        """Take one row."""
        sums = self._sums[fate][Cell(source, week)]
        sums[0] += 1
        sums[1] += _number(sample_id)

    def add_table(self, table: pa.Table, fate: str | None = None) -> None:
        """Take the rows of a table with ID_COLUMNS; `fate` stands in for a column `decision`."""
        columns = [table[name].to_pylist() for name in ID_COLUMNS]
        fates = [fate] * table.num_rows if fate is not None else table["decision"].to_pylist()
        for decision, (sample_id, source, week) in zip(
            fates, zip(*columns, strict=True), strict=True
        ):
            self.add(decision, source, week, sample_id)

    def cells(self) -> dict[str, Cells]:
        """By fate what was taken so far."""
        return {
            fate: {cell: IdSet(rows, total % _MODULUS) for cell, (rows, total) in sums.items()}
            for fate, sums in self._sums.items()
        }


def united(*parts: Cells) -> Cells:
    """The cells of all `parts`, which have no id in common."""
    found: Cells = {}
    for part in parts:
        for cell, ids in part.items():
            found[cell] = found.get(cell, IdSet()).union(ids)
    return found


def differing(one: Cells, other: Cells) -> list[Cell]:
    """Cells in which the two are not the same sets, in order."""
    cells = one.keys() | other.keys()
    return sorted(c for c in cells if one.get(c, IdSet()) != other.get(c, IdSet()))


def written(fates: Mapping[str, Cells]) -> dict[str, dict[str, str]]:
    """The form that manifests hold: by fate and `source|week`."""
    return {
        fate: {"|".join(cell): str(ids) for cell, ids in sorted(cells.items())}
        for fate, cells in sorted(fates.items())
    }


def read(cells: Mapping[str, str]) -> Cells:
    """Cells of one fate as manifests hold them."""
    return {Cell(*name.split("|")): IdSet.parse(text) for name, text in cells.items()}


def _number(sample_id: str) -> int:
    hashed = hashlib.sha256(sample_id.encode("utf-8", "surrogatepass"))
    return int.from_bytes(hashed.digest(), "big")
