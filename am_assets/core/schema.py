"""Arrow schemas of every artifact's tables: the contracts between stages.

Each column is an identity column (part of the artifact's root) or a provenance column (engine and
version, upstream file and row: kept, but two artifacts that differ only there are the same).
Timings and run ids appear in neither; they live in Dagster's events.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.identity import ROLE

KEPT, DROPPED, PENDING = "kept", "dropped", "pending"


def _identity(name: str, kind: pa.DataType, doc: str) -> pa.Field:
    return pa.field(name, kind, metadata={ROLE: b"identity", b"doc": doc.encode()})


def _provenance(name: str, kind: pa.DataType, doc: str) -> pa.Field:
    return pa.field(name, kind, metadata={ROLE: b"provenance", b"doc": doc.encode()})


@dataclass(frozen=True)
class TableSchema:
    """One table of an artifact: its Arrow schema, the id column rows are sorted by, a version."""

    name: str
    version: int
    id_column: str
    arrow: pa.Schema

    def table(self, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
        """Rows (mappings; absent columns are null) as one sorted, single-chunk table.

        Raises KeyError for a column the schema does not have.
        """
        listed = sorted(rows, key=lambda row: row[self.id_column])
        names = set(self.arrow.names)
        for row in listed:
            if not names.issuperset(row):
                unknown = ", ".join(sorted(set(row) - names))
                raise KeyError(f"table {self.name} has no column {unknown}")
        columns = [
            pa.array([row.get(field.name) for row in listed], type=field.type)
            for field in self.arrow
        ]
        return pa.Table.from_arrays(columns, schema=self.arrow)

    @property
    def has_fate(self) -> bool:
        """Whether rows carry a decision, and so enter the ledger."""
        return "decision" in self.arrow.names

    @property
    def has_sample_fate(self) -> bool:
        """Whether there is one row a sample, with its decision."""
        return self.has_fate and self.id_column == "sample_id"


_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_OCCURRENCES = pa.list_(
    pa.struct(
        [
            ("file", pa.string()),
            ("row", pa.int64()),
            ("file_sha256", pa.string()),
            ("upstream_key", pa.string()),
        ]
    )
)
_FATE = [
    _identity("decision", pa.string(), "kept, dropped or pending"),
    _identity("reason", pa.string(), "named reason of a drop, or cause of a pending row"),
    _identity("evidence", pa.string(), "JSON: twin and similarity, benchmark item and score, …"),
]
_SAMPLE = [
    _identity("sample_id", pa.string(), "hash(scheme, source, canonical mapped record)"),
    _identity("source", pa.string(), "name of the source in the profile"),
    _identity("week", pa.string(), "Monday of the week that captured the sample, ISO date"),
]
_CONTENT = [
    _identity("kind", pa.string(), "math, code, science, instruction or chat"),
    _identity("prompt", pa.string(), "what the user asks, as one text"),
    _identity("messages", _MESSAGES, "the turns a model is asked to continue"),
    _identity("reference_answer", pa.string(), "reference answer of the source"),
    _identity("test_case", pa.string(), "JSON test case: stdin_stdout, function or asserts"),
    _identity("constraints", pa.string(), "JSON list of IFEval constraints"),
    _identity("existing_response", pa.string(), "response that came with the source"),
    _identity("recorded_verdict", pa.bool_(), "whether upstream calls that response right"),
    _identity("upstream_key", pa.string(), "the source's own key of the row"),
    _identity("supersedes", pa.string(), "sample_id of the older version of this upstream row"),
]
_ENGINE = [
    _provenance("engine", pa.string(), "engine that answered"),
    _provenance("engine_version", pa.string(), "its version"),
]
_VERDICT = [
    _identity("response_id", pa.string(), "the response judged"),
    *_SAMPLE,
    _identity("kind", pa.string(), "kind of check"),
    _identity("status", pa.string(), "pass, fail, unverifiable or error"),
    _identity("score", pa.float64(), "0..1, null unless pass or fail"),
    _identity("verifier", pa.string(), "which verifier decided"),
    _identity("verifier_version", pa.string(), "its version"),
    *_FATE,
    _provenance("conditions", pa.string(), "JSON: isolation tier and runtime of a program judged"),
]
_ANSWERED = [
    _identity("request_key", pa.string(), "hash of what determines the answer"),
    _identity("sample_index", pa.int32(), "0-based index among the prompt's samples"),
    _identity("text", pa.string(), "the completion, decoded"),
    _identity("token_ids", pa.list_(pa.int32()), "the completion's tokens"),
    _identity("finish_reason", pa.string(), "stop or length"),
    _identity("model_digest", pa.string(), "digest of the weights, tokenizer and config"),
    _identity("seed", pa.int64(), "the request's seed"),
    _identity("prompt_tokens", pa.int32(), "tokens of the rendered prompt"),
    _identity("completion_tokens", pa.int32(), "tokens of the completion"),
]
_ASKED = [
    _provenance("sampling", pa.string(), "JSON: temperature, top_p and max_tokens asked with"),
    *_ENGINE,
]

RAW = TableSchema(
    "raw_prompts",
    3,
    "sample_id",
    pa.schema(
        [
            *_SAMPLE,
            *_CONTENT,
            _identity("content_hash", pa.string(), "keyed hash of what the prompt says"),
            _identity("upstream_keys", pa.list_(pa.string()), "keys of the sample's upstream rows"),
            _identity("rows", pa.int32(), "upstream rows that are this sample"),
            _identity("change", pa.string(), "new, changed or repeated against earlier weeks"),
            *_FATE,
            _provenance("occurrences", _OCCURRENCES, "every upstream row that is this sample"),
        ]
    ),
)
VANISHED = TableSchema(
    "vanished",
    1,
    "sample_id",
    pa.schema([_identity("sample_id", pa.string(), "captured earlier, no longer upstream")]),
)
PROMPTS = TableSchema(
    "prompts",
    2,
    "sample_id",
    pa.schema(
        [
            *_SAMPLE,
            *_CONTENT,
            _identity("prompt_hash", pa.string(), "hash of the normalised prompt"),
            *_FATE,
        ]
    ),
)
RETURNED = TableSchema(
    "returned",
    1,
    "sample_id",
    pa.schema(
        [
            *PROMPTS.arrow,
            _identity("from_week", pa.string(), "week of the decision that this one replaces"),
            _identity("from_stage", pa.string(), "stage that decided then: it dropped the row"),
            _identity("from_reason", pa.string(), "why: the kind of duplicate"),
            _identity("from_twin", pa.string(), "sample_id of the twin that is gone"),
        ]
    ),
)
"""Rows of earlier weeks that `deduplicated` decides again: PROMPTS of the week they return to."""
TAKEDOWNS = TableSchema(
    "takedowns",
    2,
    "sample_id",
    pa.schema(
        [
            _identity("sample_id", pa.string(), "sample taken down, or content: and its hash"),
            _identity("content_hash", pa.string(), "its hash; null until a capture has it"),
        ]
    ),
)
DEDUPLICATED = TableSchema("deduplicated", 1, "sample_id", pa.schema([*_SAMPLE, *_FATE]))
SUPERSEDED = TableSchema(
    "superseded",
    1,
    "sample_id",
    pa.schema(
        [
            _identity("sample_id", pa.string(), "older version of an upstream row"),
            _identity("superseded_by", pa.string(), "sample_id of its newer version"),
        ]
    ),
)
LABELS = TableSchema(
    "labels",
    1,
    "sample_id",
    pa.schema(
        [
            *_SAMPLE,
            _identity("category", pa.string(), "task category, null without an instruct model"),
            _identity("difficulty", pa.string(), "very easy to very hard, null likewise"),
            _identity("language", pa.string(), "zh, en or other"),
            _identity("prompt_tokens", pa.int32(), "tokens of the prompt"),
            *_FATE,
            *_ENGINE,
        ]
    ),
)
EXISTING_VERDICTS = TableSchema("existing_verdicts", 2, "response_id", pa.schema(_VERDICT))
RESPONSES = TableSchema(
    "responses",
    3,
    "response_id",
    pa.schema(
        [
            _identity("response_id", pa.string(), "hash(sample_id, request_key)"),
            *_SAMPLE,
            *_ANSWERED,
            _identity("model", pa.string(), "the weights' name, wherever they lie: who answered"),
            *_ASKED,
            *_FATE,
        ]
    ),
)
VERDICTS = TableSchema("verdicts", 2, "response_id", pa.schema(_VERDICT))
VERIFIED = TableSchema(
    "verified",
    1,
    "sample_id",
    pa.schema(
        [
            *_SAMPLE,
            _identity("kind", pa.string(), "math, code, science, instruction or chat"),
            _identity("responses", pa.int32(), "distilled responses that were judged"),
            _identity("passed", pa.int32(), "how many of them passed"),
            _identity("pass_rate", pa.float64(), "passed / responses; null without responses"),
            _identity("score_cv", pa.float64(), "coefficient of variation of the scores"),
            _identity("existing_passed", pa.bool_(), "the source's own response passed"),
            *_FATE,
        ]
    ),
)
SFT = TableSchema(
    "sft_dataset",
    1,
    "sample_id",
    pa.schema(
        [
            *_SAMPLE,
            _identity("kind", pa.string(), "math, code, science, instruction or chat"),
            _identity("prompt", pa.string(), "what the user asks, as one text"),
            _identity("messages", _MESSAGES, "the turns before the response"),
            _identity("reference_answer", pa.string(), "reference answer of the source"),
            _identity("test_case", pa.string(), "JSON test case"),
            _identity("response_id", pa.string(), "the chosen response"),
            _identity("response", pa.string(), "its text: one think and one answer block"),
            _identity("origin", pa.string(), "upstream (came with the source) or distilled"),
            _identity("responder", pa.string(), "source or model that answered"),
            _identity("category", pa.string(), "task category"),
            _identity("difficulty", pa.string(), "very easy to very hard"),
            _identity("language", pa.string(), "zh, en or other"),
            _identity("prompt_tokens", pa.int32(), "tokens of the prompt"),
            _identity("response_tokens", pa.int32(), "tokens of the response"),
            _identity("pass_rate", pa.float64(), "share of the teacher's samples that passed"),
            *_FATE,
        ]
    ),
)
BENCHMARKS = TableSchema(
    "benchmarks",
    1,
    "item_id",
    pa.schema(
        [
            _identity("item_id", pa.string(), "benchmark/upstream id"),
            _identity("benchmark", pa.string(), "name of the benchmark in the profile"),
            _identity("kind", pa.string(), "kind of check its answers get"),
            _identity("prompt", pa.string(), "the problem"),
            _identity("reference_answer", pa.string(), "reference answer"),
            _identity("test_case", pa.string(), "JSON test case"),
            _identity("constraints", pa.string(), "JSON list of IFEval constraints"),
            _identity("vector", pa.list_(pa.float32()), "unit embedding of the problem"),
        ]
    ),
)
ANSWERS = TableSchema(
    "benchmark_answers",
    2,
    "answer_id",
    pa.schema(
        [
            _identity("answer_id", pa.string(), "hash(item_id, request_key)"),
            _identity("item_id", pa.string(), "benchmark item"),
            _identity("benchmark", pa.string(), "name of the benchmark"),
            *_ANSWERED,
            _provenance("model", pa.string(), "the model's name in the profile"),
            *_ASKED,
            *_FATE,
        ]
    ),
)
ANSWER_VERDICTS = TableSchema(
    "answer_verdicts",
    1,
    "answer_id",
    pa.schema(
        [
            _identity("answer_id", pa.string(), "the answer judged"),
            _identity("item_id", pa.string(), "benchmark item"),
            _identity("benchmark", pa.string(), "name of the benchmark"),
            _identity("strict", pa.string(), "verdict status with the format required"),
            _identity("lenient", pa.string(), "verdict status of the text whatever its format"),
            *_FATE,
        ]
    ),
)
SCORES = TableSchema(
    "scores",
    1,
    "score_id",
    pa.schema(
        [
            _identity("score_id", pa.string(), "benchmark/metric"),
            _identity("benchmark", pa.string(), "name of the benchmark, or mean"),
            _identity("metric", pa.string(), "strict or lenient"),
            _identity("pass_at_1", pa.float64(), "mean over samples of the items, 0..1"),
            _identity("ci_low", pa.float64(), "lower end of the 95 % confidence interval"),
            _identity("ci_high", pa.float64(), "upper end"),
            _identity("items", pa.int32(), "items scored"),
            _identity("samples", pa.int32(), "answers scored"),
            _identity("missing", pa.int32(), "answers without a verdict: not in the mean"),
        ]
    ),
)
RELEASE = TableSchema(
    "release",
    1,
    "sample_id",
    pa.schema(
        [
            *_SAMPLE,
            _identity("response_id", pa.string(), "the released response"),
            _identity("file", pa.string(), "which of the two files holds it"),
            _identity("line_sha256", pa.string(), "hash of its line"),
        ]
    ),
)


def embedding_schema(dimension: int) -> TableSchema:
    """Schema of `embedding_index` for vectors of `dimension` float32."""
    return TableSchema(
        "embedding_index",
        1,
        "sample_id",
        pa.schema(
            [
                *_SAMPLE,
                _identity("prompt_hash", pa.string(), "hash of the normalised prompt"),
                _identity("vector", pa.list_(pa.float32(), dimension), "unit-length embedding"),
                _identity("pieces", pa.int32(), "windows a long prompt was embedded in"),
            ]
        ),
    )


def returned_vectors_schema(dimension: int) -> TableSchema:
    """Schema of the vectors of RETURNED rows, of `dimension` float32."""
    columns = embedding_schema(dimension).arrow
    names = ("sample_id", "source", "week", "prompt_hash", "vector")
    arrow = pa.schema([columns.field(name) for name in names])
    return TableSchema("returned_vectors", 1, "sample_id", arrow)


def dumps(value: Any) -> str | None:
    """JSON text for the schemas' JSON columns; None stays null.

    A lone surrogate, which a program or a server can say and Arrow cannot hold, becomes "?".
    """
    if value is None:
        return None
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text.encode("utf-8", "replace").decode()


def kept(table: pa.Table, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows downstream reads: those whose decision is kept."""
    selected = table.filter(pc.field("decision") == KEPT)
    return selected if columns is None else selected.select(list(columns))
