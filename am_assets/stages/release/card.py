"""The dataset card of a release: README.md with the front matter that dataset hubs read."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import yaml

from am_assets.core.schema import kept
from am_assets.stages.release.files import file_names

DIFFICULTIES = ("very easy", "easy", "medium", "hard", "very hard")
_LENGTHS = (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
_CONFIGS = {"upstream": "open", "distilled": "distilled"}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True)
class LedgerRow:
    """Fates of one stage's rows of one week, as counted by the ledger."""

    week: str
    stage: str
    rows_in: int
    kept: int
    dropped: Mapping[str, int]
    pending: Mapping[str, int]


@dataclass(frozen=True)
class Card:
    """What a card tells beyond the SFT dataset itself. `licences` is by source.

    `verified` holds the outcomes (schema VERIFIED) for the teacher's pass rates; `scores` the
    scores (schema SCORES) by recipe. `sections` are further (heading, Markdown) pairs.
    """

    name: str
    title: str
    licences: Mapping[str, str]
    verified: pa.Table | None = None
    ledger: Sequence[LedgerRow] = ()
    scores: Mapping[str, pa.Table] = field(default_factory=dict)
    sections: Sequence[tuple[str, str]] = ()


def dataset_card(sft: pa.Table, card: Card) -> str:
    """README.md for the kept rows of `sft` (schema SFT). Holds counts only, no sample text."""
    columns = [
        "source",
        "kind",
        "category",
        "difficulty",
        "language",
        "reference_answer",
        "test_case",
        "origin",
        "prompt_tokens",
        "response_tokens",
    ]
    rows = kept(sft, columns).to_pylist()
    parts = [
        _front_matter(rows, card),
        f"# {card.title}",
        f"{len(rows)} verified samples, each a prompt and one response with a thinking and an "
        "answer block.",
        "## Files",
        _files(rows, card.name),
        "## Format",
        _FORMAT,
        "## Contents",
        *_contents(rows, card.licences),
    ]
    if card.verified is not None:
        parts += ["## Pass rate of the teacher", _pass_rates(card.verified)]
    if card.ledger:
        parts += ["## Ledger", _ledger(card.ledger)]
    if card.scores:
        parts += ["## Scores", _SCORE_NOTE, _scores(card.scores)]
    for heading, body in card.sections:
        parts += [f"## {heading}", body.strip()]
    return "\n\n".join(parts) + "\n"


_FORMAT = """\
Each line is one sample, as in AM-DeepSeek-R1-Distilled (arXiv 2503.19633):

```json
{"messages": [
  {"role": "user", "content": "…", "info": {"source": "…", "reference_answer": "…", \
"test_case": null, "think_content": null, "answer_content": null}},
  {"role": "assistant", "content": "<think>…</think><answer>…</answer>", "info": {"source": "…", \
"reference_answer": null, "test_case": null, "think_content": "…", "answer_content": "…"}}
]}
```

The `source` of a user turn is where the prompt comes from, that of an assistant turn who answered;
`test_case` is JSON text."""
_INFO_KEYS = ("source", "reference_answer", "test_case", "think_content", "answer_content")
_FEATURES = [
    {
        "name": "messages",
        "list": [
            {"name": "role", "dtype": "string"},
            {"name": "content", "dtype": "string"},
            {"name": "info", "struct": [{"name": key, "dtype": "string"} for key in _INFO_KEYS]},
        ],
    }
]
_SCORE_NOTE = (
    "pass@1 in percent, mean over the samples of each problem, with its 95 % confidence interval. "
    "Strict counts only answers in the response format, lenient judges the text whatever its "
    "format. Missing answers have no verdict and are not in the mean."
)


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _front_matter(rows: Sequence[Mapping[str, Any]], card: Card) -> str:
    present = {row["source"] for row in rows}
    licences = sorted({card.licences[name].lower() for name in present if name in card.licences})
    names = file_names(card.name)
    origins = [origin for origin in names if any(row["origin"] == origin for row in rows)]
    configs = {_CONFIGS[origin]: [names[origin]] for origin in origins}
    if len(origins) > 1:
        configs = {"all": [names[origin] for origin in origins]} | configs
    size = next((label for limit, label in _SIZES if len(rows) < limit), "n>1M")
    matter: dict[str, Any] = {
        "pretty_name": card.title,
        "license": licences or ["unknown"],
        "language": sorted({row["language"] for row in rows} & {"en", "zh"}),
        "task_categories": ["text-generation"],
        "size_categories": [size],
        "tags": ["reasoning", "distillation", "verified"],
        "configs": [
            {"config_name": config, "data_files": [{"split": "train", "path": paths}]}
            for config, paths in configs.items()
        ],
        # Stated, since a column that is null in the first lines would be inferred to be null.
        "dataset_info": [{"config_name": config, "features": _FEATURES} for config in configs],
    }
    text = yaml.dump(matter, Dumper=_NoAliases, sort_keys=False, allow_unicode=True)
    return f"---\n{text}---"


