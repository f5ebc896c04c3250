"""Attacks on what derivations hold of models, engines and settings.

Each changes one thing of a finished project's profile, or of a copy of a model's folder, and looks
which published partitions are stale then. Nothing of the project is changed.
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from transformers.utils.chat_template_utils import render_jinja_template

from am_assets.core.chat_templates import pinned
from am_assets.core.config import Profile
from am_assets.core.materialize import Materializer
from am_assets.core.stage import InputMissing
from am_assets.core.store import Store
from am_assets.definitions import STAGES
from am_assets.engines.models import locate_model
from am_assets.engines.runtime import ProfileEngines

Change = Callable[[dict[str, Any]], None]

_SETTINGS: tuple[tuple[str, object, frozenset[str]], ...] = (
    ("models.base.dtype", "bfloat16", frozenset({"benchmark_answers"})),
    ("models.base.max_model_len", 512, frozenset({"benchmark_answers"})),
    ("models.teacher.max_model_len", 512, frozenset({"responses"})),
    ("models.teacher.options.kv_cache_gib", 0.5, frozenset()),
    (
        "models.instruct.max_model_len",
        512,
        frozenset({"labels", "existing_verdicts", "verified", "scores"}),
    ),
    ("models.reward.max_model_len", 64, frozenset({"existing_verdicts", "verified"})),
    (
        "models.reward.options.dimensions",
        ["correctness", "coherence", "helpfulness"],
        frozenset({"existing_verdicts", "verified"}),
    ),
    (
        "verification.chat.threshold",
        0.1,
        frozenset({"existing_verdicts", "verified", "sft_dataset"}),
    ),
    (
        "verification.math.timeout_s",
        1.0,
        frozenset({"existing_verdicts", "verified", "scores"}),
    ),
    ("benchmarks.mini_math_bench.licence", "another", frozenset()),
)
_FILES = ("modeling_x.py", "tekken.json", "hf_quant_config.json", "adapter_config.json", "x.model")
_CLOCK = '{{ strftime_now("%d %b %Y") }}'


def settings(project: Path, profile: str = "mini") -> Iterator[str]:
    """One line a setting: whether exactly the assets whose rows it can change are stale by it."""
    data = _data(profile)
    before = _derivations(project, data)
    for path, value, expected in _SETTINGS:
        changed = _derivations(project, data, _put(path, value))
        stale = {name for name, _ in before if _differ(before, changed, name)}
        yield _line(f"{path} changed", stale == expected, f"stale: {', '.join(sorted(stale))}")
    for kind, path in (("chat", "chat.threshold"), ("math", "math.timeout_s")):
        changed = _derivations(project, data, _put(f"verification.{path}", 0.5))
        sources = {
            partition[0]
            for name, partition in before
            if name == "verified" and before[name, partition] != changed[name, partition]
        }
        of_kind = {name for name, one in data["sources"].items() if one["domain"] == kind}
        yield _line(f"{path} and other kinds", sources <= of_kind, f"stale: {sorted(sources)}")


def model_files(project: Path, profile: str = "mini") -> Iterator[str]:
    """One line a file: whether a teacher's folder that is moved is the same, with it another."""
    data = _data(profile)
    before = _derivations(project, data)
    located = Profile.model_validate({**data, "folder": project}).models.teacher
    if located is None:
        return
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "moved"
        shutil.copytree(locate_model(located, "teacher"), folder)
        moved = _put("models.teacher.path", str(folder))
        yield _line("a model moved", _derivations(project, data, moved) == before, "stale")
        for name in _FILES:
            (folder / name).write_text("{}")
            changed = _derivations(project, data, moved)
            yield _line(f"{name} added", _differ(before, changed, "responses"), "not noticed")
            (folder / name).unlink()


def dates() -> Iterator[str]:
    """Whether a template that prints today's date says tomorrow what it said today."""
    template = pinned(_CLOCK, date(2025, 1, 6))
    tomorrow = date.today() + timedelta(days=1)
    said = [
        render_jinja_template([[]], chat_template=template, strftime_now=day.strftime)[0]
        for day in (date.today(), tomorrow)
    ]
    yield _line("a template that prints the date", said == [["06 Jan 2025"]] * 2, str(said))


def _line(attack: str, held: bool, found: str) -> str:
    return f"held: {attack}" if held else f"broken: {attack}: {found}"


def _data(profile: str) -> dict[str, Any]:
    text = (resources.files("am_assets.profiles") / f"{profile}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def _put(path: str, value: object) -> Change:
    def change(data: dict[str, Any]) -> None:
        *sections, last = path.split(".")
        for name in sections:
            data = data.setdefault(name, {})
        data[last] = value

    return change


def _differ(
    before: dict[tuple[str, tuple[str, ...]], str],
    after: dict[tuple[str, tuple[str, ...]], str],
    asset: str,
) -> bool:
    return any(before[key] != after[key] for key in before if key[0] == asset)


def _derivations(
    project: Path, data: dict[str, Any], change: Change | None = None
) -> dict[tuple[str, tuple[str, ...]], str]:
    """The derivation of every published partition, by asset and partition."""
    # What an anchor names is one object for all that refer to it, and must change alone.
    data = _unshared(data)
    if change is not None:
        change(data)
    profile = Profile.model_validate({**data, "folder": project})
    store = Store(project, profile.name)
    weeks = profile.weeks.keys(date(2025, 1, 20))
    materializer = Materializer(profile, store, ProfileEngines(profile), weeks)
    found: dict[tuple[str, tuple[str, ...]], str] = {}
    for stage in STAGES:
        for ref in materializer.snapshot.refs():
            if ref.asset != stage.name:
                continue
            key = dict(zip(stage.dimensions, ref.partition, strict=True))
            try:
                found[stage.name, ref.partition] = materializer.plan(stage, key).derivation
            except InputMissing:
                continue
    return found


def _unshared(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value
