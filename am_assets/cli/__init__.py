"""Command line of am_assets: one file a command. Every command has --help with an example."""

from am_assets.cli import (
    calibrate,
    check,
    decontaminate,
    dedup,
    demo,
    disagreements,
    doctor,
    explain,
    index,
    ledger,
    materialize,
    memory,
    neighbors,
    restore,
    status,
)
from am_assets.cli.group import main

__all__ = [
    "calibrate",
    "check",
    "decontaminate",
    "dedup",
    "demo",
    "disagreements",
    "doctor",
    "explain",
    "index",
    "ledger",
    "main",
    "materialize",
    "memory",
    "neighbors",
    "restore",
    "status",
]
