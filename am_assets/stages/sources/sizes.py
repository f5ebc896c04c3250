"""The limit on a row's size, for formats whose rows have no bytes of their own."""

from collections.abc import Mapping
from typing import Any

from am_assets.stages.sources.rows import SourceError, UpstreamRow


def check_size(row: UpstreamRow, limit: int) -> None:
    """Raise SourceError when the row's texts hold more than `limit` UTF-8 bytes."""
    size = _size(row.data)
    if size > limit:
        raise too_large(row.where, limit)


def too_large(where: str, limit: int) -> SourceError:
    """The error of a row over `max_row_bytes`."""
    return SourceError(
        f"{where} is larger than {limit} bytes: raise `max_row_bytes` of the source or remove the "
        "row"
    )


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_size(key) + _size(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return 8
