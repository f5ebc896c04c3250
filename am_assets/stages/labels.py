"""Labels by an instruct model, and down-sampling by difficulty (AM 2.1.2, 2.1.3, 2.2.4)."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, get_args

import pyarrow as pa

from am_assets.core.config import Difficulty, Labels
from am_assets.core.identity import uniform
from am_assets.core.requests import GenerationEngine, Sampling, generation_request
from am_assets.core.schema import DROPPED, KEPT, LABELS, PENDING, dumps
from am_assets.stages.asking import ask, bounded
from am_assets.stages.language import detect_language

DIFFICULTIES: tuple[str, ...] = get_args(Difficulty)
UNPARSED_CATEGORY = "others"
_FIELD = r"{name}\W*?:\W*([A-Za-z][A-Za-z \-]*)"
_CATEGORY = re.compile(_FIELD.format(name="category"), re.IGNORECASE)
_DIFFICULTY = re.compile(_FIELD.format(name="difficulty"), re.IGNORECASE)


class Label(NamedTuple):
    """What an instruct model says of a prompt."""

    category: str
    difficulty: str


def label_samples(
    prompts: pa.Table,
    engine: GenerationEngine | None,
    config: Labels,
    count_tokens: Callable[[str], int],
) -> pa.Table:
    """Label every row of `prompts` (schema PROMPTS, the ones dedup kept); a LABELS table.

    Asked greedily first; a reply that cannot be read is asked once more with sampling, then the
    sample is kept as category "others" without a difficulty. An engine error leaves it pending.
    Of each difficulty the share `config.keep` names is kept, by a draw that follows from the
    sample id alone. Without an engine nothing is labelled and everything kept.
    """
    rows = prompts.select(["sample_id", "source", "week", "prompt"]).to_pylist()
    labels: dict[str, Label | None] = {}
    errors: dict[str, str] = {}
    if engine is not None:
        texts = {row["sample_id"]: row["prompt"] for row in rows}
        for sample_index in (0, 1):
            unread = {key: text for key, text in texts.items() if not labels.get(key)}
            for sample_id, reply, error in _replies(engine, config, unread, sample_index):
                labels[sample_id] = None if error else parse_label(reply, config.categories)
                if error:
                    errors[sample_id] = error
                else:
                    errors.pop(sample_id, None)

    def labelled() -> Iterator[dict[str, Any]]:
        for row in rows:
            sample_id, prompt = row["sample_id"], row.pop("prompt")
            row |= {
                "language": detect_language(prompt),
                "prompt_tokens": count_tokens(prompt),
                "decision": KEPT,
            }
            if engine is not None:
                row |= {
                    "engine": engine.model.engine,
                    "engine_version": engine.model.engine_version,
                    **_fate(sample_id, labels[sample_id], errors.get(sample_id), config),
                }
            yield row

    return LABELS.table(labelled())


def parse_label(reply: str, categories: list[str]) -> Label | None:
    """Read `category: …` and `difficulty: …` lines; None unless both name something known."""
    category = _read(_CATEGORY, reply, categories)
    difficulty = _read(_DIFFICULTY, reply, DIFFICULTIES)
    return Label(category, difficulty) if category and difficulty else None


def keeps(sample_id: str, difficulty: str | None, keep: Mapping[Difficulty, float]) -> bool:
    """Whether down-sampling keeps a sample; the draw depends on its id alone."""
    shares = {str(name): share for name, share in keep.items()}
    if difficulty is None or difficulty not in shares:
        return True
    return uniform("down_sample", sample_id) < shares[difficulty]


def _replies(
    engine: GenerationEngine, config: Labels, texts: Mapping[str, str], sample_index: int
) -> Iterator[tuple[str, str, str | None]]:
    sampling = Sampling(
        temperature=0.6 if sample_index else 0.0,
        top_p=0.95 if sample_index else 1.0,
        max_tokens=config.max_tokens,
    )
    wanted = (
        (
            sample_id,
            generation_request(
                engine,
                [{"role": "user", "content": config.template.replace("{prompt}", text)}],
                sampling,
                sample_index,
            ),
        )
        for sample_id, text in texts.items()
    )
    for sample_id, _, completion in ask(engine, wanted):
        yield sample_id, completion.text, completion.error


def _fate(
    sample_id: str, label: Label | None, error: str | None, config: Labels
) -> dict[str, str | None]:
    if error is not None:
        evidence = dumps({"error": bounded(error)})
        return {"decision": PENDING, "reason": "label_engine_error", "evidence": evidence}
    if label is None:
        return {"category": UNPARSED_CATEGORY, "evidence": dumps({"unparsed": True})}
    if keeps(sample_id, label.difficulty, config.keep):
        return label._asdict()
    return {
        **label._asdict(),
        "decision": DROPPED,
        "reason": "down_sampled",
        "evidence": dumps({"difficulty": label.difficulty}),
    }


def _read(pattern: re.Pattern[str], reply: str, known: list[str] | tuple[str, ...]) -> str | None:
    match = pattern.search(reply)
    if match is None:
        return None
    said = " ".join(match.group(1).casefold().split())
    return next((name for name in known if name.casefold() == said), None)
