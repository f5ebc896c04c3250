"""Where those who judge a response differ: rule, judge, majority of the samples, upstream.

None of them is always right, so each pair is counted, and the responses on which a pair differs
can be looked at. What counts is ids and verdicts; text is read for the few that are shown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from am_assets.core.manifest import EMPTY_SLICE, Input, Manifest, Pointer
from am_assets.core.schema import RETURNED
from am_assets.core.store import Snapshot, read_batches
from am_assets.stages.verification.agreement import (
    ANSWER,
    VERDICT,
    FinalAnswer,
    Matrices,
    Opinions,
    opinions,
    recorded_verdicts,
)


def published(
    snapshot: Snapshot, manifest: Manifest, final_answer: FinalAnswer
) -> Iterator[Opinions]:
    """The opinions on every response, distilled or upstream's own, of one `verified` artifact.

    Read are the very inputs it was made from. Raises StoreError for what the cache does not hold.
    """
    inputs = {item.ref.asset: item for item in manifest.inputs}
    recorded = recorded_verdicts(_path(snapshot, inputs["prompts"]))
    returned = _returned(snapshot, inputs)
    if returned is not None:
        recorded |= recorded_verdicts(returned)
    verdicts = snapshot.store.file(manifest.dvc, "verdicts.parquet")
    yield from opinions(
        lambda: read_batches(verdicts, VERDICT),
        read_batches(_path(snapshot, inputs["responses"]), ANSWER),
        {},
        final_answer,
    )
    existing = _path(snapshot, inputs["existing_verdicts"])
    yield from opinions(lambda: read_batches(existing, VERDICT), (), recorded, final_answer)


class Report(NamedTuple):
    """Counts by pair (see `Matrices.as_dict`), and rows of responses on which a pair differs."""

    pairs: dict[str, Any]
    rows: list[dict[str, Any]]


class Wanted(NamedTuple):
    """What to report on; empty is all. At most `limit` responses are shown."""

    weeks: Sequence[str] = ()
    sources: Sequence[str] = ()
    kinds: Sequence[str] = ()
    limit: int = 20


def report(snapshot: Snapshot, wanted: Wanted, final_answer: FinalAnswer) -> Report:
    """Count the opinions of the published `verified` artifacts and show where they differ.

    A row holds the fields of Opinions, `differing` (the pairs), `prompt`, `reference_answer` and
    `response`. Raises NothingVerified where no artifact is as wanted.
    """
    found = snapshot.manifests(ref for ref in snapshot.refs() if ref.asset == "verified")
    chosen = [
        found[ref]
        for ref in sorted(found, key=str)
        if (not wanted.sources or ref.partition[0] in wanted.sources)
        and (not wanted.weeks or ref.partition[1] in wanted.weeks)
    ]
    if not chosen:
        raise NothingVerified(
            "no verified partition is as wanted: `am-assets status` lists those that are published"
        )
    matrices, rows = Matrices(), list[dict[str, Any]]()
    for manifest in chosen:
        shown: list[Opinions] = []
        for said in published(snapshot, manifest, final_answer):
            if wanted.kinds and said.kind not in wanted.kinds:
                continue
            matrices.add(said)
            if said.differing() and len(rows) + len(shown) < wanted.limit:
                shown.append(said)
        rows += [
            {**said._asdict(), "differing": said.differing(), **text}
            for said, text in zip(shown, texts(snapshot, manifest, shown), strict=True)
        ]
    return Report(matrices.as_dict(), rows)


class NothingVerified(ValueError):
    """No published artifact to report on."""


def texts(
    snapshot: Snapshot, manifest: Manifest, shown: Sequence[Opinions]
) -> list[dict[str, Any]]:
    """`prompt`, `reference_answer` and `response` of the responses in `shown`, in its order."""
    inputs = {item.ref.asset: item for item in manifest.inputs}
    ids = {said.sample_id for said in shown}
    samples = _found(_path(snapshot, inputs["prompts"]), "sample_id", ids)
    returned = _returned(snapshot, inputs)
    if returned is not None:
        samples |= _found(returned, "sample_id", ids)
    answers = {said.response_id for said in shown}
    own = _found(_path(snapshot, inputs["responses"]), "response_id", answers)
    return [
        {
            "prompt": samples[said.sample_id]["prompt"],
            "reference_answer": samples[said.sample_id]["reference_answer"],
            "response": own[said.response_id]["text"]
            if said.response_id in own
            else samples[said.sample_id]["existing_response"],
        }
        for said in shown
    ]


def _found(path: Path, column: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    wanted = pc.field(column).isin(pa.array(sorted(ids), pa.string()))
    rows = pq.read_table(path, filters=wanted).to_pylist()
    return {row[column]: row for row in rows}


def _path(snapshot: Snapshot, item: Input, table: str | None = None) -> Path:
    pointer = Pointer(md5=item.dvc, size=0, nfiles=0)
    return snapshot.store.file(pointer, f"{table or item.ref.asset}.parquet")


def _returned(snapshot: Snapshot, inputs: Mapping[str, Input]) -> Path | None:
    """File of the rows that returned to the week, with their content; None where none did."""
    item = inputs.get("deduplicated")
    if item is None or item.root == EMPTY_SLICE:
        return None
    return _path(snapshot, item, RETURNED.name)
