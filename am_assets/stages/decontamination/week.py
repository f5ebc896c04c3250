"""Contamination of a week's prompts, source by source and benchmark by benchmark, remembered.

What one benchmark says of one source's prompts is remembered under all it follows from. So a
benchmark that is added is scanned alone, and the best hit is chosen over all of them afterwards.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from am_assets.core.code.versions import Code, code_of
from am_assets.core.identity import digest
from am_assets.core.ledger import held
from am_assets.core.memory import Entry, RowMemory
from am_assets.core.profile import Decontamination
from am_assets.core.schema import kept
from am_assets.core.store import read_batches
from am_assets.core.tables import stream_of
from am_assets.core.usage import Meter
from am_assets.stages.decontamination.hits import (
    Contamination,
    Hit,
    Item,
    Undecided,
    best_hit,
)
from am_assets.stages.decontamination.scan import Near, Rows, Scanner
from am_assets.stages.decontamination.text_index import Prompt, read_prompt
from am_assets.stages.embedding.embed import matrix

KIND = "decontamination"
"""Kind of the row memory's entries that are scans: one that counts the finds, and the finds.

A find belongs to its sample: erasing the sample erases it, and the scan is then done again.
"""

_COLUMNS = ("sample_id", "prompt", "decision")


class Embed(Protocol):
    """Unit float32 vectors of texts, shape (texts, dimension); `owners` are who they are of."""

    def __call__(self, texts: Sequence[str], owners: Sequence[str]) -> np.ndarray: ...


class AskJudge(Protocol):
    """Asks which of some (sample id, prompt, what is near it) are the same problem."""

    def __call__(
        self, pairs: Iterator[tuple[str, str, Near]]
    ) -> Mapping[tuple[str, str], bool | Undecided]:
        """By (sample id, item id)."""
        ...


@dataclass(frozen=True)
class Slice:
    """One source's prompts of a week: PROMPTS and embedding tables, both in order of sample id."""

    prompts: Path
    embeddings: Path
    roots: tuple[str, str]
    """Of both artifacts."""


@dataclass(frozen=True)
class Benchmark:
    """A BENCHMARKS artifact, read when it has to be scanned."""

    table: Callable[[], pa.Table]
    root: str


@dataclass(frozen=True)
class _Find:
    sample_id: str
    hit: Hit | None
    near: Near | None


def contaminated(
    slices: Sequence[Slice],
    benchmarks: Sequence[Benchmark],
    settings: Decontamination,
    memory: RowMemory,
    embed: Embed,
    meter: Meter,
    judge: AskJudge | None = None,
) -> Contamination:
    """What is contaminated of the kept prompts of `slices`.

    `meter` counts (prompt, benchmark) pairs, scanned or remembered. Without a judge the prompts of
    its band are clean. Raises KeyError when a kept prompt has no vector.
    """

    @cache
    def scanner(place: int) -> Scanner:
        return _scanner(benchmarks[place].table(), settings, embed)

    finds: list[_Find] = []
    for one in slices:
        keys = [_key(one, benchmark, settings) for benchmark in benchmarks]
        known = {key: _recall(memory, key) for key in keys}
        for scan in known.values():
            if scan is not None:
                meter.found(scan[0])
                finds += scan[1]
        missing = [place for place, key in enumerate(keys) if known[key] is None]
        fresh = _scan(one, {place: scanner(place) for place in missing}, embed, meter)
        for place, (count, found) in fresh.items():
            _remember(memory, keys[place], count, found)
            finds += found
    meter.finish()
    return _decide(slices, finds, judge)


def rows_of(
    texts: Sequence[str],
    vectors: np.ndarray,
    parts: Sequence[Sequence[str]],
    embed: Embed,
    owners: Sequence[str],
) -> Rows:
    """The vectors of `texts`, and after them those of their parts."""
    flat = [(place, part) for place, own in enumerate(parts) for part in own]
    places = np.arange(len(texts))
    if not flat:
        return Rows(vectors, places, texts)
    more_texts = [part for _, part in flat]
    more = embed(more_texts, [owners[place] for place, _ in flat])
    return Rows(
        np.concatenate([vectors, more]),
        np.append(places, [place for place, _ in flat]),
        [*texts, *more_texts],
    )


def _key(one: Slice, benchmark: Benchmark, settings: Decontamination) -> str:
    asked = {"enabled": settings.judge.enabled, "at_least": settings.judge.at_least}
    return digest(
        KIND,
        *_code(),
        *one.roots,
        benchmark.root,
        {**settings.model_dump(mode="json", exclude={"judge"}), "judge": asked},
    )


@cache
def _code() -> Code:
    return code_of(_scanner, _scan, _recall, _remember)


def _scanner(table: pa.Table, settings: Decontamination, embed: Embed) -> Scanner:
    rows = table.select(["item_id", "benchmark", "prompt"]).to_pylist()
    items = [Item(**row) for row in rows]
    prompts = [read_prompt(item.prompt) for item in items]
    ids = [item.item_id for item in items]
    texts, parts = [item.prompt for item in items], [prompt.parts for prompt in prompts]
    return Scanner(items, rows_of(texts, matrix(table), parts, embed, ids), settings)


