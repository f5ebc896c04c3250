"""The prompts that stages after `deduplicated` read: the week's own, and those that return."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from am_assets.core.run import Inputs
from am_assets.core.schema import RETURNED
from am_assets.defs.assets.deduplicated import deduplicated

RETURNED_ROWS = deduplicated.same(table=RETURNED.name)
"""What a stage of one source reads for them beside its prompts."""


def prompts_of(prompts: Inputs, deduplicated: Inputs, columns: Sequence[str]) -> Iterator[pa.Table]:
    """`columns` of PROMPTS of the run's source and week and of the rows that return to it."""
    yield from prompts.batches(columns)
    yield from (table.select(list(columns)) for table in returned_rows(deduplicated))


def returned_rows(deduplicated: Inputs) -> Iterator[pa.Table]:
    """RETURNED of every `deduplicated` that the run reads, its source's alone if it has one."""
    return deduplicated.each(RETURNED.name)
