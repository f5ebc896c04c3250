"""Attacks on what derivations hold of models, engines and settings.

Each changes one thing of the mini profile, or of a copy of a model's folder, and looks which
partitions' settings and models are others then. Nothing is made, and the project is not changed.
"""

import itertools
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from transformers.utils.chat_template_utils import render_jinja_template

from am_assets.core.chat_templates import pinned
from am_assets.core.profile import Profile
from am_assets.defs.project import ARTIFACTS
from am_assets.engines.models import locate_model
from am_assets.engines.profile_engines import ProfileEngines
from am_assets_tests.integration.attacking.copies import Attack

Change = Callable[[dict[str, Any]], None]
Decided = dict[tuple[str, tuple[str, ...]], dict[str, Any]]

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


def settings(project: Path) -> list[str]:
    """One line a setting: whether exactly the assets whose rows it can change are stale by it."""
    before = _decided(project)
    lines: list[str] = []
    for path, value, expected in _SETTINGS:
        changed = _decided(project, _put(path, value))
        stale = {name for name, _ in before if _differ(before, changed, name)}
        said = f"stale: {', '.join(sorted(stale))}"
        lines.append(_line(f"{path} changed", stale == expected, said))
    return lines


def settings_of_one_kind(project: Path) -> list[str]:
    """One line a kind: whether a setting of its verification leaves the other kinds' sources."""
    before, sources = _decided(project), _data()["sources"]
    lines: list[str] = []
    for kind, path in (("chat", "chat.threshold"), ("math", "math.timeout_s")):
        changed = _decided(project, _put(f"verification.{path}", 0.5))
        stale = {
            partition[0]
            for name, partition in before
            if name == "verified" and before[name, partition] != changed[name, partition]
        }
        of_kind = {name for name, one in sources.items() if one["domain"] == kind}
        lines.append(_line(f"{path} and other kinds", stale == of_kind, f"stale: {stale}"))
    return lines


def model_files(project: Path) -> list[str]:
    """One line a file: whether a teacher's folder that is moved is the same, with it another."""
    before = _decided(project)
    teacher = Profile.model_validate({**_data(), "folder": project}).models.teacher
    assert teacher is not None
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "moved"
        shutil.copytree(locate_model(teacher, "teacher"), folder)
        moved = _put("models.teacher.path", str(folder))
        same = not _differ(before, _decided(project, moved), "responses", "models")
        lines = [_line("a model moved", same, "stale")]
        for name in _FILES:
            (folder / name).write_text("{}")
            changed = _decided(project, moved)
            noticed = _differ(before, changed, "responses", "models")
            lines.append(_line(f"{name} added", noticed, "not noticed"))
            (folder / name).unlink()
    return lines


def dates(project: Path) -> list[str]:
    """Whether a template that prints today's date says tomorrow what it said today."""
    del project
    template = pinned(_CLOCK, date(2025, 1, 6))
    tomorrow = date.today() + timedelta(days=1)
    said = [
        render_jinja_template([[]], chat_template=template, strftime_now=day.strftime)[0]
        for day in (date.today(), tomorrow)
    ]
    return [_line("a template that prints the date", said == [["06 Jan 2025"]] * 2, str(said))]


ATTACKS: dict[str, Attack] = {
    "settings of models and of verification": settings,
    "settings of one kind of verification": settings_of_one_kind,
    "files of a model's folder": model_files,
    "a template that prints the date": dates,
}
"""Every attack by what it does; each takes the folder of a finished tiny project."""


def _line(attack: str, held: bool, found: str) -> str:
    return f"held: {attack}" if held else f"broken: {attack}: {found}"


def _data() -> dict[str, Any]:
    text = (resources.files("am_assets.profiles") / "mini.yaml").read_text(encoding="utf-8")
    # What an anchor names is one object for all that refer to it, and must change alone.
    return _unshared(yaml.safe_load(text))


def _put(path: str, value: object) -> Change:
    def change(data: dict[str, Any]) -> None:
        *sections, last = path.split(".")
        for name in sections:
            data = data.setdefault(name, {})
        data[last] = value

    return change


def _differ(before: Decided, after: Decided, asset: str, part: str = "") -> bool:
    """Whether a partition of `asset` follows from others then, or from others of one `part`."""
    keys = [key for key in before if key[0] == asset]
    assert keys, asset
    return any(
        before[key][name] != after[key][name]
        for key in keys
        for name in before[key]
        if part in ("", name)
    )


def _decided(project: Path, change: Change | None = None) -> Decided:
    """What each partition's derivation holds of settings and models, by asset and partition."""
    data = _data()
    if change is not None:
        change(data)
    profile = Profile.model_validate({**data, "folder": project})
    engines = ProfileEngines(profile)
    values = {
        "source": sorted(profile.sources),
        "benchmark": sorted(profile.benchmarks),
        "recipe": sorted(profile.recipes),
        "week": [str(profile.weeks.start)],
    }
    found: Decided = {}
    for stage in ARTIFACTS:
        for partition in itertools.product(*(values[name] for name in stage.dimensions)):
            key = dict(zip(stage.dimensions, partition, strict=True))
            found[stage.name, partition] = {
                "config": stage.config(profile, key),
                "models": {use: engines.digest(use) for use in stage.uses(profile, key)},
            }
    return found


def _unshared(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value
