"""Profiles: everything that determines a dataset, read from one YAML file.

`load_profile` gives a validated, frozen `Profile` or raises `ProfileError` with one sentence that
names the file and the key. Sections are handed to the stages that need them, so that a derivation
covers only the settings its asset reads.
"""

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, cast

import yaml
from pydantic import Field, ValidationError

from am_assets.core.settings.calibration import PACKAGED_MODEL, TextThresholds
from am_assets.core.settings.decontamination import Decontamination
from am_assets.core.settings.dedup import Dedup
from am_assets.core.settings.distillation import Labels, Responses
from am_assets.core.settings.evaluation import Evaluation
from am_assets.core.settings.models import Models
from am_assets.core.settings.prompts import Cleaning, Embedding
from am_assets.core.settings.ray import Ray
from am_assets.core.settings.section import Section
from am_assets.core.settings.sources import Benchmark, Source
from am_assets.core.settings.training import Recipe, Sft
from am_assets.core.settings.verification import Verification
from am_assets.core.settings.weeks import Weeks


class ProfileError(ValueError):
    """A profile that cannot be used; the message is one sentence for the person who wrote it."""


class Profile(Section):
    """A whole profile."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    weeks: Weeks
    sources: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Source]
    benchmarks: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Benchmark]
    models: Models
    cleaning: Cleaning = Cleaning()
    embedding: Embedding = Embedding()
    dedup: Dedup = Dedup()
    decontamination: Decontamination = Decontamination()
    labels: Labels
    responses: Responses = Responses()
    verification: Verification = Verification()
    sft: Sft = Sft()
    recipes: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Recipe]
    evaluation: Evaluation = Evaluation()
    ray: Ray | None = None
    planted: bool = False
    """The sources are generated with rows planted on purpose; the card then audits them."""
    folder: Path = Field(default=Path("."), exclude=True)
    """Folder that relative file globs start from; not identity."""


def load_profile(
    name_or_path: str, folder: Path | None = None, *, needs_thresholds: bool = True
) -> Profile:
    """Read a packaged profile by name, or a profile file by path.

    File globs start at `folder`; by default at the file's folder, or where a packaged profile is
    used.

    An embedding model without a calibration is an error where a threshold is not given either,
    unless the caller compares nothing (`needs_thresholds`).

    Raises ProfileError naming the file and the key that is wrong.
    """
    packaged = resources.files("am_assets.profiles") / f"{name_or_path}.yaml"
    if packaged.is_file() and not name_or_path.endswith((".yaml", ".yml")):
        text, home = packaged.read_text(encoding="utf-8"), Path.cwd()
    else:
        path = Path(name_or_path)
        try:
            text, home = path.read_text(encoding="utf-8"), path.resolve().parent
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(
                f"profile {name_or_path} cannot be read ({error.__class__.__name__}): name one of "
                "mini, files, full, or a YAML file"
            ) from error
    try:
        data = yaml.safe_load(text)
    except Exception as error:
        # Beside YAMLError whatever making a value raises: no such month, too many digits.
        where = " ".join(str(error).split()) or error.__class__.__name__
        raise ProfileError(f"profile {name_or_path} is not valid YAML: {where}") from error
    if not isinstance(data, dict):
        raise ProfileError(f"profile {name_or_path} must be a mapping of keys")
    try:
        if needs_thresholds:
            data = calibrated(data)
        check_judge(data)
    except KeyProblem as problem:
        raise ProfileError(f"profile {name_or_path}, key {problem}") from problem
    try:
        return Profile.model_validate({**data, "folder": (folder or home).resolve()})
    except ValidationError as error:
        # Where a text or a section may stand, a section that is wrong is the error to tell.
        errors = [e for e in error.errors() if not (e["type"] in _PLAIN and _is_dict(e["input"]))]
        first = (errors or error.errors())[0]
        lacking = first["type"] == "missing"
        key = _key(first["loc"], data, lacking) or "the top level"
        if first["type"] == "extra_forbidden":
            message = "is not a known key; check its spelling or remove it"
        else:
            message = first["msg"].removeprefix("Value error, ")
        raise ProfileError(f"profile {name_or_path}, key {key}: {message}") from error


_PLAIN = ("string_type", "list_type", "float_type")


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _key(location: tuple[int | str, ...], data: Any, lacking: bool) -> str:
    """Dotted key of a validation error, without pydantic's names for the members of a union.

    What is not in `data` is such a name, but for the last part where the key itself is lacking.
    """
    parts: list[str] = []
    for place, part in enumerate(location, 1):
        known = isinstance(data, dict) and part in data
        listed = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if known or listed:
            data = cast("Any", data)[part]
        elif not (lacking and place == len(location)):
            continue
        parts.append(str(part))
    return ".".join(parts)


_CALIBRATED = (
    ("dedup", "threshold", {"threshold": "dedup_threshold"}),
    (
        "decontamination",
        "embedding_threshold",
        {
            "embedding_threshold": "decontamination_threshold",
            **{name: name for name in TextThresholds.model_fields},
        },
    ),
)
"""Section, the key whose null means the calibration, and what is then taken from it."""


class KeyProblem(ValueError):
    """`key: what is wrong with it`."""


def calibrated(data: dict[str, Any]) -> dict[str, Any]:
    """`data` with the thresholds that are not given taken from the embedding model's calibration.

    Sections that are no mappings are left as they are: validation says so.
    """
    model = _section(data, "models", "embedding")
    calibration = _section(model, "calibration")
    if not calibration and model.get("path") == PACKAGED_MODEL:
        text = (resources.files("am_assets.profiles") / "files.yaml").read_text(encoding="utf-8")
        calibration = _section(yaml.safe_load(text), "models", "embedding", "calibration")
    filled: dict[str, Any] = {}
    for name, key, taken in _CALIBRATED:
        section = data.get(name) or {}
        if not model or not isinstance(section, dict) or section.get(key) is not None:
            continue
        if not calibration:
            raise KeyProblem(
                f"{name}.{key}: the embedding model has no calibration, so name a threshold here, "
                "or measure one with `am-assets calibrate` and put it under "
                "models.embedding.calibration"
            )
        given = {field: value for field, value in section.items() if value is not None}
        values = {field: calibration.get(source) for field, source in taken.items()}
        filled[name] = {**{k: v for k, v in values.items() if v is not None}, **given}
    return {**data, **filled}


def check_judge(data: dict[str, Any]) -> None:
    asked = _section(data, "decontamination", "judge").get("enabled")
    if asked and not _section(data, "models", "instruct"):
        raise KeyProblem(
            "decontamination.judge.enabled: the judge is the instruct model, so name one under "
            "models.instruct, or switch the judge off"
        )


def _section(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}
