"""Rows that dedup compares, read part by part from the published Parquet tables.

Of a prompt only what decides about it is held: ids, hashes, codes of answers, sort keys. Vectors go
through a file (the week's) or come in bounded parts (earlier weeks').
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.ledger import LedgerError
from am_assets.core.provenance import read_rows
from am_assets.core.schema import KEPT
from am_assets.core.store import read_batches
from am_assets.stages.answers.references import answer_codes
from am_assets.stages.dedup.greedy import Rows
from am_assets.stages.embedding.embed import matrix
from am_assets.stages.prompts.priority import PRIORITY_COLUMNS, priority_keys

_PART_BYTES = 64 << 20
"""Vectors of earlier rows that are held at a time."""

_COLUMNS = ("sample_id", "source", "week", "prompt_hash", "decision", "supersedes")
_ROWS = pa.schema([(name, pa.string()) for name in ("sample_id", "source", "week", "prompt_hash")])
_SUPERSEDED = pa.schema([("sample_id", pa.string()), ("superseded_by", pa.string())])


@dataclass(frozen=True)
class Candidates:
    """The kept prompts of a week, without their texts; arrays by row number.

    `rows` has sample_id, source, week and prompt_hash; `answers` are `answer_codes`, `keys`
    `priority_keys`. `superseded` pairs the older version's id with the newer one's, for every
    prompt of the week, kept or not.
    """

    rows: pa.Table
    answers: np.ndarray
    keys: np.ndarray
    superseded: pa.Table


@dataclass(frozen=True)
class WeekPart:
    """A source's rows of the week: files of PROMPTS and of their vectors.

    Rows that `returned` from an earlier week supersede nothing: they did when they came. Their
    files hold those of other sources too.
    """

    source: str
    prompts: Path
    embeddings: Path
    returned: bool = False


@dataclass(frozen=True)
class EarlierPart:
    """A source's rows of an earlier week: its tables, and the ids of those that were kept."""

    prompts: Path
    embeddings: Path
    kept: pa.Array


def read_candidates(parts: Sequence[WeekPart], ranks: Mapping[str, int]) -> Candidates:
    """The candidates among the rows of `parts`, sources in order of name, returned rows last."""
    rows = [_ROWS.empty_table()]
    superseded = [_SUPERSEDED.empty_table()]
    answers, keys = [np.zeros((0, 2), np.int64)], [np.zeros((0, 4), np.int64)]
    for one in in_order(parts):
        source = one.source if one.returned else None
        for part in read_batches(one.prompts, (*_COLUMNS, *PRIORITY_COLUMNS), source):
            if not one.returned:
                newer = part.filter(pc.field("supersedes").is_valid())
                superseded.append(
                    newer.select(["supersedes", "sample_id"]).rename_columns(_SUPERSEDED.names)
                )
            kept = part.filter(pc.field("decision") == KEPT)
            rows.append(kept.select(_ROWS.names))
            answers.append(answer_codes(kept["reference_answer"].to_pylist()))
            keys.append(priority_keys(kept, ranks[one.source]))
    return Candidates(
        pa.concat_tables(rows).combine_chunks(),
        np.concatenate(answers),
        np.concatenate(keys),
        pa.concat_tables(superseded).combine_chunks(),
    )


def in_order(parts: Sequence[WeekPart]) -> list[WeekPart]:
    """Parts in the order of the candidates' numbers."""
    return sorted(parts, key=lambda part: (part.source, part.returned))


def stack_vectors(
    parts: Sequence[WeekPart], rows: pa.Table, chosen: np.ndarray, out: Path
) -> np.ndarray:
    """Vectors of the rows numbered `chosen` (ascending) of `rows`, written to the file `out`.

    float32 of shape (chosen, dimension), mapped from the file. Raises LedgerError where they
    are not those of the rows, KeyError where rows are of a source that has no part.
    """
    count = 0
    picked = rows.take(pa.array(chosen))
    dimension = 0
    with out.open("wb") as file:
        for source, files in itertools.groupby(in_order(parts), key=lambda part: part.source):
            wanted = _whole(picked.filter(pc.field("source") == source)["sample_id"])
            held: list[pa.Array] = []
            for table in (t for one in files for t in _batches_of(one.embeddings, wanted)):
                vectors = matrix(table)
                dimension = vectors.shape[1]
                file.write(vectors.tobytes())
                held.append(_whole(table["sample_id"]))
            found = pa.concat_arrays(held) if held else wanted.slice(0, 0)
            if not found.equals(wanted):
                raise LedgerError(
                    f"embedding_index of source {source} has not the vectors of what prompts "
                    "keeps: they are not of one generation, materialize prompts and "
                    "embedding_index again, in order"
                )
            count += len(found)
    if count < len(chosen):
        raise KeyError(f"{len(chosen) - count} prompts are of a source without vectors")
    if not count:
        return np.zeros((0, dimension), dtype=np.float32)
    return np.memmap(out, dtype=np.float32, mode="r", shape=(count, dimension))


def earlier_rows(parts: Sequence[EarlierPart], gone: pa.Array) -> Iterator[Rows]:
    """What earlier weeks kept, less the ids in `gone`, a bounded number of rows at a time."""
    for part in parts:
        lost = pc.call_function("is_in", [part.kept], _among(gone))
        standing = part.kept.filter(pc.call_function("invert", [lost]))
        waiting: list[pa.Table] = []
        size = 0
        for table in _batches_of(part.embeddings, standing):
            waiting.append(table)
            size += table["vector"].nbytes
            if size >= _PART_BYTES:
                yield _rows(waiting, part.prompts)
                waiting, size = [], 0
        if waiting:
            yield _rows(waiting, part.prompts)


def _batches_of(path: Path, ids: pa.Array) -> Iterator[pa.Table]:
    """Rows of an embedding table whose sample_id is among `ids`, in parts, in its order."""
    held = read_rows(path, ["sample_id"])["sample_id"]
    chosen = pc.call_function("is_in", [held], _among(ids))
    start = 0
    for batch in read_batches(path, ("sample_id", "prompt_hash", "vector")):
        rows = batch.filter(_whole(chosen.slice(start, batch.num_rows)))
        start += batch.num_rows
        if rows.num_rows:
            yield rows


def _rows(parts: Sequence[pa.Table], prompts: Path) -> Rows:
    whole = pa.concat_tables(parts).combine_chunks()
    ids = _whole(whole["sample_id"])
    return Rows(ids, _whole(whole["prompt_hash"]), matrix(whole), partial(_answers, prompts, ids))


def _answers(prompts: Path, ids: pa.Array, numbers: np.ndarray) -> np.ndarray:
    """`answer_codes` of the rows that stand at `numbers` of `ids`."""
    wanted = ids.take(pa.array(numbers))
    found = read_rows(
        prompts, ["sample_id", "reference_answer"], pc.field("sample_id").isin(wanted)
    )
    places = pc.call_function("index_in", [wanted], _among(_whole(found["sample_id"])))
    return answer_codes(found["reference_answer"].take(places).to_pylist())


def _among(values: pa.Array) -> pc.SetLookupOptions:
    return pc.SetLookupOptions(values)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
