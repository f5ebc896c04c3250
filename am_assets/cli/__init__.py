"""Command line of am_assets. Every command has --help with an example."""

from am_assets.cli import checking, dedup, index, reading, running
from am_assets.cli.group import main

__all__ = ["checking", "dedup", "index", "main", "reading", "running"]
