"""The table of kinds: what `kinds` says of each, one line a kind."""

from collections.abc import Mapping
from typing import assert_never, get_args

from am_assets.core.settings.verification import Verification
from am_assets.core.verdict import Kind
from am_assets.stages.verification.kind import VerificationKind
from am_assets.stages.verification.kinds.chat import CHAT
from am_assets.stages.verification.kinds.code import CODE
from am_assets.stages.verification.kinds.instruction import INSTRUCTION
from am_assets.stages.verification.kinds.math import MATH
from am_assets.stages.verification.kinds.science import SCIENCE


def _entry(kind: Kind) -> VerificationKind:
    match kind:
        case "math":
            return MATH
        case "code":
            return CODE
        case "science":
            return SCIENCE
        case "instruction":
            return INSTRUCTION
        case "chat":
            return CHAT
    # A kind that is forgotten here is an error of types, and ends this module's import.
    assert_never(kind)


def own_entry(kind: Kind) -> VerificationKind:
    """The entry of a kind. Raises TypeError for one that has not the kind's settings."""
    entry, defaults = _entry(kind), Verification()
    if getattr(defaults, kind, None) is not entry.section(defaults):
        raise TypeError(f"the entry of kind {kind} has not the settings verification.{kind}")
    return entry


KINDS: Mapping[Kind, VerificationKind] = {kind: own_entry(kind) for kind in get_args(Kind)}
"""Every kind's entry."""
