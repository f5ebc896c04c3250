"""A stage as a Dagster asset: partitions, dependencies, versions and what its page shows."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from am_assets.assets.describe import describe
from am_assets.core.config import Profile
from am_assets.core.pipeline import Engines, Key, Materializer, Outcome, Stage
from am_assets.core.store import Store
from am_assets.partitions import key_of, partition_mapping, partitions_of, week_keys

OWNERS = ["team:data"]


def asset_of(
    stage: Stage, profile: Profile, store: Store, engines: Engines
) -> dg.AssetsDefinition:
    """The Dagster asset of `stage` in `profile`, keyed `<profile>/<stage>`."""
    prefix = [profile.name]
    deps = [
        dg.AssetDep(
            dg.AssetKey([*prefix, read.asset]),
            partition_mapping=partition_mapping(read, stage.dimensions),
        )
        for read in stage.reads
        if not (read.asset == stage.name and read.weeks != "earlier")
    ]

    @dg.asset(
        name=stage.name,
        key_prefix=prefix,
        deps=_merged(deps),
        partitions_def=partitions_of(profile)[stage.dimensions],
        code_version=stage.code_version,
        group_name=stage.group,
        description=stage.description,
        kinds=set(stage.kinds),
        owners=OWNERS,
        output_required=True,
        metadata={"profile": profile.name, "dimensions": " x ".join(stage.dimensions)},
        op_tags={"am_assets/stage": stage.name},
    )
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        key = key_of(context.partition_key, stage.dimensions)
        outcome = run_stage(
            stage, key, profile, store, engines, context.log.info, {"run_id": context.run_id}
        )
        return dg.MaterializeResult(
            data_version=dg.DataVersion(outcome.manifest.root),
            metadata=describe(stage, outcome, store),
        )

    return _asset


def run_stage(
    stage: Stage,
    key: Key,
    profile: Profile,
    store: Store,
    engines: Engines,
    log: Any,
    meta: Mapping[str, Any],
) -> Outcome:
    """Materialize one partition against the store as it is now."""
    materializer = Materializer(profile, store, engines, week_keys(profile), log)
    return materializer.materialize(stage, key, meta)


def _merged(deps: list[dg.AssetDep]) -> list[dg.AssetDep]:
    """One dependency an asset: Dagster takes no second one, and the first says the partition."""
    merged: dict[dg.AssetKey, dg.AssetDep] = {}
    for dep in deps:
        merged.setdefault(dep.asset_key, dep)
    return list(merged.values())
