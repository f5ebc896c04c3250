"""Decontamination against every benchmark (DD 2.2.2)."""

from am_assets.stages.decontamination.decide import decontaminate
from am_assets.stages.decontamination.hits import Contamination, Hit, Item, Undecided
from am_assets.stages.decontamination.week import contaminated

__all__ = ["Contamination", "Hit", "Item", "Undecided", "contaminated", "decontaminate"]
