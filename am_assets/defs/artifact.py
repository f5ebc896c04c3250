"""A stage as a Dagster asset: partitions, dependencies, versions and what its page shows."""

import socket
from datetime import UTC, datetime

import dagster as dg

from am_assets.core.materialize import Materializer
from am_assets.core.profile import Profile
from am_assets.core.stage import Finding, Stage
from am_assets.defs.page import describe
from am_assets.defs.partitions import key_of, partition_mapping, partitions_of
from am_assets.defs.weeks import week_keys

OWNERS = ["team:data"]


def asset_of(stage: Stage, profile: Profile) -> dg.AssetsDefinition:
    """The Dagster asset of `stage` in `profile`, keyed `<profile>/<stage>`.

    Needs the resources `store` (core.store.Store), `engines` (core.engines.Engines) and `say`, a
    callable that takes one line of progress beside the run's log.
    """
    deps: dict[str, dg.AssetDep] = {}
    for read in stage.reads:
        # Dagster takes one dependency an asset; the first says the partition.
        deps.setdefault(
            read.asset,
            dg.AssetDep(
                dg.AssetKey([profile.name, read.asset]),
                partition_mapping=partition_mapping(read, stage.dimensions),
            ),
        )

    @dg.asset(
        name=stage.name,
        key_prefix=[profile.name],
        deps=list(deps.values()),
        partitions_def=partitions_of(profile)[stage.dimensions],
        code_version=stage.code_version,
        group_name=stage.group,
        description=stage.description,
        kinds=set(stage.kinds),
        owners=OWNERS,
        required_resource_keys={"store", "engines", "say"},
        metadata={"profile": profile.name, "dimensions": " x ".join(stage.dimensions)},
        pool=stage.pool,
        check_specs=[
            dg.AssetCheckSpec(check, asset=dg.AssetKey([profile.name, stage.name]))
            for check in stage.checks
        ],
    )
    # Dagster reads the annotation, and with several outputs takes the bare class alone.
    def _asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # pyright: ignore[reportMissingTypeArgument]
        def log(line: str) -> None:
            context.log.info(line)
            context.resources.say(line)

        store, engines = context.resources.store, context.resources.engines
        engines.log = log
        materializer = Materializer(profile, store, engines, week_keys(profile), log)
        outcome = materializer.materialize(
            stage,
            key_of(context.partition_key, stage.dimensions),
            {
                "run_id": context.run_id,
                "host": socket.gethostname(),
                "published": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )
        return dg.MaterializeResult(
            data_version=dg.DataVersion(outcome.manifest.root),
            metadata=describe(stage, outcome, store),
            check_results=[
                _result(name, check(outcome.manifest)) for name, check in stage.checks.items()
            ],
        )

    return _asset


def _result(name: str, found: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        passed=found.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.text,
        metadata={key: dg.MetadataValue.json(value) for key, value in found.counts.items()},
    )