def _scan(
    one: Slice, scanners: Mapping[int, Scanner], embed: Embed, meter: Meter
) -> dict[int, tuple[int, list[_Find]]]:
    """How many prompts each scanner saw, and what it found of them."""
    found: dict[int, tuple[int, list[_Find]]] = {place: (0, []) for place in scanners}
    if not scanners:
        return found
    for samples, prompts, vectors in _batches(one):
        texts = [prompt.text for prompt in prompts]
        rows = rows_of(texts, vectors, [prompt.parts for prompt in prompts], embed, samples)
        for place, scanner in scanners.items():
            count, finds = found[place]
            for sample, one_found in zip(samples, scanner.scan(prompts, rows), strict=True):
                if isinstance(one_found, Hit):
                    finds.append(_Find(sample, one_found, None))
                elif one_found is not None:
                    finds.append(_Find(sample, None, one_found))
            found[place] = (count + len(samples), finds)
            meter.computed(len(samples))
    return found


def _batches(one: Slice) -> Iterator[tuple[list[str], list[Prompt], np.ndarray]]:
    """Ids, prompts and vectors of a slice's kept rows, some at a time.

    Raises LedgerError where the vectors are not those of the prompts.
    """
    vectors = _vectors(one.embeddings)
    for batch in read_batches(one.prompts, _COLUMNS):
        rows = kept(batch, _COLUMNS)
        samples: list[str] = rows["sample_id"].to_pylist()
        if not samples:
            continue
        listed: list[np.ndarray] = []
        for sample in samples:
            owner, vector = next(vectors, ("", np.zeros(0)))
            listed.append(held({owner: vector}, sample, "embedding_index", "prompts"))
        prompts = [read_prompt(text) for text in rows["prompt"].to_pylist()]
        yield samples, prompts, np.stack(listed)


def _vectors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    for batch in read_batches(path, ("sample_id", "vector")):
        if batch.num_rows:
            yield from zip(batch["sample_id"].to_pylist(), matrix(batch), strict=True)


def _recall(memory: RowMemory, key: str) -> tuple[int, list[_Find]] | None:
    """A remembered scan; None also where some of its finds were erased."""
    head = memory.get(KIND, [(key, KIND)]).get(key)
    if head is None:
        return None
    counts = json.loads(head)
    keys = [digest(KIND, key, place) for place in range(counts["finds"])]
    values = memory.get(KIND, [(one, KIND) for one in keys])
    if len(values) < len(keys):
        return None
    return counts["prompts"], [_decoded(values[one]) for one in keys]


def _remember(memory: RowMemory, key: str, prompts: int, finds: Sequence[_Find]) -> None:
    listed = [
        Entry(digest(KIND, key, place), _encoded(find), find.sample_id)
        for place, find in enumerate(finds)
    ]
    head = json.dumps({"prompts": prompts, "finds": len(finds)}).encode()
    memory.put(KIND, [*listed, Entry(key, head, KIND)])


def _encoded(find: _Find) -> bytes:
    return json.dumps(asdict(find)).encode()


def _decoded(value: bytes) -> _Find:
    fields: dict[str, Any] = json.loads(value)
    hit, near = fields["hit"], fields["near"]
    return _Find(
        fields["sample_id"],
        hit and Hit(**hit),
        near and Near(Item(**near["item"]), near["similarity"]),
    )


def _decide(
    slices: Sequence[Slice], finds: Sequence[_Find], judge: AskJudge | None
) -> Contamination:
    hits: dict[str, list[Hit]] = {}
    near: dict[str, list[Near]] = {}
    for find in finds:
        if find.hit is not None:
            hits.setdefault(find.sample_id, []).append(find.hit)
        elif find.near is not None:
            near.setdefault(find.sample_id, []).append(find.near)
    asked = {sample: pairs for sample, pairs in near.items() if sample not in hits}
    undecided: dict[str, Undecided] = {}
    if judge is not None and asked:
        answers = judge(_pairs(slices, asked))
        for sample, pairs in asked.items():
            said = [(one, answers[sample, one.item.item_id]) for one in pairs]
            same = [
                Hit(one.item.benchmark, one.item.item_id, "judge", round(one.similarity, 6))
                for one, answer in said
                if answer is True
            ]
            open_ = [answer for _, answer in said if isinstance(answer, Undecided)]
            if same:
                hits[sample] = same
            elif open_:
                undecided[sample] = open_[0]
    best = {sample: hit for sample, own in hits.items() if (hit := best_hit(own)) is not None}
    return Contamination(best, undecided)


def _pairs(
    slices: Sequence[Slice], asked: Mapping[str, Sequence[Near]]
) -> Iterator[tuple[str, str, Near]]:
    wanted = pa.array(sorted(asked), pa.string())
    columns = ("sample_id", "prompt")
    for one in slices:
        for row in stream_of(read_batches(one.prompts, columns), wanted, columns):
            for near in asked[row["sample_id"]]:
                yield row["sample_id"], row["prompt"], near
