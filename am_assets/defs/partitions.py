"""Sources, weeks, and every partition mapping, in one place.

Assets are partitioned by source, benchmark, week, source x week or recipe x week (Dagster's
multi-partitions have two dimensions). Which partition reads which follows from the dimensions
both assets have; `partition_mapping` says it to Dagster, `core.materialize` resolves it to
artifacts.
"""

import warnings
from datetime import timedelta

import dagster as dg

from am_assets.core.profile import Profile
from am_assets.core.stage import BENCHMARK, RECIPE_WEEK, SOURCE, SOURCE_WEEK, WEEK, Key, Read
from am_assets.defs.weeks import today

# Multi-partitions are beta in this pinned version; saying so at every start helps nobody.
warnings.filterwarnings("ignore", category=dg.BetaWarning)


def partitions_of(profile: Profile) -> dict[tuple[str, ...], dg.PartitionsDefinition]:
    """The partitions definitions of a profile by their dimensions.

    Weeks run Monday to Monday. A profile with a last week ends there; others include the current
    week, so that it can be captured while it runs.
    """
    end = profile.weeks.last + timedelta(weeks=1) if profile.weeks.last else None
    if end is not None and end > today():
        # Dagster lists no week that has not passed, unless it is an open one.
        end = None
    weeks = dg.WeeklyPartitionsDefinition(
        start_date=profile.weeks.start.isoformat(),
        end_date=end.isoformat() if end else None,
        day_offset=1,
        end_offset=0 if end else 1,
    )
    sources = dg.StaticPartitionsDefinition(sorted(profile.sources))
    recipes = dg.StaticPartitionsDefinition(sorted(profile.recipes))
    return {
        SOURCE: sources,
        BENCHMARK: dg.StaticPartitionsDefinition(sorted(profile.benchmarks)),
        WEEK: weeks,
        SOURCE_WEEK: dg.MultiPartitionsDefinition({"source": sources, "week": weeks}),
        RECIPE_WEEK: dg.MultiPartitionsDefinition({"recipe": recipes, "week": weeks}),
    }


def partition_mapping(read: Read, reader: tuple[str, ...]) -> dg.PartitionMapping | None:
    """Dagster's mapping for a read by an asset with dimensions `reader`; None is the identity.

    Reads of several weeks are announced as the latest earlier week (`earlier`) or the same week
    (`so_far`): the chain of weeks orders the rest.
    """
    if read.weeks == "earlier":
        before = dg.TimeWindowPartitionMapping(
            start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
        )
        if reader == WEEK:
            return before
        return dg.MultiPartitionMapping(
            {
                name: dg.DimensionPartitionMapping(
                    name, before if name == "week" else dg.IdentityPartitionMapping()
                )
                for name in reader
            }
        )
    if read.dimensions == reader and not read.every:
        return None
    shared = [name for name in read.dimensions if name in reader and name not in read.every]
    if not shared:
        return dg.AllPartitionMapping()
    return dg.MultiToSingleDimensionPartitionMapping(shared[0])


def key_of(context_key: str, dimensions: tuple[str, ...]) -> Key:
    """A Dagster partition key as dimension values."""
    if len(dimensions) == 1:
        return {dimensions[0]: context_key}
    if isinstance(context_key, dg.MultiPartitionKey):
        return dict(context_key.keys_by_dimension)
    return dict(zip(dimensions, context_key.split("|"), strict=True))


def partition_key(key: Key, dimensions: tuple[str, ...]) -> str:
    """Dimension values as a Dagster partition key."""
    if len(dimensions) == 1:
        return key[dimensions[0]]
    return dg.MultiPartitionKey({name: key[name] for name in dimensions})
