"""What was found in the package's code, kept for the next process while no source changes.

The file lies beside Python's own compiled modules and is trusted as they are: a process takes from
it what was found in exactly the sources that it read itself, by the same Python. Without the file,
where it cannot be written, or where it is damaged, everything is found anew. A process under which
a source was written keeps nothing: it may have looked with other code than it read.
"""

import atexit
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from am_assets.core.code.files import FOLDER, moved, own_sources, sources_digest

Result = Mapping[str, list[str] | str]
"""Versions and names of what was found."""


class KeptResults:
    """Results by key of one state of the sources; written once, when the process ends."""

    def __init__(self, file: Path, sources: str) -> None:
        self._file, self._sources = file, sources
        self._results = self._read()
        self._told = False

    def get(self, key: str) -> Result | None:
        """What was found before, or None."""
        return self._results.get(key)

    def put(self, key: str, result: Result) -> None:
        """Keep a result."""
        self._results[key] = result
        if not self._told and not sys.dont_write_bytecode:
            self._told = True
            atexit.register(self.write)

    def write(self) -> None:
        """Write what is known, with what another process of the same sources wrote meanwhile."""
        if moved(own_sources().texts):
            return
        text = json.dumps([self._sources, self._read() | self._results], separators=(",", ":"))
        part = self._file.with_suffix(f".{os.getpid()}")
        # As for compiled modules: a folder that may not be written, or is full, is no error.
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(exist_ok=True)
            part.write_text(f"{_digest(text)}\n{text}", "utf-8")
            part.replace(self._file)

    def _read(self) -> dict[str, Result]:
        try:
            digest, _, text = self._file.read_text("utf-8").partition("\n")
        except (OSError, UnicodeDecodeError):
            return {}
        if digest != _digest(text):
            return {}
        sources, results = json.loads(text)
        return results if sources == self._sources else {}


@cache
def kept_results() -> KeptResults:
    """Those of the package as this process found it."""
    name = f"code-results.{sys.implementation.cache_tag}.json"
    return KeptResults(Path(FOLDER) / "__pycache__" / name, sources_digest())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
