"""All families of small Python tasks."""

from am_assets.mini.problems.code_family import CodeFamily
from am_assets.mini.problems.code_functions import FUNCTIONS
from am_assets.mini.problems.code_programs import PROGRAMS

__all__ = ["FAMILIES", "CodeFamily"]

FAMILIES: tuple[CodeFamily, ...] = (*FUNCTIONS, *PROGRAMS)
