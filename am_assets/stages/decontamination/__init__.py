"""Decontamination against every benchmark (DD 2.2.2)."""

from am_assets.stages.decontamination.hits import Contamination, Hit, Item, Undecided, best_hit
from am_assets.stages.decontamination.judge import Judge
from am_assets.stages.decontamination.scan import Rows, Scanner
from am_assets.stages.decontamination.text_index import Prompt, read_prompt
from am_assets.stages.decontamination.week import Benchmark, Slice, contaminated, rows_of

__all__ = [
    "Benchmark",
    "Contamination",
    "Hit",
    "Item",
    "Judge",
    "Prompt",
    "Rows",
    "Scanner",
    "Slice",
    "Undecided",
    "best_hit",
    "contaminated",
    "read_prompt",
    "rows_of",
]
