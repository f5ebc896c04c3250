"""Selection of the SFT dataset: one response a prompt, then the corpus-wide rules (AM 2.2.3).

Which response is chosen: the source's own if it passed; else, of the distilled ones that passed,
the one with the highest score, then the fewest tokens, then the smallest response id.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.ledger import held
from am_assets.core.protocol import parse_response
from am_assets.core.schema import DROPPED, KEPT, SFT, dumps, kept
from am_assets.core.settings.training import Sft
from am_assets.core.settings.verification import FromDistribution
from am_assets.stages.training.perplexity import PerplexityOf
from am_assets.stages.training.score_thresholds import Threshold, summary, thresholds
from am_assets.stages.training.template_text import TemplateText, template_text

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
    """The tables of every source and of all weeks up to the one selected for.

    Of `prompts` a row may come again, of the week that it returned to (see `stages.returning`).
    """

    prompts: pa.Table
    labels: pa.Table
    existing_verdicts: pa.Table
    responses: pa.Table
    verdicts: pa.Table
    verified: pa.Table


class Selection(NamedTuple):
    """The SFT table, and how the scores of its chat responses lay to their threshold.

    `chat` is for a manifest's counts: `scores` in equal bins of 0..1 and `thresholds` by group;
    empty where no response was rated.
    """

    table: pa.Table
    chat: dict[str, Any]


def select(
    week: str,
    candidates: Candidates,
    superseded: pa.Table,
    config: Sft,
    chat_threshold: float | FromDistribution,
    count_tokens: Callable[[str], int],
    perplexity: PerplexityOf | None = None,
) -> Selection:
    """One row for every kept sample of `candidates.verified` up to `week`.

    Dropped reasons: `superseded` (a newer version of the upstream row is in `superseded`, schema
    SUPERSEDED), `low_reward` (a chat response below a threshold from the distribution of scores;
    a number was applied by verification), `template_text`, `perplexity` (of prompt and answer
    above `config.perplexity_limit`, scored by `perplexity`). The rules look at what is left of
    the corpus after the rule before them. Raises ValueError when a limit is set without a model.
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
    rated = _rated(candidates, {key: row for key, row in rows.items() if key not in newer})
    low, chat = _low_rewards(rated, chat_threshold)
    gone = newer.keys() | low.keys()
    current = {key: row["response"] for key, row in rows.items() if key not in gone}
    templates = template_text(
        lambda: iter(current.items()), config.template_tokens, config.template_occurrences
    )

    def selected() -> Iterator[dict[str, Any]]:
        for sample_id, row in rows.items():
            if sample_id in newer:
                yield row | _dropped("superseded", {"superseded_by": newer[sample_id]})
            elif sample_id in low:
                yield row | _dropped("low_reward", low[sample_id])
            elif sample_id in templates:
                yield row | _template(templates[sample_id])
            elif config.perplexity_limit is not None and perplexity is not None:
                value = perplexity(sample_id, row["prompt"], _answer(row["response"]))
                limit = config.perplexity_limit
                fate = {"perplexity": round(value, 3), "limit": limit}
                yield row | (_dropped("perplexity", fate) if value > limit else {})
            else:
                yield row

    return Selection(SFT.table(selected()), chat)


class _Rated(NamedTuple):
    source: str
    week: str
    score: float


def _rated(candidates: Candidates, rows: Mapping[str, Mapping[str, Any]]) -> dict[str, _Rated]:
    """The scores of the chat responses among `rows`, by sample id."""
    chosen = {row["response_id"]: row for row in rows.values() if row["kind"] == "chat"}
    rated: dict[str, _Rated] = {}
    for table in (candidates.existing_verdicts, candidates.verdicts):
        of_these = pc.field("response_id").isin(pa.array(list(chosen), pa.string()))
        for verdict in kept(table).filter(of_these).select(["response_id", "score"]).to_pylist():
            row = chosen[verdict["response_id"]]
            rated[row["sample_id"]] = _Rated(row["source"], row["week"], verdict["score"])
    return rated


def _low_rewards(
    rated: Mapping[str, _Rated], threshold: float | FromDistribution
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Evidence of the samples below a threshold from the distribution, and all scores' summary."""
    scores = [one.score for one in rated.values()]
    if not scores:
        return {}, {}
    if not isinstance(threshold, FromDistribution):
        return {}, summary(scores, threshold)
    groups = {key: _group(one, threshold.over) for key, one in rated.items()}
    decided = thresholds(
        ((groups[key], one.score) for key, one in rated.items()), threshold.keep_top
    )
    low = {
        key: _evidence(one.score, threshold, groups[key], decided[groups[key]])
        for key, one in rated.items()
        if one.score < decided[groups[key]].value
    }
    return low, summary(scores, decided)


def _group(rated: _Rated, over: str) -> str:
    return {
        "corpus": "corpus",
        "source": rated.source,
        "source_week": f"{rated.source}|{rated.week}",
    }[over]


def _evidence(
    score: float, threshold: FromDistribution, group: str, decided: Threshold
) -> dict[str, Any]:
    return {
        "score": score,
        "threshold": decided.value,
        "keep_top": threshold.keep_top,
        "of": group,
        "rows": decided.rows,
    }


def _chosen(
    verified: pa.Table, candidates: Candidates, count_tokens: Callable[[str], int]
) -> dict[str, dict[str, Any]]:
    """Kept rows of SFT by sample id, each with the response its sample is taught."""
    outcomes = {
        row["sample_id"]: row
        for row in verified.select(
            ["sample_id", "week", "existing_passed", "pass_rate"]
        ).to_pylist()
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
        if row["week"] != outcomes[sample_id]["week"]:
            continue  # decided again in another week
        if outcomes[sample_id]["existing_passed"]:
            row |= {
                "response_id": held(existing, sample_id, "existing_verdicts", "verified"),
                "response": own,
                "origin": "upstream",
                "responder": row["source"],
                "response_tokens": count_tokens(own),
            }
        else:
            row |= held(best, sample_id, "responses", "verified")
        rows[sample_id] = (
            row
            | held(labels, sample_id, "labels", "verified")
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
