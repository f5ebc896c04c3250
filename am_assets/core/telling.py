"""Telling people what was done beyond what they asked."""

import sys


def tell(line: str) -> None:
    """One line on stderr, so that what a command prints stays as it is."""
    print(f"am-assets: {line}", file=sys.stderr, flush=True)
