"""Settings of comparing prompts, and the thresholds that an embedding model brings along."""

from pydantic import Field

from am_assets.core.settings.section import Section, Share

PACKAGED_MODEL = "packaged-minilm"
"""Path that names the all-MiniLM-L6-v2 weights installed with the project."""


class Measured(Section):
    """Labelled pairs that a calibration was measured on, and what its threshold gives there."""

    pairs: str
    """What they are, in words."""
    count: int = Field(ge=1)
    precision: Share
    recall: Share


class TextThresholds(Section):
    """Thresholds of decontamination for pairs that say more than their vectors do."""

    agreeing_threshold: Share | None = None
    """For two problems that state the same numbers."""
    differing_threshold: Share | None = None
    """For two problems that state other numbers."""
    choices_threshold: Share | None = None
    """For two problems with their answer options."""
    code_threshold: Share | None = None
    """For tasks in code."""
    other_scripts_threshold: Share | None = None
    """For texts in a script that the model was not trained on."""


class Calibration(TextThresholds):
    """Similarities from which an embedding model's neighbors are the same: they differ by model.

    `am-assets calibrate` measures them. A text threshold that is null is that of decontamination.
    """

    dedup_threshold: Share
    decontamination_threshold: Share
    measured_on: list[Measured] = Field(default_factory=list)
