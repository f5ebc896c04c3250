"""Lists of what is taken down: sample ids and content hashes in text files, one a line."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

CONTENT = "content:"
"""What a line starts with that lists a content hash."""

_ENTRY = re.compile(rf"(?:{CONTENT})?[0-9a-f]{{32}}")
_TEXT_FILES = frozenset({"README.md", "README.txt", "README"})


class TakedownError(ValueError):
    """A takedown list that cannot be used; one sentence with file, line and remedy."""


@dataclass(frozen=True)
class Takedowns:
    """What must not be in any artifact: samples by id, and texts by content hash."""

    ids: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, table: pa.Table) -> "Takedowns":
        """What a TAKEDOWNS table lists."""
        entries = table["sample_id"].to_pylist()
        hashes = {entry.removeprefix(CONTENT) for entry in entries if entry.startswith(CONTENT)}
        hashes.update(value for value in table["content_hash"].to_pylist() if value is not None)
        return cls(frozenset(e for e in entries if not e.startswith(CONTENT)), frozenset(hashes))

    def cover(self, sample: str, content: str | None) -> bool:
        """Whether a sample is listed, or another one that says the same."""
        return sample in self.ids or content in self.hashes


def content_key(root: Path) -> bytes:
    """The key of content hashes: `<root>/takedowns/key`, or nothing where there is no such file.

    Raises TakedownError for an empty file.
    """
    path = root / "takedowns" / "key"
    if not path.is_file():
        return b""
    key = path.read_bytes().strip()
    if not key:
        raise TakedownError(
            "takedowns/key is empty: write the project's key into it, or remove the file if it "
            "never had one"
        )
    return key


def key_name(key: bytes) -> str:
    """12 hex digits that tell keys apart."""
    return hashlib.sha256(b"content key\0" + key).hexdigest()[:12]


def read_takedowns(root: Path, profile: str, sources: Collection[str]) -> dict[str, dict[str, str]]:
    """By source, the entries of `<root>/takedowns/<profile>/<source>.txt` and where each stands.

    An entry is a sample id, or `content:` and a content hash. Empty lines and lines that start with
    # are passed over. Raises TakedownError for a line that is neither, and for a file that is no
    list of one of `sources`.
    """
    home = root / "takedowns"
    lists: dict[str, dict[str, str]] = {}
    for path in sorted(home.iterdir()) if home.is_dir() else []:
        if path.is_file() and path.name != "key" and _matters(path):
            raise TakedownError(
                f"takedowns/{path.name} is a list of no profile: move it to "
                "takedowns/<profile>/<source>.txt"
            )
    folder = home / profile
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not _matters(path):
            continue
        where = path.relative_to(root).as_posix()
        if path.suffix != ".txt" or path.stem not in sources or not path.is_file():
            raise TakedownError(
                f"{where} is the list of no source of profile {profile}: name it like one of "
                f"{', '.join(f'{name}.txt' for name in sorted(sources))}"
            )
        lists[path.stem] = _read_list(path, where)
    return lists


def _matters(path: Path) -> bool:
    return path.name not in _TEXT_FILES and not path.name.startswith(".")


def _read_list(path: Path, where: str) -> dict[str, str]:
    entries: dict[str, str] = {}
    # Undecodable bytes become a character that no id has, and are named with their line below.
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        if not _ENTRY.fullmatch(entry):
            raise TakedownError(
                f"{where}, line {number}: a takedown is a sample id of 32 hex digits, or content: "
                "and a content hash of as many, never text; correct or remove the line"
            )
        entries.setdefault(entry, f"{where}, line {number}")
    return entries
