"""Labels by an instruct model, and down-sampling by difficulty (AM 2.1.2, 2.1.3, 2.2.4)."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, get_args

import pyarrow as pa

from am_assets.core.identity import uniform
from am_assets.core.memory import RowMemory
from am_assets.core.requests import (
    Completion,
    GenerationEngine,
    GenerationRequest,
    Sampling,
    generation_request,
)
from am_assets.core.schema import DROPPED, KEPT, dumps
from am_assets.core.settings.distillation import Difficulty, Labels
from am_assets.core.tables import stream_of
from am_assets.core.usage import Meter
from am_assets.stages.distillation.language import detect_language
from am_assets.stages.generation import Wanted, ask, failure_columns

COLUMNS = ("sample_id", "source", "week", "prompt")
"""What labelling reads of PROMPTS."""

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
    prompts: Callable[[], Iterable[pa.Table]],
    wanted: pa.Array,
    engine: GenerationEngine | None,
    memory: RowMemory,
    config: Labels,
    count_tokens: Callable[[str], int],
    write: Callable[[Mapping[str, Any]], None],
    meter: Meter,
) -> None:
    """`write` a LABELS row for each of the samples `wanted` (the ones dedup kept).

    `prompts` opens a stream of COLUMNS of (at least) these samples. Asked greedily first; a reply
    that cannot be read is asked once more with sampling, then the sample is kept as category
    "others" without a difficulty. A failed request leaves it pending. Of each difficulty the share
    `config.keep` names is kept, by a draw that follows from the sample id alone. Without an engine
    nothing is labelled and everything kept.
    """

    def label(row: dict[str, Any], fate: Mapping[str, Any]) -> None:
        prompt = row["prompt"]
        write(
            {
                **{name: row[name] for name in ("sample_id", "source", "week")},
                "language": detect_language(prompt),
                "prompt_tokens": count_tokens(prompt),
                "decision": KEPT,
                **fate,
            }
        )

    if engine is None:
        for row in stream_of(prompts(), wanted, COLUMNS):
            label(row, {})
        return

    unread: list[str] = []

    def answered(row: dict[str, Any], request: GenerationRequest, completion: Completion) -> None:
        answer = parse_label(completion.text, config.categories)
        if completion.error is None and answer is None and request.sample_index == 0:
            unread.append(row["sample_id"])
            return
        fate = _fate(row["sample_id"], answer, config)
        if completion.error is not None:
            fate = failure_columns(completion)
        answerer = completion.engine or engine.model.engine
        version = completion.engine_version or engine.model.engine_version
        label(row, {"engine": answerer, "engine_version": version, **fate})

    ask(engine, memory, _questions(engine, config, prompts(), wanted, 0), answered, meter)
    if unread:
        again = pa.array(unread, pa.string())
        meter.total = (meter.total or 0) + len(again)
        ask(engine, memory, _questions(engine, config, prompts(), again, 1), answered, meter)


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


def _questions(
    engine: GenerationEngine,
    config: Labels,
    prompts: Iterable[pa.Table],
    wanted: pa.Array,
    sample_index: int,
) -> Iterator[Wanted[dict[str, Any]]]:
    sampling = Sampling(
        temperature=0.6 if sample_index else 0.0,
        top_p=0.95 if sample_index else 1.0,
        max_tokens=config.max_tokens,
    )
    for row in stream_of(prompts, wanted, COLUMNS):
        text = config.template.replace("{prompt}", row["prompt"])
        messages = [{"role": "user", "content": text}]
        request = generation_request(engine, messages, sampling, sample_index)
        yield Wanted(row, row["sample_id"], request)


def _fate(sample_id: str, label: Label | None, config: Labels) -> Mapping[str, Any]:
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
