"""What random histories of a project are made of: upstream, the profile, the takedowns, a folder.

A `State` is what a history has come to; `Folder` is a project folder that works on it by the real
stages. Two folders that live through the same history in different orders of work must end alike.
"""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from am_assets.core.engines import Engines
from am_assets.core.ledger import LedgerError
from am_assets.core.manifest import Manifest
from am_assets.core.materialize import Materializer
from am_assets.core.profile import Profile
from am_assets.core.stage import BENCHMARK, SOURCE, SOURCE_WEEK, WEEK, InputMissing, Key, Stage
from am_assets.core.store import Store
from am_assets.defs.project import ARTIFACTS
from am_assets_tests.conftest import TINY, write_jsonl

WEEKS = ("2025-01-06", "2025-01-13", "2025-01-20", "2025-01-27")
SOURCES = ("east", "north", "south", "west")
_THINGS = ("pears", "nails", "stamps", "kites", "bricks", "shells", "coins", "maps")


@dataclass(frozen=True)
class Row:
    """An upstream row: its key, which problem it states, and in which of three wordings."""

    key: str
    problem: int
    wording: int = 0

    def record(self) -> dict[str, Any]:
        """The row as upstream has it."""
        thing = _THINGS[self.problem % len(_THINGS)]
        first, second = 11 + 7 * self.problem, 3 + 2 * self.problem
        question = (
            f"A box holds {first} {thing} and {second} more {thing} are put there on day "
            f"{self.problem + 1}. How many {thing} does the box hold then?"
        )
        # The second differs in case and white space, the third in punctuation.
        question = (
            question,
            question.replace("How many", "how  many"),
            question.replace(". How", "; how"),
        )[self.wording]
        total = first + second
        return {
            "key": self.key,
            "question": question,
            "answer": str(total),
            "response": f"<think>{first} and {second} make {total}.</think>\n"
            f"<answer>\\boxed{{{total}}}</answer>",
        }


@dataclass
class State:
    """What a history has come to."""

    upstream: dict[str, dict[str, Row]] = field(default_factory=dict)
    """Rows by source and place in it; a place keeps its row until an edit."""
    sources: dict[str, int] = field(default_factory=dict)
    """Ranks of the sources in the profile."""
    left: dict[str, int] = field(default_factory=dict)
    """Ranks that the sources had which left it."""
    retired: dict[str, str] = field(default_factory=dict)
    """Monday from which on a source of the profile is captured no more."""
    files: dict[str, str] = field(default_factory=dict)
    """Names of the sources' files where they are not the sources' own."""
    takedowns: dict[str, set[str]] = field(default_factory=dict)
    """By source its list: sample ids, and `content:` with a hash."""
    weeks: int = 1
    """Number of the profile's last week, from 1."""
    first: int = 0
    """Number of the profile's first week, from 0."""

    def file(self, source: str) -> str:
        """Name of a source's file."""
        return f"{self.files.get(source, source)}.jsonl"

    def profile(self, folder: Path) -> Profile:
        """The profile as it is now, over files in `folder`."""
        sums = {key: value for key, value in TINY["sources"]["sums"].items() if key != "columns"}
        columns = dict(TINY["sources"]["sums"]["columns"])
        del columns["recorded_verdict"]
        return Profile.model_validate(
            {
                **TINY,
                "weeks": {"start": WEEKS[self.first], "last": WEEKS[self.weeks - 1]},
                "sources": {
                    name: {
                        **sums,
                        "location": self.file(name),
                        "rank": rank,
                        "columns": columns,
                        "retired": self.retired.get(name),
                    }
                    for name, rank in self.sources.items()
                },
                "models": {
                    "embedding": {
                        **TINY["models"]["embedding"],
                        "calibration": {
                            "dedup_threshold": 0.9,
                            "decontamination_threshold": 0.95,
                        },
                    }
                },
                "dedup": {"threshold": 0.9},
                "decontamination": {"embedding_threshold": 0.95},
                "folder": folder,
            }
        )


