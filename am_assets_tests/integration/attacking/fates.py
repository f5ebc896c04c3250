"""Attacks on the fates of rows: stages of different generations, retired sources, lost twins.

Each attack works on a tiny project of its own, with git and DVC as the finished one's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from am_assets.core.ledger import LedgerError
from am_assets.core.manifest import Manifest, Ref
from am_assets.core.materialize import Materializer
from am_assets.core.schema import KEPT
from am_assets.core.stage import InputMissing, Stage
from am_assets.defs.project import ARTIFACTS, CHAIN, Project
from am_assets.defs.weeks import week_keys
from am_assets.lineage.explain import explain
from am_assets.lineage.ledger import Scope, outside, week_ledgers
from am_assets.operations.backfill import steps
from am_assets_tests.conftest import TINY, write_jsonl
from am_assets_tests.integration.attacking.copies import Attack, empty_like

ONE, TWO, THREE = "2025-01-06", "2025-01-13", "2025-01-20"

Row = dict[str, Any]


def row(key: str, question: str, answer: str = "7", response: str | None = None) -> Row:
    """An upstream row whose response is right."""
    said = f"<think>Counting gives {answer}.</think>\n<answer>\\boxed{{{answer}}}</answer>"
    return {
        "key": key,
        "question": question,
        "answer": answer,
        "response": said if response is None else response,
        "is_right": True,
    }


class Tiny:
    """A tiny profile in a project folder: its sources, ranks and weeks may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ranks: dict[str, int] = {}
        self.weeks: tuple[str, str] = (ONE, ONE)
        self.more: dict[str, dict[str, Any]] = {}
        """Further settings by source."""
        bench = [{"problem": "Name a prime of one digit.", "answer": "2"}]
        write_jsonl(folder / "bench.jsonl", bench)

    def upstream(self, **rows: Sequence[Row]) -> None:
        """What the sources hold from now on."""
        for name, listed in rows.items():
            self.ranks.setdefault(name, 100)
            write_jsonl(self.folder / f"{name}.jsonl", list(listed))

    def open(self) -> Project:
        """The project of the profile as it is now."""
        source = TINY["sources"]["sums"]
        sources = {
            name: source | {"location": f"{name}.jsonl", "rank": rank} | self.more.get(name, {})
            for name, rank in self.ranks.items()
        }
        weeks = {"start": self.weeks[0], "last": self.weeks[1]}
        path = self.folder / "tiny.yaml"
        path.write_text(
            yaml.safe_dump(TINY | {"sources": sources, "weeks": weeks}), encoding="utf-8"
        )
        return Project.open(str(path))

    def make(self, *assets: str, weeks: Iterable[str] | None = None) -> list[str]:
        """Materialize `assets` (default: all) in order; gives what was worked on."""
        project = self.open()
        known = week_keys(project.profile)
        worked: list[str] = []
        for step in steps(project, known, known):
            for stage in step.stages:
                if (assets and stage.name not in assets) or (
                    weeks is not None and step.key.get("week") not in {*weeks, None}
                ):
                    continue
                # A materializer resolves inputs as they are when it is made.
                outcome = _materializer(project).materialize(stage, step.key, {})
                if not outcome.reused:
                    worked.append(str(outcome.manifest.ref))
        return worked

    def stale(self, names: Iterable[str]) -> list[str]:
        """Partitions of the assets `names` that have to be made again."""
        project = self.open()
        materializer = _materializer(project)
        weeks = week_keys(project.profile)
        return [
            str(stage.ref(step.key))
            for step in steps(project, weeks, weeks)
            for stage in step.stages
            if stage.name in names and not _fresh(materializer, stage, step.key)
        ]

    def ledger(self) -> list[dict[str, Any]]:
        """The ledger of the profile's weeks; raises LedgerError."""
        project = self.open()
        weeks = week_ledgers(project.store.snapshot(), CHAIN, scope=Scope.of(project.profile))
        return [week.as_dict() for week in weeks]

    def manifest(self, asset: str, *partition: str) -> Manifest:
        """A published manifest."""
        found = self.open().store.snapshot().manifest(Ref(asset=asset, partition=partition))
        if found is None:
            raise InputMissing(f"{asset} {partition} is not published")
        return found

    def rows(self, asset: str, *partition: str, table: str | None = None) -> list[Row]:
        """Rows of a published table."""
        manifest = self.manifest(asset, *partition)
        return self.open().store.table(manifest.dvc, table or asset).to_pylist()

    def outside(self) -> str | None:
        """What is published and outside the profile."""
        project = self.open()
        return outside(project.store.snapshot(), Scope.of(project.profile), ARTIFACTS)

    def explained(self, sample_id: str) -> list[Row]:
        """The life of a sample."""
        return explain(self.open().store.snapshot(), sample_id, ARTIFACTS)

    def released(self) -> set[str]:
        """Prompts of the rows that the last dataset keeps."""
        rows = self.rows("sft_dataset", self.weeks[1])
        return {one["prompt"] for one in rows if one["decision"] == KEPT}


