"""Duplicates of the gone: rows dropped for a twin that a newer version has superseded since.

The rule: let S be the ids that a week's rows supersede. Every row of an earlier week whose latest
decision is a drop as a duplicate with its twin in S, and that is not superseded itself, is a
candidate of this week again, beside the week's own rows and against everything kept. What it costs
follows S and the rows that return: of the others only ids are read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from am_assets.core.ledger import held
from am_assets.core.provenance import read_rows
from am_assets.core.schema import KEPT, PROMPTS, RETURNED, returned_vectors_schema
from am_assets.core.tables import without
from am_assets.stages.dedup.week_rows import EarlierPart

EXACT_DUPLICATE, SEMANTIC_DUPLICATE = "exact_duplicate", "semantic_duplicate"

_TWIN = r'"twin": ?"(?P<twin>[^"]*)"'

Embed = Callable[[Sequence[str], Sequence[str]], np.ndarray]
"""Unit vectors of texts, float32 of shape (texts, dimension); the second are their samples."""


@dataclass(frozen=True)
class EarlierWeek:
    """Files of a week that is decided already, by source where they are a source's."""

    week: str
    prompts: Mapping[str, Path]
    embeddings: Mapping[str, Path]
    deduplicated: Path
    superseded: Path
    returned: Path | None = None
    """RETURNED, where rows returned to the week."""
    returned_vectors: Path | None = None


class Returned(NamedTuple):
    """Rows that a week decides again (RETURNED), and their vectors (`returned_vectors`)."""

    rows: pa.Table
    vectors: pa.Table


class _Drop(NamedTuple):
    """The decision that is reconsidered."""

    sample_id: str
    source: str
    week: str
    stage: str
    reason: str
    twin: str


def rows_that_return(
    week: str, prompts: Mapping[str, Path], earlier: Sequence[EarlierWeek], embed: Embed
) -> Returned | None:
    """What returns to `week`, of which `prompts` are the PROMPTS files by source; None is nothing.

    `earlier` are all earlier weeks, oldest first. Rows without a vector (cleaning drops exact
    duplicates before they are embedded) get theirs by `embed`.
    """
    newly = {source: _superseded_by(path) for source, path in sorted(prompts.items())}
    superseded = {sample for ids in newly.values() for sample in ids}
    if not superseded:
        return None
    gone = superseded | superseded_before(earlier)
    moved = {pair for one in earlier for pair in _moves(one)}
    chosen = sorted(
        drop
        for one in earlier
        for drop in _drops(one, superseded, [source for source, ids in newly.items() if ids])
        if drop.source in prompts
        and drop.sample_id not in gone
        and (drop.sample_id, drop.week) not in moved
    )
    return _gathered(week, chosen, {one.week: one for one in earlier}, embed) if chosen else None


def superseded_before(earlier: Iterable[EarlierWeek]) -> set[str]:
    """Ids that earlier weeks superseded."""
    return {sample for one in earlier for sample in _ids(one.superseded)}


def kept_before(earlier: Sequence[EarlierWeek]) -> list[EarlierPart]:
    """What earlier weeks kept and did not supersede since.

    A row that returned is of the week it returned to: before, it was not kept.
    """
    gone = superseded_before(earlier)
    parts: list[EarlierPart] = []
    for one in earlier:
        columns = ["sample_id", "source"]
        chosen = pc.field("decision") == KEPT
        table = read_rows(one.deduplicated, columns, chosen)
        back = _ids(one.returned)
        for source in sorted(one.prompts):
            own = table.filter(pc.field("source") == source)["sample_id"]
            standing = without(own, gone | back)
            parts.append(EarlierPart(one.prompts[source], one.embeddings[source], standing))
        if one.returned is not None and one.returned_vectors is not None:
            kept = table.filter(pc.field("sample_id").isin(pa.array(sorted(back), pa.string())))
            standing = without(kept["sample_id"], gone)
            parts.append(EarlierPart(one.returned, one.returned_vectors, standing))
    return parts


