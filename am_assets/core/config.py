"""Profiles: everything that determines a dataset, read from one YAML file.

`load_profile` gives a validated, frozen `Profile` or raises `ProfileError` with one sentence that
names the file and the key. Sections are handed to the stages that need them, so that a derivation
covers only the settings its asset reads.
"""

from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import yaml
from pydantic import Field, ValidationError, model_validator

from am_assets.core.chat_templates import TEMPLATE_DATE
from am_assets.core.comparing import (
    Calibration,
    Decontamination,
    Dedup,
    KeyProblem,
    calibrated,
    check_judge,
)
from am_assets.core.requests import Sampling
from am_assets.core.section import Section, Share
from am_assets.core.verdict import Kind

Difficulty = Literal["very easy", "easy", "medium", "hard", "very hard"]


class ProfileError(ValueError):
    """A profile that cannot be used; the message is one sentence for the person who wrote it."""


class Marker(Section):
    """Split of one column into rationale and answer at a marker, e.g. GSM8K's `####`."""

    column: str
    marker: str


class Columns(Section):
    """Which upstream column fills which field of the contract. Dots reach into nested fields.

    Either `prompt` (one column, or several joined by blank lines) or `messages` (a list of turns
    with role/content or from/value keys; assistant turns after the last user turn become the
    existing response).
    """

    prompt: str | list[str] | None = None
    messages: str | None = None
    reference_answer: str | Marker | None = None
    test_case: str | None = None
    tests: str | None = None
    """Column with a list of assert statements; becomes an asserts test case."""
    test_setup: str | None = None
    """Column with code to run before the asserts."""
    constraint_ids: str | None = None
    """Column with a list of IFEval instruction ids, paired with `constraint_kwargs`."""
    constraint_kwargs: str | None = None
    constraints: str | None = None
    unit: str | None = None
    """Column whose text is appended to the reference answer, e.g. SciBench's unit."""
    think: str | None = None
    answer: str | None = None
    code_answer: str | None = None
    """Column with bare code that becomes a fenced answer with a one-line rationale."""
    response: str | None = None
    """Column that already holds think/answer blocks."""
    rationale_and_answer: Marker | None = None
    recorded_verdict: str | None = None
    """Column that says whether the existing response is right, e.g. `is_correct`. It decides
    nothing: reports show where it differs from the verdict given here."""
    upstream_key: str | None = None

    @model_validator(mode="after")
    def _one_prompt(self) -> Self:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("exactly one of `prompt` and `messages` must name a column")
        if (self.constraint_ids is None) != (self.constraint_kwargs is None):
            raise ValueError("`constraint_ids` and `constraint_kwargs` go together")
        return self


class Source(Section):
    """One upstream source of prompts."""

    kind: Literal["hub", "files", "generated"]
    location: str
    """Hub dataset id, file glob (relative to the profile file), or the generator's source name."""
    subset: str | None = None
    split: str = "train"
    revision: str | None = None
    domain: Kind
    licence: str
    rank: int = 100
    """Sources with a lower rank are preferred among duplicates."""
    columns: Columns
    max_row_bytes: int = Field(default=2_000_000, gt=0)
    """A longer upstream row is an error that names it."""
    retired: date | None = None
    """Monday from which on nothing is captured; what was captured stays."""

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.kind == "hub" and not self.revision:
            raise ValueError("a hub source needs a pinned `revision`")
        if self.retired is not None and self.retired.weekday() != 0:
            raise ValueError(f"`retired` must be a Monday, {self.retired} is a {self.retired:%A}")
        return self

    def retired_in(self, week: str) -> bool:
        """Whether nothing is captured in a week (its Monday, ISO date)."""
        return self.retired is not None and self.retired.isoformat() <= week


class Benchmark(Section):
    """One evaluation benchmark; every benchmark is also decontaminated against."""

    kind: Literal["hub", "files", "generated"]
    location: str
    subset: str | None = None
    split: str = "test"
    revision: str | None = None
    domain: Kind
    licence: str = "unknown"
    columns: Columns
    max_row_bytes: int = Field(default=2_000_000, gt=0)
    samples: int = Field(default=4, ge=0)
    """Answers asked per item; 0 means decontamination only."""

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.kind == "hub" and not self.revision:
            raise ValueError("a hub benchmark needs a pinned `revision`")
        return self


class Model(Section):
    """Where a model's weights are and how its engine runs.

    Which of it is identity, and of what, docs/engines.md lists field by field.
    """

    path: str
    """Folder, hub id, or `mini:<name>` for a model shipped with the package."""
    revision: str | None = None
    dtype: str = "float32"
    max_model_len: int | None = None
    engine: Literal["vllm", "openai", "sentence-transformers", "transformers"]
    options: dict[str, Any] = Field(default_factory=dict)
    """Passed to the engine as they are (tensor_parallel_size, base_url, …)."""
    template_date: date = TEMPLATE_DATE
    """The day it is for a chat template that prints today's date."""


class EmbeddingModel(Model):
    """An embedding model, with the thresholds that belong to it."""

    calibration: Calibration | None = None
    """Null for the packaged MiniLM is the one in the profile `files`."""


class Models(Section):
    """The models of a profile; all but the embedding model are optional."""

    embedding: EmbeddingModel
    teacher: Model | None = None
    instruct: Model | None = None
    reward: Model | None = None
    base: Model | None = None
    reference: Model | None = None
    """Causal model for the perplexity rule."""


class Cleaning(Section):
    """Rules of the `prompts` stage (DD 2.2.1)."""

    max_abnormal_share: Share = 0.1
    min_characters: int = Field(default=8, ge=1)
    max_characters: int = Field(default=100_000, ge=1)
    drop_urls: bool = True
    drop_tables: bool = True
    drop_incomplete: bool = True


