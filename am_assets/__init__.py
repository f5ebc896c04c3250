"""Rebuilds a distilled reasoning dataset as versioned artifacts, each with its lineage."""

# Before any other module of the package: what is loaded after it is as it was, or was moved.
from am_assets.core.code import files as files
