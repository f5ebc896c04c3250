"""Selection of the SFT dataset: one response a prompt, then the corpus-wide rules (AM 2.2.3).

Which response is chosen: the source's own if it passed; else, of the distilled ones that passed,
the one with the highest score, then the fewest tokens, then the smallest response id.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.config import Sft
from am_assets.core.protocol import parse_response
from am_assets.core.schema import DROPPED, KEPT, SFT, dumps, kept
from am_assets.stages.corpus_rules import TemplateText, template_text
from am_assets.stages.perplexity import PerplexityOf

_PROMPT_COLUMNS = (
    "sample_id",
    "source",
    "week",
    "kind",
    "prompt",
    "messages",
    "reference_answer",
    "test_case",
    "existing_response",
)


class Candidates(NamedTuple):
    """The tables of every source and of all weeks up to the one selected for."""

    prompts: pa.Table
    labels: pa.Table
    existing_verdicts: pa.Table
    responses: pa.Table
    verdicts: pa.Table
    verified: pa.Table


def select(
    week: str,
    candidates: Candidates,
    superseded: pa.Table,
    config: Sft,
    count_tokens: Callable[[str], int],
    perplexity: PerplexityOf | None = None,
) -> pa.Table:
    """One row for every kept sample of `candidates.verified` up to `week`; an SFT table.

    Dropped reasons: `superseded` (a newer version of the upstream row is in `superseded`, schema
    SUPERSEDED), `template_text`, `perplexity` (of prompt and answer above
    `config.perplexity_limit`, scored by `perplexity`). The rules look at what is left of the
    corpus after the rule before them. Raises ValueError when a limit is set without a model.
    """
    if config.perplexity_limit is not None and perplexity is None:
        raise ValueError(
            "sft.perplexity_limit needs a model to score with: set models.reference in the profile"
        )
    newer = dict(
        zip(
            superseded["sample_id"].to_pylist(),
            superseded["superseded_by"].to_pylist(),
            strict=True,
        )
    )
    verified = kept(candidates.verified)
    verified = verified.filter(pc.field("week") <= week)
    rows = _chosen(verified, candidates, count_tokens)
    current = {key: row["response"] for key, row in rows.items() if key not in newer}
    templates = template_text(
        lambda: iter(current.items()), config.template_tokens, config.template_occurrences
    )

    def selected() -> Iterator[dict[str, Any]]:
        for sample_id, row in rows.items():
            if sample_id in newer:
                yield row | _dropped("superseded", {"superseded_by": newer[sample_id]})
            elif sample_id in templates:
                yield row | _template(templates[sample_id])
            elif config.perplexity_limit is not None and perplexity is not None:
                value = perplexity(sample_id, row["prompt"], _answer(row["response"]))
                limit = config.perplexity_limit
                fate = {"perplexity": round(value, 3), "limit": limit}
                yield row | (_dropped("perplexity", fate) if value > limit else {})
            else:
                yield row

    return SFT.table(selected())


def _chosen(
    verified: pa.Table, candidates: Candidates, count_tokens: Callable[[str], int]
) -> dict[str, dict[str, Any]]:
    """Kept rows of SFT by sample id, each with the response its sample is taught."""
    outcomes = {
        row["sample_id"]: row
        for row in verified.select(["sample_id", "existing_passed", "pass_rate"]).to_pylist()
    }
    of_these = pc.field("sample_id").isin(pa.array(list(outcomes), pa.string()))

    def of_samples(table: pa.Table, columns: tuple[str, ...]) -> list[dict[str, Any]]:
        return table.filter(of_these).select(list(columns)).to_pylist()

    labels = {
        row["sample_id"]: row
        for row in of_samples(
            candidates.labels,
            ("sample_id", "category", "difficulty", "language", "prompt_tokens"),
        )
    }
    existing = {
        row["sample_id"]: row["response_id"]
        for row in of_samples(kept(candidates.existing_verdicts), ("sample_id", "response_id"))
    }
    best = _best_distilled(kept(candidates.verdicts), candidates.responses, outcomes)
    rows: dict[str, dict[str, Any]] = {}
    for row in of_samples(candidates.prompts, _PROMPT_COLUMNS):
        sample_id, own = row["sample_id"], row.pop("existing_response")
        if outcomes[sample_id]["existing_passed"]:
            row |= {
                "response_id": existing[sample_id],
                "response": own,
                "origin": "upstream",
                "responder": row["source"],
                "response_tokens": count_tokens(own),
            }
        else:
            row |= best[sample_id]
        rows[sample_id] = (
            row
            | labels[sample_id]
            | {"pass_rate": outcomes[sample_id]["pass_rate"], "decision": KEPT}
        )
    return rows


def _best_distilled(
    passed: pa.Table, responses: pa.Table, samples: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Columns of the chosen distilled response, by sample id."""
    scores = {
        row["response_id"]: row["score"]
        for row in passed.select(["response_id", "sample_id", "score"]).to_pylist()
        if row["sample_id"] in samples
    }
    passing = pa.array(list(scores), pa.string())
    texts = responses.select(["response_id", "sample_id", "text", "token_ids", "model"])
    texts = texts.filter(pc.field("response_id").isin(passing))
    # Token ids are counted in Arrow: as Python lists they would not fit into memory.
    lengths = pc.call_function("list_value_length", [texts["token_ids"]])
    texts = texts.drop_columns(["token_ids"]).append_column("tokens", lengths)
    ranked: dict[str, tuple[tuple[float, int, str], dict[str, Any]]] = {}
    for row in texts.to_pylist():
        tokens = row["tokens"] or len(row["text"].split())
        rank = (-(scores[row["response_id"]] or 0.0), tokens, row["response_id"])
        if row["sample_id"] not in ranked or rank < ranked[row["sample_id"]][0]:
            columns = {
                "response_id": row["response_id"],
                "response": row["text"],
                "origin": "distilled",
                "responder": row["model"],
                "response_tokens": tokens,
            }
            ranked[row["sample_id"]] = (rank, columns)
    return {sample_id: columns for sample_id, (_, columns) in ranked.items()}


def _template(found: TemplateText) -> dict[str, Any]:
    return _dropped("template_text", {"text": found.text, "occurrences": found.occurrences})


def _dropped(reason: str, evidence: dict[str, Any]) -> dict[str, Any]:
    return {"decision": DROPPED, "reason": reason, "evidence": dumps(evidence)}


def _answer(response: str) -> str:
    blocks = parse_response(response)
    return blocks.answer if blocks else response