def _materializer(project: Project) -> Materializer:
    return Materializer(project.profile, project.store, project.engines, week_keys(project.profile))


def _fresh(materializer: Materializer, stage: Stage, key: Mapping[str, str]) -> bool:
    try:
        return materializer.plan(stage, key).nothing_to_do
    except InputMissing:
        return False


PEARS = "A box holds seven ripe pears and nobody eats one of them. How many pears does it hold?"
NAILS = "A carpenter buys nine nails and loses two in the grass. How many nails are left to use?"
CLOCK = "A clock strikes three at noon and four at dusk. How many strikes are heard that day?"


def swapped_ranks(folder: Path) -> list[str]:
    """Two ranks are swapped and only `deduplicated` is made again."""
    tiny = Tiny(folder)
    tiny.upstream(a=[row("1", PEARS), row("2", NAILS)], b=[row("1", PEARS)])
    tiny.ranks = {"a": 1, "b": 2}
    tiny.make()
    tiny.ledger()
    tiny.ranks = {"a": 2, "b": 1}
    tiny.make("deduplicated")
    lines = [_named(tiny.ledger, "labels a|2025-01-06", "materialize labels a|2025-01-06")]
    tiny.make()
    return [*lines, _held("the whole run adds up again", bool(tiny.ledger()))]


def week_without_dataset(folder: Path) -> list[str]:
    """A week has no SFT dataset of its own, and its rows are in the next one's."""
    tiny = Tiny(folder)
    tiny.upstream(a=[row("1", PEARS)])
    tiny.make(*_until_verified())
    tiny.upstream(a=[row("1", PEARS), row("2", NAILS)])
    tiny.weeks = (ONE, TWO)
    tiny.make(weeks=[TWO])
    weeks = {week["week"]: week["released"] for week in tiny.ledger()}
    return [_held("both weeks are in the ledger", weeks == {ONE: 1, TWO: 1})]


def lost_twins(folder: Path) -> list[str]:
    """The twin of dropped rows is superseded, and then the twin of one of these."""
    tiny = Tiny(folder)
    first = [row("1", PEARS), row("2", PEARS.upper())]
    near = [row("1", PEARS.replace("nobody", "no one"))]
    tiny.upstream(a=first, b=near)
    tiny.ranks = {"a": 1, "b": 2}
    tiny.weeks = (ONE, THREE)
    tiny.make(*_sealed(), weeks=[ONE])
    tiny.upstream(a=[row("1", CLOCK), first[1]])
    tiny.make(*_sealed(), weeks=[TWO])
    tiny.upstream(a=[row("1", CLOCK), row("2", NAILS)])
    tiny.make()
    two = {one["prompt"]: one for one in tiny.rows("deduplicated", TWO, table="returned")}
    three = {one["prompt"]: one for one in tiny.rows("deduplicated", THREE, table="returned")}
    kept = next(prompt for prompt in (first[0]["question"], first[1]["question"]) if prompt in two)
    last = tiny.ledger()
    everything = sum(week["rows_in"] for week in last)
    fates = sum(
        sum(sum(reasons.values()) for reasons in {**week["dropped"], **week["pending"]}.values())
        + week["released"]
        for week in last
    )
    back = sum(week["came_back"] for week in last)
    life = tiny.explained(three[near[0]["question"]]["sample_id"])
    decided = [one["decision"] for one in life if one["artifact"].startswith("deduplicated")]
    return [
        _held(
            "both duplicates return when their twin goes", set(two) == {kept, near[0]["question"]}
        ),
        _held("what is dropped again returns again", set(three) == {near[0]["question"]}),
        _held(
            "the last of them is released",
            tiny.released() == {CLOCK, NAILS, near[0]["question"]},
        ),
        _held("each row has one fate", fates == everything + back and back == 3),
        _held("explain shows every decision", len(decided) == 5),
        _held("a second run does nothing", tiny.make() == []),
    ]


