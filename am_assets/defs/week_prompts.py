"""The prompts that stages after `deduplicated` read: the week's own, and those that return."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from am_assets.core.schema import DEDUPLICATED, PROMPTS, RETURNED
from am_assets.core.stage import WEEK, Read, Run

RETURNED_ROWS = Read(DEDUPLICATED.name, WEEK, table=RETURNED.name)
"""What a stage of one source reads for them beside its PROMPTS."""


def prompts_of(run: Run, columns: Sequence[str]) -> Iterator[pa.Table]:
    """`columns` of PROMPTS of the run's source and week and of the rows that return to it."""
    yield from run.batches(PROMPTS.name, columns)
    yield from (table.select(list(columns)) for table in returned_rows(run))


def returned_rows(run: Run) -> Iterator[pa.Table]:
    """RETURNED of every `deduplicated` that the run reads, its source's alone if it has one."""
    for item in run.inputs:
        if item.ref.asset == DEDUPLICATED.name and RETURNED.name in run.manifest(item.ref).tables:
            yield run.read_ref(item.ref, RETURNED.name)
