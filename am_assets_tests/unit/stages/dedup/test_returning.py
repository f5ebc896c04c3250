"""Histories of a few weeks: which rows return, and that each has one fate."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from am_assets.core.profile import Dedup
from am_assets.core.schema import RAW
from am_assets.core.settings.prompts import Cleaning
from am_assets.core.store import write_table
from am_assets.stages.decontamination import Contamination
from am_assets.stages.dedup.returning import EarlierWeek, Returned, kept_before, rows_that_return
from am_assets.stages.dedup.week import decide_week
from am_assets.stages.dedup.week_rows import WeekPart
from am_assets.stages.prompts.cleaning import clean_prompts
from am_assets_tests.support.rows import WordCountEngine, embedded

ENGINE = WordCountEngine()
SOURCES = ("a", "b")
WEEKS = ("2025-01-06", "2025-01-13", "2025-01-20", "2025-01-27")
TEXTS = (
    "Janet sells eggs at the market every day for two dollars each",
    "A gardener picks ripe yellow pears and stores them inside wooden boxes",
)
DUPLICATES = ("exact_duplicate", "semantic_duplicate")


class Row(NamedTuple):
    sample: str
    source: str
    prompt: str
    supersedes: str | None = None


class Decision(NamedTuple):
    week: str
    stage: str
    fate: str
    twin: str | None


def embed(texts: Sequence[str], owners: Sequence[str]) -> np.ndarray:
    return ENGINE.embed(texts)


def _raw(row: Row, week: str) -> dict[str, Any]:
    return {
        "sample_id": row.sample,
        "source": row.source,
        "week": week,
        "kind": "math",
        "prompt": row.prompt,
        "messages": [{"role": "user", "content": row.prompt}],
        "supersedes": row.supersedes,
        "decision": "kept",
    }


class History:
    """Decides weeks one after the other, each from the files of those before."""

    def __init__(self, folder: Path, sources: Sequence[str] = SOURCES) -> None:
        self._folder = folder
        self._sources = sources
        self.weeks: list[EarlierWeek] = []
        self.decisions: dict[str, list[Decision]] = {}
        self.gone: set[str] = set()

    def decide(self, rows: Sequence[Row]) -> Returned | None:
        """Take and decide one more week."""
        week = WEEKS[len(self.weeks)]
        folder = self._folder / week
        prompts, vectors = {}, {}
        for source in self._sources:
            raw = RAW.table(_raw(row, week) for row in rows if row.source == source)
            table = clean_prompts(raw, Cleaning())
            self._note(table, "prompts")
            (folder / source).mkdir(parents=True)
            prompts[source] = _written(table, folder / source, "prompts")
            vectors[source] = _written(embedded(table, ENGINE), folder / source, "embedding_index")
        returned = rows_that_return(week, prompts, self.weeks, embed)
        parts = [WeekPart(name, prompts[name], vectors[name]) for name in self._sources]
        back: tuple[Path, Path] | tuple[None, None] = (None, None)
        if returned is not None:
            rows_file = _written(returned.rows, folder, "returned")
            vectors_file = _written(returned.vectors, folder, "returned_vectors")
            parts += [WeekPart(n, rows_file, vectors_file, returned=True) for n in self._sources]
            back = (rows_file, vectors_file)
        found = decide_week(
            parts,
            Contamination(),
            kept_before(self.weeks),
            dict.fromkeys(self._sources, 1),
            Dedup(),
            folder,
        )
        self.gone |= {row.supersedes for row in rows if row.supersedes}
        self._note(found.table, "deduplicated")
        decided = _written(found.table, folder, "deduplicated")
        superseded = _written(found.superseded, folder, "superseded")
        self.weeks.append(EarlierWeek(week, prompts, vectors, decided, superseded, *back))
        return returned

    def latest(self) -> dict[str, Decision]:
        return {sample: decisions[-1] for sample, decisions in self.decisions.items()}

    def _note(self, table: pa.Table, stage: str) -> None:
        for row in table.to_pylist():
            if stage == "prompts" and row["decision"] == "kept":
                continue  # decided by deduplicated
            twin = json.loads(row["evidence"] or "{}").get("twin")
            decision = Decision(row["week"], stage, row["reason"] or row["decision"], twin)
            self.decisions.setdefault(row["sample_id"], []).append(decision)


def _written(table: pa.Table, folder: Path, name: str) -> Path:
    write_table(table, folder, name)
    return folder / f"{name}.parquet"


def test_a_duplicate_returns_in_the_week_that_its_twin_goes(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.decide([Row("1", "a", TEXTS[0]), Row("2", "b", TEXTS[0] + " now")])
    # The longer prompt is kept.
    assert {k: v.fate for k, v in history.latest().items()} == {
        "1": "semantic_duplicate",
        "2": "kept",
    }
    returned = history.decide([Row("3", "b", TEXTS[1], supersedes="2")])
    assert returned is not None
    (row,) = returned.rows.to_pylist()
    assert (row["sample_id"], row["week"], row["decision"]) == ("1", WEEKS[1], "kept")
    assert (row["from_week"], row["from_stage"], row["from_twin"]) == (
        WEEKS[0],
        "deduplicated",
        "2",
    )
    assert history.latest()["1"] == Decision(WEEKS[1], "deduplicated", "kept", None)
    # It is of this week from now on, and a twin of what comes.
    assert history.decide([Row("4", "a", TEXTS[0].upper())]) is None
    assert history.latest()["4"].twin == "1"


def test_what_cleaning_dropped_returns_with_a_vector(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.decide([Row("1", "a", TEXTS[0]), Row("2", "a", TEXTS[0].upper())])
    assert history.latest()["2"] == Decision(WEEKS[0], "prompts", "exact_duplicate", "1")
    returned = history.decide([Row("3", "a", TEXTS[1], supersedes="1")])
    assert returned is not None
    assert returned.rows["from_stage"].to_pylist() == ["prompts"]
    assert returned.vectors.num_rows == 1
    assert history.latest()["2"].fate == "kept"


def test_a_row_that_is_gone_itself_does_not_return(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.decide([Row("1", "a", TEXTS[0]), Row("2", "b", TEXTS[0] + " now")])
    newer = [
        Row("3", "b", TEXTS[1], supersedes="2"),
        Row("4", "a", "What is seven", supersedes="1"),
    ]
    assert history.decide(newer) is None


@st.composite
def histories(draw: st.DrawFn) -> list[list[Row]]:
    """Rows by week: few texts, so that most repeat another; some supersede one of a week before."""
    weeks: list[list[Row]] = []
    standing: dict[str, list[str]] = {source: [] for source in SOURCES}
    number = 0
    for _ in range(draw(st.integers(2, 4))):
        rows: list[Row] = []
        for _ in range(draw(st.integers(0, 4))):
            source = draw(st.sampled_from(SOURCES))
            tail = draw(st.sampled_from(["", " now", " now again", " today"]))
            prompt = draw(st.sampled_from(TEXTS)) + tail
            older = draw(st.sampled_from([None, *standing[source]]))
            if older is not None:
                standing[source].remove(older)
            rows.append(Row(f"{number:02d}", source, prompt, older))
            number += 1
        for row in rows:
            standing[row.source].append(row.sample)
        weeks.append(rows)
    return weeks


@settings(max_examples=20)
@given(histories())
def test_every_row_has_one_fate_and_none_is_dropped_for_a_twin_that_is_gone(
    weeks: list[list[Row]],
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        history, mirrored = History(Path(one)), History(Path(other), SOURCES[::-1])
        captured: set[str] = set()
        for rows in weeks:
            captured |= {row.sample for row in rows}
            before = history.latest()
            returned = history.decide(rows)
            mirrored.decide(rows[::-1])
            # By ids: everything captured is decided, and only what returned is decided again.
            latest = history.latest()
            assert latest.keys() == captured
            again = {sample for sample in before if latest[sample] != before[sample]}
            back = set() if returned is None else set(returned.rows["sample_id"].to_pylist())
            assert again == back
            assert all(before[sample].fate in DUPLICATES for sample in back)
            for sample, decision in latest.items():
                if decision.fate in DUPLICATES and sample not in history.gone:
                    assert decision.twin not in history.gone
            assert history.decisions == mirrored.decisions