def source_leaves(folder: Path) -> list[str]:
    """A source is taken out of the profile, then put back; a row of a later week repeats its."""
    tiny = Tiny(folder)
    near = row("2", PEARS.replace("nobody", "no one"))
    tiny.upstream(a=[row("1", PEARS)], b=[row("1", NAILS)])
    tiny.weeks = (ONE, TWO)
    tiny.make(*_sealed(), weeks=[ONE])
    tiny.upstream(b=[row("1", NAILS), near])
    tiny.make()
    before, root = tiny.released(), tiny.manifest("release", TWO).root
    ranks = dict(tiny.ranks)
    del tiny.ranks["a"]
    untold = _named(tiny.ledger, "which has left the profile", "materialize deduplicated")
    tiny.make()
    one, two = tiny.ledger()
    lines = [
        untold,
        _held("a twin of the source's row is decided again", before == {PEARS, NAILS}),
        _held("the release is without it", tiny.released() == {NAILS, near["question"]}),
        _held("its rows have a fate", one["dropped"]["deduplicated"] == {"source_retired": 1}),
        _held("later weeks know nothing of it", "deduplicated" not in two["dropped"]),
        _held("it is said to be outside", "source a (" in (tiny.outside() or "")),
        _held("a second run does nothing", tiny.make() == []),
    ]
    tiny.ranks = ranks
    tiny.make()
    back = (tiny.released(), tiny.manifest("release", TWO).root)
    return [
        *lines,
        _held("put back, all is as it was", back == (before, root) and bool(tiny.ledger())),
    ]


def source_stays(folder: Path) -> list[str]:
    """A source is retired in the profile: nothing more is captured, and what was stays."""
    tiny = Tiny(folder)
    tiny.upstream(a=[row("1", PEARS)], b=[row("1", NAILS)])
    tiny.make(*_sealed())
    tiny.upstream(b=[row("1", CLOCK)])
    tiny.weeks, tiny.more = (ONE, TWO), {"b": {"retired": TWO}}
    tiny.make()
    vanished = tiny.rows("raw_prompts", "b", TWO, table="vanished")
    return [
        _held("nothing is captured", tiny.rows("raw_prompts", "b", TWO) == vanished == []),
        _held("what was captured stays", tiny.released() == {PEARS, NAILS}),
        _held("the ledger adds up", len(tiny.ledger()) == 2 and tiny.outside() is None),
    ]


def first_week_leaves(folder: Path) -> list[str]:
    """The profile starts a week later, then as before; then its last week goes."""
    tiny = Tiny(folder)
    tiny.upstream(a=[row("1", PEARS), row("2", PEARS.replace("nobody", "no one"))])
    tiny.make(*_sealed())
    tiny.upstream(a=[row("1", PEARS), row("3", NAILS)])
    tiny.weeks = (ONE, TWO)
    tiny.make()
    root = tiny.manifest("release", TWO).root
    tiny.weeks = (TWO, TWO)
    tiny.make()
    (week,) = tiny.ledger()
    lines = [
        _held("what was repeated is new", tiny.released() == {PEARS, NAILS}),
        _held("the ledger is of the weeks left", (week["week"], week["released"]) == (TWO, 2)),
        _held("the first week is outside", f"week {ONE} (" in (tiny.outside() or "")),
        _held("a second run does nothing", tiny.make() == []),
    ]
    tiny.weeks = (ONE, TWO)
    tiny.make()
    lines.append(_held("put back, all is as it was", tiny.manifest("release", TWO).root == root))
    tiny.weeks = (ONE, ONE)
    tiny.make()
    (week,) = tiny.ledger()
    return [*lines, _held("without the last week the first stands", week["released"] == 1)]