def _superseded_by(prompts: Path) -> set[str]:
    column = read_rows(prompts, ["supersedes"])["supersedes"]
    return set(column.drop_null().to_pylist())


def _ids(path: Path | None) -> set[str]:
    if path is None:
        return set()
    return set(read_rows(path, ["sample_id"])["sample_id"].to_pylist())


def _moves(one: EarlierWeek) -> Iterator[tuple[str, str]]:
    """Rows that returned to a week, with the week whose decision that replaced."""
    if one.returned is not None:
        table = read_rows(one.returned, ["sample_id", "from_week"])
        yield from zip(*(column.to_pylist() for column in table.columns), strict=True)


def _drops(one: EarlierWeek, twins: set[str], sources: Iterable[str]) -> Iterator[_Drop]:
    """A week's drops of duplicates whose twin is among `twins`, which are of `sources`."""
    # Cleaning compares within a source.
    files = {"prompts": [one.prompts[s] for s in sources if s in one.prompts]}
    wanted = pa.array(sorted(twins), pa.string())
    reasons = pa.array([EXACT_DUPLICATE, SEMANTIC_DUPLICATE])
    columns = ["sample_id", "source", "week", "reason", "evidence"]
    for stage, paths in (files | {"deduplicated": [one.deduplicated]}).items():
        for path in paths:
            duplicates = pc.field("reason").isin(reasons)
            table = read_rows(path, columns, duplicates)
            found = pc.call_function(
                "extract_regex", [table["evidence"]], pc.ExtractRegexOptions(_TWIN)
            )
            twin = pc.call_function("struct_field", [found], pc.StructFieldOptions([0]))
            for row in (
                table.append_column("twin", twin).filter(pc.field("twin").isin(wanted)).to_pylist()
            ):
                head = (row["sample_id"], row["source"], row["week"])
                yield _Drop(*head, stage, row["reason"], row["twin"])


def _gathered(
    week: str, chosen: Sequence[_Drop], earlier: Mapping[str, EarlierWeek], embed: Embed
) -> Returned:
    contents: dict[str, dict[str, Any]] = {}
    vectors: dict[str, np.ndarray] = {}
    for place in sorted({(drop.source, drop.week) for drop in chosen}):
        source, one = place[0], earlier[place[1]]
        ids = [drop.sample_id for drop in chosen if (drop.source, drop.week) == place]
        # A row that returned before has its content where it returned to.
        for path in filter(None, (one.prompts[source], one.returned)):
            contents |= {row["sample_id"]: row for row in _read(path, ids, PROMPTS.arrow.names)}
        for path in filter(None, (one.embeddings[source], one.returned_vectors)):
            found = _read(path, ids, ["sample_id", "vector"])
            vectors |= {row["sample_id"]: np.asarray(row["vector"], np.float32) for row in found}
    missing = [drop.sample_id for drop in chosen if drop.sample_id not in vectors]
    if missing:
        texts = (held(contents, sample, "prompts", "deduplicated") for sample in missing)
        made = embed([row["prompt"] for row in texts], missing)
        vectors |= dict(zip(missing, made, strict=True))
    names = RETURNED.arrow.names
    rows = RETURNED.table(
        {
            name: value
            for name, value in held(contents, drop.sample_id, "prompts", "deduplicated").items()
            if name in names
        }
        | {
            "week": week,
            "decision": KEPT,
            "reason": None,
            "evidence": None,
            "from_week": drop.week,
            "from_stage": drop.stage,
            "from_reason": drop.reason,
            "from_twin": drop.twin,
        }
        for drop in chosen
    )
    head = rows.select(["sample_id", "source", "week", "prompt_hash"]).to_pylist()
    dimension = len(next(iter(vectors.values())))
    return Returned(
        rows,
        returned_vectors_schema(dimension).table(
            {**row, "vector": vectors[row["sample_id"]]} for row in head
        ),
    )


def _read(path: Path, ids: Sequence[str], columns: Sequence[str]) -> list[dict[str, Any]]:
    wanted = pc.field("sample_id").isin(pa.array(ids, pa.string()))
    return read_rows(path, columns, wanted).to_pylist()
