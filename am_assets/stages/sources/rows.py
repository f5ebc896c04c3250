"""One upstream row, and the error that names one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class SourceError(ValueError):
    """Upstream data that cannot be used; one sentence with file, row and remedy."""


@dataclass(frozen=True)
class UpstreamRow:
    """A row as upstream has it, and where it lies.

    `row` counts from 1: the line of a JSONL file, the record of any other. `file_sha256` is empty
    for a hub dataset, whose pinned revision (part of `file`) names the content.
    """

    data: Mapping[str, Any]
    file: str
    row: int
    file_sha256: str

    @property
    def where(self) -> str:
        """The row's place, for messages."""
        return f"{self.file}, row {self.row}"
