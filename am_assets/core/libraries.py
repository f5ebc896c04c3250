"""Versions of installed libraries whose results are kept."""

from functools import cache
from importlib import metadata


@cache
def versions(*distributions: str) -> str:
    """`name version` of each distribution, "absent" for one that is not installed."""
    return ", ".join(f"{name} {_version(name)}" for name in distributions)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "absent"
