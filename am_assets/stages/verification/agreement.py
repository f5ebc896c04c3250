"""Who judges a response differently: counted by pairs of those who do, ids and verdicts only."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from am_assets.core.store import read_batches
from am_assets.core.verdict import Kind

FinalAnswer = Callable[[Kind, str], str | None]
"""The final answer in the text of a response of a kind, in one spelling; None without one."""


PAIRS = ("rule x judge", "rule x majority", "judge x majority", "verdict x recorded")
VERDICT = (
    "response_id",
    "sample_id",
    "source",
    "week",
    "kind",
    "status",
    "reason",
    "verifier",
    "evidence",
)
"""Columns of VERDICTS and EXISTING_VERDICTS that opinions are read from."""


ANSWER = ("response_id", "text")
"""Columns of RESPONSES that a final answer is read from."""


_DECIDED = ("pass", "fail")
_SHOWN_IDS = 5


class Opinions(NamedTuple):
    """What is said of one response; None where one has not judged it.

    `rule`, `judge` and `verdict` are statuses, `judge_score` is 0-5. `majority` is the answer of
    more than half of the sample's distilled responses and `answer` this one's own. `recorded` is
    upstream's word on its own response.
    """

    response_id: str
    sample_id: str
    source: str
    week: str
    kind: str
    verdict: str
    reason: str | None
    rule: str | None
    judge: str | None
    judge_score: int | None
    answer: str | None
    majority: str | None
    recorded: bool | None

    def cells(self) -> dict[str, tuple[str, str]]:
        """By pair of those who both judged: what each of the two says."""
        found: dict[str, tuple[str, str]] = {}
        if self.rule and self.judge:
            found["rule x judge"] = (self.rule, self.judge)
        if self.majority is not None and self.answer is not None:
            same = "same" if self.answer == self.majority else "other"
            for name, said in (("rule", self.rule), ("judge", self.judge)):
                if said:
                    found[f"{name} x majority"] = (said, same)
        if self.recorded is not None:
            found["verdict x recorded"] = (self.verdict, "right" if self.recorded else "wrong")
        return found

    def differing(self) -> list[str]:
        """The pairs of which one lets the response pass and the other does not."""
        return [pair for pair, (one, other) in self.cells().items() if _differ(one, other)]


def _differ(one: str, other: str) -> bool:
    yes = ("pass", "same", "right")
    return (
        one in _DECIDED
        and other not in ("unverifiable", "error")
        and ((one in yes) != (other in yes))
    )


def opinions(
    verdicts: Callable[[], Iterable[pa.Table]],
    answers: Iterable[pa.Table],
    recorded: Mapping[str, bool],
    final_answer: FinalAnswer,
) -> Iterator[Opinions]:
    """The opinions on every response of one partition, in the order of `verdicts`.

    `verdicts` gives, each time anew, parts with the columns VERDICT, and `answers` holds parts
    with the columns ANSWER, both in the order of response_id. `recorded` is by sample id. Held are
    the final answers, some hundred bytes a response; nothing of the texts.
    """
    own: dict[str, str] = {}
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row, text in _joined(_rows(verdicts()), _rows(answers)):
        # Where only the form is wrong, nothing was said about the answer.
        answer = None if row["verifier"] == "rules" else final_answer(row["kind"], text)
        if answer is not None:
            own[row["response_id"]] = answer
            votes[row["sample_id"]][answer] += 1
    for row in _rows(verdicts()):
        yield _opinions(
            row,
            own.get(row["response_id"]),
            _majority(votes.get(row["sample_id"], Counter())),
            recorded.get(row["sample_id"]),
        )


class Matrices:
    """Counts of a stream of opinions by pair, with the first ids of those that differ."""

    def __init__(self) -> None:
        self._cells: dict[str, Counter[tuple[str, str]]] = {pair: Counter() for pair in PAIRS}
        self._differ: Counter[str] = Counter()
        self._ids: dict[str, list[str]] = {pair: [] for pair in PAIRS}

    def add(self, said: Opinions) -> None:
        """Count one response."""
        for pair, cell in said.cells().items():
            self._cells[pair][cell] += 1
        for pair in said.differing():
            self._differ[pair] += 1
            self._ids[pair] = sorted([*self._ids[pair], said.response_id])[:_SHOWN_IDS]

    def as_dict(self) -> dict[str, Any]:
        """By pair: `matrix` (what the one says, what the other says, responses), how many
        `differ`, and the ids of some to look at. Pairs without a response are left out."""
        return {
            pair: {
                "matrix": [[one, other, n] for (one, other), n in sorted(cells.items())],
                "differ": self._differ[pair],
                "look_at": self._ids[pair],
            }
            for pair, cells in self._cells.items()
            if cells
        }


def recorded_verdicts(prompts: Path) -> dict[str, bool]:
    """Upstream's word on its own responses, by sample id, from a file of table PROMPTS.

    Files from before version 2 of the table have none.
    """
    columns = ("sample_id", "recorded_verdict")
    if not set(columns) <= set(pq.read_schema(prompts).names):
        return {}
    found: dict[str, bool] = {}
    for part in read_batches(prompts, columns):
        found |= recorded_in(part)
    return found


def recorded_in(prompts: pa.Table) -> dict[str, bool]:
    """The same from rows of table PROMPTS."""
    return {
        row["sample_id"]: row["recorded_verdict"]
        for row in prompts.select(["sample_id", "recorded_verdict"]).to_pylist()
        if row["recorded_verdict"] is not None
    }


def _rows(parts: Iterable[pa.Table]) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield from part.to_pylist()


def _joined(
    verdicts: Iterator[dict[str, Any]], answers: Iterator[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], str]]:
    """Verdicts with the texts they are about; both are in the order of their ids."""
    answer = next(answers, None)
    for row in verdicts:
        while answer is not None and answer["response_id"] < row["response_id"]:
            answer = next(answers, None)
        if answer is not None and answer["response_id"] == row["response_id"]:
            yield row, answer["text"]


def _majority(votes: Counter[str]) -> str | None:
    """The answer of more than half, of two or more, None without one."""
    if votes.total() < 2:
        return None
    ((answer, count),) = votes.most_common(1)
    return answer if 2 * count > votes.total() else None


def _opinions(
    row: Mapping[str, Any], answer: str | None, majority: str | None, recorded: bool | None
) -> Opinions:
    evidence = json.loads(row["evidence"] or "{}")
    judged = row["verifier"] == "judge" and "judge_score" in evidence
    if row["verifier"] == "judge":
        # Without a rule's verdict beside it, the rules left the response to the judge.
        rule = evidence.get("rule_verdict")
    else:
        rule = row["status"] if row["verifier"] not in ("reward", None) else None
    return Opinions(
        response_id=row["response_id"],
        sample_id=row["sample_id"],
        source=row["source"],
        week=row["week"],
        kind=row["kind"],
        verdict=row["status"],
        reason=row["reason"],
        rule=rule,
        judge=row["status"] if judged else None,
        judge_score=evidence.get("judge_score") if judged else None,
        answer=answer,
        majority=majority,
        recorded=recorded,
    )
