"""What a comparison of math answers gives, asked and decided in different processes."""

from typing import Any, NamedTuple


class Found(NamedTuple):
    """A decision: `status` is pass, fail or unverifiable."""

    status: str
    reason: str
    evidence: dict[str, Any]
