"""Files that appear whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def whole_file(path: Path, *inputs: Path) -> Iterator[TextIO]:
    """`path` opened for writing under another name, which becomes its own at the end.

    Raises ValueError where it is one of `inputs`, and OSError where it cannot be written.
    """
    for one in inputs:
        if path.exists() and path.samefile(one):
            which = "the" if len(inputs) == 1 else "an"
            raise ValueError(f"--out {path} is {which} input file; name another file")
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8") as target:
            yield target
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