def twin_taken_down(folder: Path) -> list[str]:
    """A row is taken down that a row of a later week was dropped for."""
    tiny = Tiny(folder)
    near = row("2", PEARS.replace("nobody", "no one"))
    tiny.upstream(a=[row("1", PEARS), row("3", NAILS)])
    tiny.weeks = (ONE, TWO)
    tiny.make(*_sealed(), weeks=[ONE])
    tiny.upstream(a=[row("1", PEARS), row("3", NAILS), near])
    tiny.make()
    before = tiny.released()
    (sample,) = (r["sample_id"] for r in tiny.rows("raw_prompts", "a", ONE) if r["prompt"] == PEARS)
    listed = folder / "takedowns" / "tiny" / "a.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text(sample + "\n", encoding="utf-8")
    tiny.make()
    return [
        _held("it was dropped for its twin", before == {PEARS, NAILS}),
        _held("it comes back", tiny.released() == {NAILS, near["question"]}),
        _held("the ledger adds up", len(tiny.ledger()) == 2),
    ]


def _sealed() -> list[str]:
    return ["takedowns", "benchmarks", "raw_prompts"]


def _until_verified() -> list[str]:

    names = [stage.name for stage in ARTIFACTS]
    return names[: names.index("verified") + 1]


def _named(call: Callable[[], Any], *words: str) -> str:
    try:
        call()
    except (LedgerError, InputMissing) as error:
        missing = [word for word in words if word not in str(error)]
        return f"broken: {error} (without {missing})" if missing else f"named: {error}"
    return f"broken: nothing says {words[0]}"


def _held(what: str, holds: bool) -> str:
    return f"{'held' if holds else 'broken'}: {what}"


def powers_and_digits(folder: Path) -> list[str]:
    """Prompts that differ in what compatibility forms and case folding make one."""
    tiny = Tiny(folder)
    text = "Write the value of {} as a sum of two numbers that are not equal to each other."
    pairs = ("10²", "102"), ("2⁵", "25"), ("x₁₂", "x12"), ("X<x", "x<X")
    texts = [text.format(value) for pair in pairs for value in pair]
    tiny.upstream(a=[row(str(place), one) for place, one in enumerate(texts)])
    tiny.make("takedowns", "benchmarks", "raw_prompts", "prompts", "embedding_index")
    tiny.make("deduplicated")
    exact = [one["prompt"] for one in tiny.rows("prompts", "a", ONE) if one["decision"] != KEPT]
    compared = len(tiny.rows("deduplicated", ONE))
    return [
        _held(f"none is an exact duplicate {exact}", not exact),
        _held(f"{compared} are compared", compared == len(texts)),
    ]


def _on_its_own(attack: Attack) -> Attack:
    """`attack`, which takes an empty project folder, for a finished project."""

    def attacking(project: Path) -> list[str]:
        with empty_like(project) as folder:
            return attack(folder)

    return attacking


_ATTACKS: dict[str, Attack] = {
    "ranks swapped, only deduplicated made again": swapped_ranks,
    "a week without its dataset": week_without_dataset,
    "twins that are superseded": lost_twins,
    "a twin that is taken down": twin_taken_down,
    "a source leaves the profile": source_leaves,
    "a source is retired": source_stays,
    "the first and the last week leave": first_week_leaves,
    "powers and digits that look alike": powers_and_digits,
}

ATTACKS = {name: _on_its_own(attack) for name, attack in _ATTACKS.items()}
"""Every attack by what it does; each takes the folder of a finished tiny project."""
