"""Reading upstream: rows of files, hub datasets and generators, each with where it lies.

What belongs here: formats, encodings, limits and their errors. Which column means what is decided
in `stages.mapping`; which row is new in `stages.capture`.
"""

from am_assets.stages.sources.reader import UPSTREAMS, read_source
from am_assets.stages.sources.rows import SourceError, UpstreamRow
from am_assets.stages.sources.upstream import Generator

__all__ = ["UPSTREAMS", "Generator", "SourceError", "UpstreamRow", "read_source"]
