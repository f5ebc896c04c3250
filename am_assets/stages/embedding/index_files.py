"""Checksums of the vector index's files, which lie beside it and are compared before it is read.

Lance writes most files once under a name of their own, and those keep the checksum that they were
written with; what it overwrites (tags, the hint of the latest version) is summed again after every
write.
"""

import hashlib
import json
from pathlib import Path

_OVERWRITTEN = ("_refs", "latest_version_hint.json")


def record(folder: Path, known: dict[str, str]) -> None:
    """Write down the checksums of all files in `folder`, of which `known` were there before."""
    once = {name: sum_ for name, sum_ in known.items() if _is_written_once(name)}
    sums = {name: once.get(name) or checksum(folder / name) for name in _names(folder)}
    staged = _beside(folder).with_suffix(".new")
    staged.write_text(json.dumps(sums, indent=0, sort_keys=True), encoding="utf-8")
    staged.replace(_beside(folder))


def recorded(folder: Path) -> dict[str, str] | None:
    """The checksums as they were written down; None where they were not, or cannot be read."""
    try:
        sums = json.loads(_beside(folder).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return sums if isinstance(sums, dict) else None


def damage(folder: Path) -> str | None:
    """What is wrong with the files in `folder`, None where they are as they were written."""
    sums = recorded(folder)
    if sums is None:
        return "its checksums are missing"
    names = _names(folder)
    if missing := sorted(sums.keys() - names):
        return f"its file {missing[0]} is missing"
    if unknown := sorted(names - sums.keys()):
        return f"its file {unknown[0]} was not written to the end"
    for name, sum_ in sums.items():
        if checksum(folder / name) != sum_:
            return f"its file {name} has changed"
    return None


def forget(folder: Path) -> None:
    """Remove the checksums."""
    _beside(folder).unlink(missing_ok=True)


def _is_written_once(name: str) -> bool:
    return not any(part in _OVERWRITTEN for part in Path(name).parts)


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _beside(folder: Path) -> Path:
    return Path(f"{folder}.sums.json")


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