def _files(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    counts = Counter(row["origin"] for row in rows)
    meaning = {
        "upstream": "responses that came with the sources",
        "distilled": "responses distilled from the teacher",
    }
    names = file_names(name)
    return table(
        ("file", "responses", "samples"),
        [(f"`{names[origin]}`", meaning[origin], counts[origin]) for origin in names],
    )


def _contents(rows: Sequence[Mapping[str, Any]], licences: Mapping[str, str]) -> list[str]:
    sources = Counter(row["source"] for row in rows)
    by_source = table(
        ("source", "licence", "samples", "share"),
        [
            (name, licences.get(name, "unknown"), count, _share(count, len(rows)))
            for name, count in sorted(sources.items())
        ],
    )
    return [
        by_source,
        _shares("kind", rows, lambda row: row["kind"]),
        _shares("category", rows, lambda row: row["category"] or "not labelled"),
        _shares("difficulty", rows, lambda row: row["difficulty"] or "not labelled", DIFFICULTIES),
        _shares("language", rows, lambda row: row["language"] or "unknown"),
        _shares("checked against", rows, _reference_type),
        _shares("tokens (prompt and response)", rows, _length, [*map(_bucket, _LENGTHS)]),
    ]


def _reference_type(row: Mapping[str, Any]) -> str:
    if row["test_case"] is not None:
        return "test cases"
    return "neither" if row["reference_answer"] is None else "reference answer"


def _length(row: Mapping[str, Any]) -> str:
    tokens = (row["prompt_tokens"] or 0) + (row["response_tokens"] or 0)
    return next((_bucket(limit) for limit in _LENGTHS if tokens < limit), f">= {_LENGTHS[-1]}")


def _bucket(limit: int) -> str:
    return f"< {limit}"


def _shares(
    heading: str,
    rows: Sequence[Mapping[str, Any]],
    value: Callable[[Mapping[str, Any]], str],
    order: Sequence[str] = (),
) -> str:
    counts = Counter(value(row) for row in rows)
    names = [name for name in order if name in counts]
    names += sorted(set(counts) - set(names))
    return table(
        (heading, "samples", "share"),
        [(name, counts[name], _share(counts[name], len(rows))) for name in names],
    )


def _pass_rates(verified: pa.Table) -> str:
    responses: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for row in verified.select(["kind", "responses", "passed"]).to_pylist():
        responses[row["kind"]] += row["responses"] or 0
        passed[row["kind"]] += row["passed"] or 0
    return table(
        ("kind", "judged responses", "passed", "pass rate"),
        [
            (kind, count, passed[kind], _share(passed[kind], count))
            for kind, count in sorted(responses.items())
            if count
        ],
    )


def _ledger(ledger: Sequence[LedgerRow]) -> str:
    def reasons(counts: Mapping[str, int]) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "0"

    return table(
        ("week", "stage", "rows in", "kept", "dropped", "pending"),
        [
            (row.week, row.stage, row.rows_in, row.kept, reasons(row.dropped), reasons(row.pending))
            for row in ledger
        ],
    )


def _scores(scores: Mapping[str, pa.Table]) -> str:
    listed = []
    for recipe, rows in scores.items():
        for row in rows.to_pylist():
            mean, low, high = row["pass_at_1"], row["ci_low"], row["ci_high"]
            said = "no verdict"
            if mean is not None:
                said = f"{100 * mean:.1f} ({100 * low:.1f} to {100 * high:.1f})"
            counts = (row["items"], row["samples"], row["missing"])
            listed.append((recipe, row["benchmark"], row["metric"], said, *counts))
    return table(
        ("recipe", "benchmark", "metric", "pass@1", "problems", "answers", "missing"), listed
    )


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "0.0 %"
