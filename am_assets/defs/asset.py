"""An artifact as a Dagster asset of one profile: partitions, dependencies, versions, its page."""

import socket
from datetime import UTC, datetime

import dagster as dg

from am_assets.core.engines import Engines
from am_assets.core.materialize import Materializer
from am_assets.core.profile import Profile
from am_assets.core.store import Store
from am_assets.defs.artifact import Artifact, Keywords, Remark
from am_assets.defs.page import describe
from am_assets.defs.partitions import key_of, partition_mapping, partitions_of
from am_assets.defs.weeks import week_keys

OWNERS = ["team:data"]
"""Of every artifact that names none."""


def asset_of(artifact: Artifact, profile: Profile) -> dg.AssetsDefinition:
    """The Dagster asset of `artifact` in `profile`, keyed `<profile>/<artifact>`.

    Needs the resources `store` (core.store.Store) and `engines` (core.engines.Engines).
    """
    deps: dict[str, dg.AssetDep] = {}
    for read in artifact.reads:
        # Dagster takes one dependency an asset; the first says the partition.
        deps.setdefault(
            read.asset,
            dg.AssetDep(
                dg.AssetKey([profile.name, read.asset]),
                partition_mapping=partition_mapping(read, artifact.dimensions),
            ),
        )

    keywords: Keywords = {"owners": OWNERS, **artifact.keywords}

    @dg.asset(
        name=artifact.name,
        key_prefix=[profile.name],
        deps=list(deps.values()),
        partitions_def=partitions_of(profile)[artifact.dimensions],
        code_version=artifact.code_version,
        description=artifact.description,
        metadata={"profile": profile.name, "dimensions": " x ".join(artifact.dimensions)},
        check_specs=[
            dg.AssetCheckSpec(check, asset=dg.AssetKey([profile.name, artifact.name]))
            for check in artifact.checks
        ],
        **keywords,
    )
    def _asset(
        context: dg.AssetExecutionContext,
        store: dg.ResourceParam[Store],
        engines: dg.ResourceParam[Engines],
        # Dagster reads this annotation and takes it without an argument only.
    ) -> dg.MaterializeResult:  # pyright: ignore[reportMissingTypeArgument]
        if store.profile != profile.name:
            raise ValueError(
                f"the store is of profile {store.profile} and the asset of {profile.name}: give "
                f"the resources `store` and `engines` the profile {profile.name}"
            )
        log = context.log.info
        engines.log = log
        materializer = Materializer(profile, store, engines, week_keys(profile), log)
        outcome = materializer.materialize(
            artifact,
            key_of(context.partition_key, artifact.dimensions),
            {
                "run_id": context.run_id,
                "host": socket.gethostname(),
                "published": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )
        return dg.MaterializeResult(
            data_version=dg.DataVersion(outcome.manifest.root),
            metadata=describe(artifact, outcome, store),
            check_results=[
                _result(name, check(outcome.manifest)) for name, check in artifact.checks.items()
            ],
        )

    return _asset


def _result(name: str, said: Remark) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        passed=said.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=said.text,
        metadata={key: dg.MetadataValue.json(value) for key, value in said.counts.items()},
    )