class Embedding(Section):
    """How prompts are embedded."""

    batch: int = Field(default=32, ge=1)
    """Rows of 32 tokens that a batch has; of longer windows it has fewer, in proportion."""
    max_tokens: int = Field(default=256, ge=8)
    """Window of a long prompt, in tokens; longer prompts get the mean of their windows."""
    stride: int = Field(default=192, ge=1)


class Labels(Section):
    """Labels by an instruct model and down-sampling (AM 2.1.2, 2.1.3, 2.2.4)."""

    template: str
    categories: list[str]
    max_tokens: int = Field(default=64, ge=1)
    keep: dict[Difficulty, Share] = Field(default_factory=dict)
    """Share kept of each difficulty; absent ones are kept whole."""


class Responses(Section):
    """Distillation (AM 2.2, DD 2.3)."""

    samples: int = Field(default=4, ge=1)
    sampling: Sampling = Sampling(max_tokens=32768)


class Sft(Section):
    """Selection and corpus-wide rules (AM 2.2.3, DD 2.5)."""

    template_tokens: int = Field(default=20, ge=2)
    template_occurrences: int = Field(default=20, ge=1)
    perplexity_limit: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class Recipe(Section):
    """One training recipe; `base` trains nothing and is scored like the others."""

    kind: Literal["base", "full", "lora"]
    learning_rate: float = Field(default=4e-5, gt=0)
    epochs: float = Field(default=5, gt=0)
    batch_size: int = Field(default=8, ge=1)
    gradient_accumulation: int = Field(default=1, ge=1)
    max_length: int = Field(default=32768, ge=16)
    warmup_ratio: Share = 0.03
    min_lr_ratio: Share = 0.1
    max_grad_norm: float = Field(default=0.2, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    seed: int = 17
    bf16: bool = False
    lora_rank: int = Field(default=16, ge=1)
    lora_alpha: int = Field(default=32, ge=1)
    lora_targets: list[str] | Literal["all-linear"] = "all-linear"


class Evaluation(Section):
    """How benchmark answers are sampled (AM 3.1)."""

    sampling: Sampling = Sampling(max_tokens=32768)


class Ray(Section):
    """Actors of Ray that share the work. Never identity: results do not show how it was shared."""

    address: str | None = None
    """Cluster to work on (`auto`, or host:port); null starts a Ray of this machine's own."""
    cpus: int | None = Field(default=None, ge=1)
    """Logical CPUs of the Ray that is started here; null is as many as the actors need."""
    actors: dict[
        Literal["teacher", "instruct", "base", "embedding", "verification"],
        Annotated[int, Field(ge=1)],
    ]
    """Actors by role; a role that is not named works in the calling process."""
    cpus_per_actor: int = Field(default=1, ge=1)
    gpus_per_actor: float = Field(default=0, ge=0)
    scratch: Path | None = None
    """Folder for requests on their way and checkpoints being served; null is a temporary one."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.address is not None and self.scratch is None:
            raise ValueError(
                "`ray.scratch` must name a folder that every node of `ray.address` sees"
            )
        if self.cpus is not None and self.cpus < self.needed_cpus:
            raise ValueError(f"`ray.cpus` must be at least {self.needed_cpus} for so many actors")
        return self

    @property
    def needed_cpus(self) -> int:
        """Logical CPUs without which actors would wait for each other without end.

        Verification works beside one other role; one CPU more is for what feeds the actors.
        """
        most = max((n for role, n in self.actors.items() if role != "verification"), default=0)
        return (most + self.actors.get("verification", 0)) * self.cpus_per_actor + 1


class Weeks(Section):
    """Weekly partitions, Monday to Monday."""

    start: date
    last: date | None = None
    """Monday of the last week; null includes the current week."""

    @model_validator(mode="after")
    def _mondays(self) -> Self:
        for name, day in (("start", self.start), ("last", self.last)):
            if day is not None and day.weekday() != 0:
                raise ValueError(f"`weeks.{name}` must be a Monday, {day} is a {day:%A}")
        if self.last is not None and self.last < self.start:
            raise ValueError("`weeks.last` lies before `weeks.start`")
        return self

    def keys(self, today: date) -> list[str]:
        """Monday dates of all weeks up to `last`, but none after the week of `today`."""
        current = today - timedelta(days=today.weekday())
        last = min(self.last or current, current)
        count = (last - self.start).days // 7 + 1
        return [(self.start + timedelta(weeks=index)).isoformat() for index in range(count)]


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
    verification: dict[str, Any] = Field(default_factory=dict)
    """Validated by `stages.verification.config.VerificationConfig`."""
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
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
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
        key = _key(first["loc"], data) or "the top level"
        if first["type"] == "extra_forbidden":
            message = "is not a known key; check its spelling or remove it"
        else:
            message = first["msg"].removeprefix("Value error, ")
        raise ProfileError(f"profile {name_or_path}, key {key}: {message}") from error


_PLAIN = ("string_type", "list_type")


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _key(location: tuple[int | str, ...], data: Any) -> str:
    """Dotted key of a validation error, without pydantic's names for the members of a union."""
    parts: list[str] = []
    for part in location:
        known = isinstance(data, dict) and part in data
        if not known and (not isinstance(data, dict | list) or part in ("str", "Marker")):
            continue
        parts.append(str(part))
        listed = isinstance(data, list) and isinstance(part, int) and part < len(data)
        data = cast("Any", data)[part] if known or listed else {}
    return ".".join(parts)
