"""Where the code of an artifact ends: what a build calls that does not decide what it gives.

Pictures, pages and checks need no entry: only `Stage.build` is followed.
"""

DECLARES = ("am_assets.defs.artifact.artifact",)
"""Decorators that declare what a function reads and shows, and leave it as it is: what they are
given is in the derivation by value (settings, models, inputs), or decides nothing."""

BOUNDARIES: dict[str, str] = {
    "am_assets.defs.generators.GENERATORS": "a capture reads its seal, and a benchmark's "
    "derivation has the version of its own generator",
    "am_assets.core.code": "versions themselves: the derivation has what they come to",
    "am_assets.core.profile": "settings are in the derivation by value",
    "am_assets.core.environment": "what is recorded beside an artifact is not what it says",
    "am_assets.core.erasures": "where remembered results lie",
    "am_assets.core.git_branch": "where bytes lie",
    "am_assets.core.git_command": "where bytes lie",
    "am_assets.core.git_refs": "where bytes lie",
    "am_assets.core.kept": "where bytes lie",
    "am_assets.core.memory": "where remembered results lie; their keys say what they follow from",
    "am_assets.core.objects": "where bytes lie",
    "am_assets.core.published_files": "where bytes lie; what is read is held to its hash",
    "am_assets.core.settings": "settings are in the derivation by value",
    "am_assets.core.store.Snapshot": "where manifests lie",
    "am_assets.core.store.Store": "where bytes lie; what is read is held to its root",
    "am_assets.core.telling": "what people are told",
    "am_assets.core.usage": "what work cost",
    "am_assets.core.working_tree": "where bytes lie",
}
"""Modules (with what is in them), classes and names that are not followed, and why."""

BY_KIND: tuple[str, ...] = (
    "am_assets.engines.reward",
    "am_assets.engines.sandbox",
    "am_assets.stages.verification.kinds",
    "am_assets.stages.verification.code.controls.ControlledCode",
    "am_assets.stages.verification.math.pool.MathPool",
    "am_assets.stages.verification.models.judge.Judge",
    "am_assets.stages.verification.models.reward.RewardJudge",
)
"""What judges checks of some kinds alone: it is followed from one of these, and from nowhere else,
since the settings of a derivation hold the version of what judges each kind that is judged."""

MACHINERY: tuple[str, ...] = (
    "am_assets.core.materialize.Materializer._resolve",
    "am_assets.core.materialize.Materializer._seal",
    "am_assets.core.run.Run.__init__",
    "am_assets.core.run.Run.inputs_by_name",
)
"""What every stage runs through beside its own build."""