class Folder:
    """A project folder in which the real stages work on a state."""

    def __init__(self, root: Path, engines: Engines) -> None:
        self.root = root
        self.store = Store(root, "tiny")
        self._engines = engines

    def see(self, state: State) -> None:
        """Write the state's files, and find the project's folder here from now on."""
        os.environ["AM_ASSETS_ROOT"] = str(self.root)
        self.weeks = list(WEEKS[state.first : state.weeks])
        for name, rows in state.upstream.items():
            write_jsonl(self.root / state.file(name), [row.record() for row in rows.values()])
        write_jsonl(
            self.root / "bench.jsonl",
            [{"problem": "What is the area of a circle of radius three?", "answer": "9\\pi"}],
        )
        lists = self.root / "takedowns" / "tiny"
        lists.mkdir(parents=True, exist_ok=True)
        for name in SOURCES:
            entries = sorted(state.takedowns.get(name, ()))
            path = lists / f"{name}.txt"
            path.write_text("".join(f"{entry}\n" for entry in entries))
            if not entries:
                path.unlink()
        self.profile = state.profile(self.root)

    def steps(self) -> list[tuple[Stage, Key]]:
        """Every partition but those of recipes, inputs first."""
        sources = sorted(self.profile.sources)
        listed: list[tuple[Stage, Key]] = [
            (stage, {"benchmark": name})
            for stage in ARTIFACTS
            if stage.dimensions == BENCHMARK
            for name in self.profile.benchmarks
        ]
        listed += [
            (stage, {"source": name})
            for stage in ARTIFACTS
            if stage.dimensions == SOURCE
            for name in sources
        ]
        for week in self.weeks:
            for stage in ARTIFACTS:
                if stage.dimensions == SOURCE_WEEK:
                    listed += [(stage, {"source": name, "week": week}) for name in sources]
                elif stage.dimensions == WEEK:
                    listed.append((stage, {"week": week}))
        return listed

    def materialize(self, stage: Stage, key: Key) -> None:
        """One partition, as the store is now."""
        self._materializer().materialize(stage, key, {"run_id": "history"})

    def capture(self, rng: random.Random) -> None:
        """Take what upstream has, for every week of a source that is not captured yet."""
        names = sorted(self.profile.sources)
        rng.shuffle(names)
        steps = [
            (stage, key)
            for name in names
            for stage, key in self.steps()
            if stage.name in ("takedowns", "raw_prompts") and key["source"] == name
        ]
        # A capture reads the takedowns of all sources.
        for stage, key in sorted(steps, key=lambda step: step[0].name, reverse=True):
            self.materialize(stage, key)

    def prompts(self) -> None:
        """The prompts of all captures."""
        for stage, key in self.steps():
            if stage.name in ("takedowns", "raw_prompts", "prompts"):
                self.materialize(stage, key)

    def taken_down(self) -> tuple[set[str], set[str]]:
        """Sample ids and content hashes that the published takedowns of the profile list."""
        entries = [
            entry
            for name, manifest in self.manifests().items()
            if name.startswith("takedowns ") and manifest.ref.partition[0] in self.profile.sources
            for entry in manifest.config["entries"]
        ]
        hashes = {hash_ for _, hash_ in entries if hash_ is not None}
        return {entry for entry, _ in entries if not entry.startswith("content:")}, hashes

    def some(self, rng: random.Random, share: float) -> None:
        """Some of the partitions, in any order; those whose inputs are missing are passed over."""
        steps = [step for step in self.steps() if rng.random() < share]
        rng.shuffle(steps)
        for stage, key in steps:
            if stage.name == "raw_prompts" and self.manifest(stage, key) is None:
                continue  # captures are events of the history, not of the order of work
            try:
                self.materialize(stage, key)
            except (InputMissing, LedgerError):
                continue  # inputs that are not there, or not of one generation, are named

    def all(self) -> None:
        """Everything, inputs first."""
        for stage, key in self.steps():
            self.materialize(stage, key)

    def stale(self) -> list[str]:
        """Partitions that have something to do."""
        materializer = self._materializer()
        return [
            str(stage.ref(key))
            for stage, key in self.steps()
            if not materializer.plan(stage, key).nothing_to_do
        ]

    def manifest(self, stage: Stage, key: Key) -> Manifest | None:
        """What is published of one partition."""
        return self.store.snapshot().manifest(stage.ref(key))

    def manifests(self) -> dict[str, Manifest]:
        """Everything that is published, by name."""
        snapshot = self.store.snapshot()
        return {str(ref): value for ref, value in snapshot.manifests(snapshot.refs()).items()}

    def table(self, asset: str, name: str, *partition: str) -> list[Mapping[str, Any]]:
        """Rows of one published table."""
        manifest = self.manifests()[f"{asset} {'|'.join(partition)}"]
        return self.store.table(manifest.dvc, name).to_pylist()

    def _materializer(self) -> Materializer:
        return Materializer(self.profile, self.store, self._engines, self.weeks)
