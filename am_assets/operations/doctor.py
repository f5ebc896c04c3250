"""`am-assets doctor`: what a profile needs at run time, checked before anything starts."""

import importlib.util
import shutil
import sys
from typing import Literal, NamedTuple

from am_assets.core.runner import IsolationMissing
from am_assets.core.settings.models import Model, Models
from am_assets.defs.project import Project
from am_assets.engines.embedding import EmbeddingModelError, embedding_folder
from am_assets.engines.models import ModelMissing, locate_model
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.sources import UPSTREAMS

_GIB = 2**30
_LOW_DISK = 10 * _GIB


class Diagnosis(NamedTuple):
    """One check: `ok`, `note` (works, with less) or `missing` (will not work), and what to do."""

    check: str
    state: Literal["ok", "note", "missing"]
    detail: str


def diagnose(project: Project) -> list[Diagnosis]:
    """Check everything the profile needs; nothing is started but the sandbox's probe."""
    return [
        Diagnosis("python", "ok", sys.version.split()[0]),
        _disk(project),
        *_packages(project),
        *_models(project),
        *_sources(project),
        *_isolation(),
    ]


def _disk(project: Project) -> Diagnosis:
    free = shutil.disk_usage(project.store.root).free
    state = "ok" if free > _LOW_DISK else "note"
    return Diagnosis("disk", state, f"{free / _GIB:.0f} GiB free in {project.store.root}")


def _packages(project: Project) -> list[Diagnosis]:
    models = project.profile.models
    engines = {model.engine for model in _all_models(project).values()}
    needed = {"vllm": "vllm" in engines, "trl": models.base is not None}
    findings: list[Diagnosis] = []
    for package, wanted in needed.items():
        if not wanted:
            continue
        found = importlib.util.find_spec(package) is not None
        remedy = "installed" if found else "install am-assets[cpu] or am-assets[gpu]"
        findings.append(Diagnosis(package, "ok" if found else "missing", remedy))
    return findings


def _all_models(project: Project) -> dict[str, Model]:
    models = project.profile.models
    named = {role: getattr(models, role) for role in Models.model_fields}
    return {role: model for role, model in named.items() if model is not None}


def _models(project: Project) -> list[Diagnosis]:
    findings: list[Diagnosis] = []
    present = _all_models(project)
    consequences = {
        "teacher": "rows with no passing response are dropped as no_response",
        "instruct": "no categories and difficulties; judged kinds stay pending",
        "reward": "chat responses stay pending",
        "base": "training is off",
    }
    for role, consequence in consequences.items():
        if role not in present:
            findings.append(Diagnosis(f"model {role}", "note", f"none: {consequence}"))
    for role, model in present.items():
        try:
            if model.engine == "openai":
                detail = f"{model.path} served at {model.options.get('base_url', '(no base_url)')}"
            elif role == "embedding":
                detail = str(embedding_folder(model, project.profile.folder))
            else:
                detail = str(locate_model(model, role))
        except (ModelMissing, EmbeddingModelError) as error:
            findings.append(Diagnosis(f"model {role}", "missing", str(error)))
        else:
            findings.append(Diagnosis(f"model {role}", "ok", detail))
    return findings


def _sources(project: Project) -> list[Diagnosis]:
    findings: list[Diagnosis] = []
    everything = {**project.profile.sources, **project.profile.benchmarks}
    for name, source in everything.items():
        found = UPSTREAMS[source.kind].availability(source, name, project.profile.folder)
        if found is not None:
            findings.append(Diagnosis(f"source {name}", *found))
    return findings


def _isolation() -> list[Diagnosis]:
    sandbox = Sandbox(workers=1)
    compiler = sandbox.runtime("cpp")
    found = Diagnosis("c++ compiler", "ok", compiler)
    if compiler == "none":
        found = Diagnosis(
            "c++ compiler", "note", "none: C++ answers cannot be verified; install g++"
        )
    try:
        sandbox.start()
    except IsolationMissing as problem:
        return [Diagnosis("isolation", "note", f"{problem}; code rows stay pending"), found]
    tier = sandbox.tier
    sandbox.close()
    return [Diagnosis("isolation", "ok", tier), found]
