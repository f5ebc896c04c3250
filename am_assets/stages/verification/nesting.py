"""How deep JSON of a sample is nested."""

from collections.abc import Sequence
from typing import Any

_DEPTH = 100


def too_deep(value: Any) -> bool:
    """Whether JSON is nested deeper than anyone means it, and than recursion goes."""
    level = [value]
    for _ in range(_DEPTH):
        level = [inner for item in level for inner in _inside(item)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()
