"""Cleaning and embedding of prompts."""

from pydantic import Field

from am_assets.core.settings.section import Section, Share


class Cleaning(Section):
    """Rules of the `prompts` stage (DD 2.2.1)."""

    max_abnormal_share: Share = 0.1
    min_characters: int = Field(default=8, ge=1)
    max_characters: int = Field(default=100_000, ge=1)
    drop_urls: bool = True
    drop_tables: bool = True
    drop_incomplete: bool = True


class Embedding(Section):
    """How prompts are embedded."""

    batch: int = Field(default=32, ge=1)
    """Rows of 32 tokens that a batch has; of longer windows it has fewer, in proportion."""
    max_tokens: int = Field(default=256, ge=8)
    """Window of a long prompt, in tokens; longer prompts get the mean of their windows."""
    stride: int = Field(default=192, ge=1)
