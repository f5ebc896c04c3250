"""Lists of samples taken down: opaque ids in text files, one id a line."""

import re
from pathlib import Path

_ID = re.compile(r"[0-9a-f]{32}")


class TakedownError(ValueError):
    """A takedown list that cannot be used; one sentence with file, line and remedy."""


def read_takedowns(root: Path, profile: str, source: str) -> list[str]:
    """Sorted ids listed in `<root>/takedowns/<profile>/<source>.txt`; no file, no ids.

    Empty lines and lines that start with # are passed over. Raises TakedownError.
    """
    path = root / "takedowns" / profile / f"{source}.txt"
    if not path.is_file():
        return []
    ids: set[str] = set()
    # Undecodable bytes become a character that no id has, and are named with their line below.
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        if not _ID.fullmatch(entry):
            raise TakedownError(
                f"{path.relative_to(root)}, line {number}: a takedown is a sample id of 32 hex "
                "digits, never text; correct or remove the line"
            )
        ids.add(entry)
    return sorted(ids)
