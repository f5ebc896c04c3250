"""Command line of am_assets. Every command has --help with an example."""

from am_assets.cli import calibrate, checking, decontaminate, dedup, index, reading, running
from am_assets.cli.group import main

__all__ = ["calibrate", "checking", "decontaminate", "dedup", "index", "main", "reading", "running"]
