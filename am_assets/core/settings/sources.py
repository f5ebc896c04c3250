"""Where upstream rows come from: sources and benchmarks."""

from datetime import date
from typing import Literal, Self, assert_never, get_args

from pydantic import Field, model_validator

from am_assets.core.settings.section import Section
from am_assets.core.verdict import Kind

SourceKind = Literal["hub", "files", "generated"]


def _is_pinned(kind: SourceKind) -> bool:
    """Whether upstream moves on under the same location, so that a revision must be named."""
    match kind:
        case "hub":
            return True
        case "files" | "generated":
            return False
    # A kind that is forgotten here is an error of types, and ends this module's import.
    assert_never(kind)


_PINNED = {kind: _is_pinned(kind) for kind in get_args(SourceKind)}


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

    kind: SourceKind
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
        if _PINNED[self.kind] and not self.revision:
            raise ValueError(f"a {self.kind} source needs a pinned `revision`")
        if self.retired is not None and self.retired.weekday() != 0:
            raise ValueError(f"`retired` must be a Monday, {self.retired} is a {self.retired:%A}")
        return self

    def retired_in(self, week: str) -> bool:
        """Whether nothing is captured in a week (its Monday, ISO date)."""
        return self.retired is not None and self.retired.isoformat() <= week


class Benchmark(Section):
    """One evaluation benchmark; every benchmark is also decontaminated against."""

    kind: SourceKind
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
        if _PINNED[self.kind] and not self.revision:
            raise ValueError(f"a {self.kind} benchmark needs a pinned `revision`")
        return self
