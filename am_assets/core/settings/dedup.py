"""Semantic dedup."""

from am_assets.core.settings.section import Section, Share


class Dedup(Section):
    """Semantic dedup (AM 2.1.4). In a profile a null `threshold` is the model's calibration."""

    threshold: Share = 0.9
    keep_different_references: bool = True
