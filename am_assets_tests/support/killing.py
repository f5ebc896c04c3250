"""Killing a stage with SIGKILL, over and over, and seeing that nothing is lost or paid for twice.

    python -m am_assets_tests.support.killing PROJECT --kills 200 --in-commits 50

PROJECT is a folder in which the mini profile has been materialized (`am-assets demo`); a copy of
it is worked on. The stage's partition is made anew with an empty row memory, killed at a random
moment and started again until a run comes to its end; then anew. Some of the kills wait for a
commit to the row memory and strike while it goes on. Every run that ends must reach the root that
is published, the memory must be sound after every kill, and no request may be handed to an engine
twice unless a kill found it in flight.
"""

import argparse
import dataclasses
import importlib
import mmap
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from am_assets.core import memory as memory_module
from am_assets.core.materialize import Materializer
from am_assets.core.memory import RowMemory
from am_assets.core.profile import Profile
from am_assets.core.requests import Completion, GenerationRequest
from am_assets.core.stage import Key, Plan, Stage
from am_assets.core.store import Store
from am_assets.defs.project import ARTIFACTS, Project
from am_assets.defs.weeks import week_keys
from am_assets.engines import vllm
from am_assets.engines.profile_engines import ProfileEngines
from am_assets.engines.vllm import VllmEngine
from am_assets.stages.generation import KIND

IN_FLIGHT = 24
_KEY_LENGTH = 32


@dataclass
class Report:
    """What the kills did: `asked` requests reached an engine, `again` of them a second time."""

    kills: int = 0
    in_commits: int = 0
    runs: int = 0
    """Runs that came to their end."""
    asked: int = 0
    again: int = 0
    problems: list[str] = field(default_factory=list)


class _Anew(Materializer):
    """Makes a partition again that is published already."""

    def plan(self, stage: Stage, key: Key) -> Plan:
        return dataclasses.replace(super().plan(stage, key), published=None)


def kill_often(
    project: Path,
    asset: str,
    key: Key,
    kills: int,
    in_commits: int,
    seed: int = 0,
    in_flight: int = IN_FLIGHT,
) -> Report:
    """Kill runs of one partition of `asset` until `kills` have struck, `in_commits` in commits."""
    (stage,) = (stage for stage in ARTIFACTS if stage.name == asset)
    rng, report = random.Random(seed), Report()
    with tempfile.TemporaryDirectory(prefix="am-kill-") as scratch:
        folder = Path(scratch) / "project"
        shutil.copytree(project, folder, symlinks=True)
        os.environ["AM_ASSETS_ROOT"] = str(folder)
        opened = Project.open("mini")
        profile = _few_in_flight(opened.profile, in_flight)
        published = opened.store.snapshot().manifest(stage.ref(key))
        if published is None:
            raise SystemExit(f"{stage.ref(key)} is not materialized in {project}: run the demo")
        _import_vllm()
        runs = _Runs(folder, profile, stage, key, published.root, in_flight, report)
        runs.start()
        duration = runs.ended()
        with tqdm(total=kills, desc=f"kills of {asset}", disable=None) as bar:
            while report.kills < kills:
                runs.forget()
                struck = True
                while struck:
                    runs.start()
                    left = kills - report.kills
                    commit = left and rng.random() < (in_commits - report.in_commits) / left
                    struck = bool(left) and runs.killed(rng, duration, bool(commit))
                    bar.update(report.kills - bar.n)
                duration = min(duration, runs.ended())
    return report


def _import_vllm() -> None:
    """Import it once, before the forks: that takes longer than a run."""
    for name, value in vllm.ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    importlib.import_module("vllm.v1.engine.llm_engine")
    importlib.import_module("vllm.engine.arg_utils")
    # Nothing of it has run yet when the children are forked.
    warnings.filterwarnings("ignore", message="lancedb fork support")


class _Runs:
    """Runs of one partition in processes of their own, with what they share."""

    def __init__(
        self,
        folder: Path,
        profile: Profile,
        stage: Stage,
        key: Key,
        root: str,
        in_flight: int,
        report: Report,
    ) -> None:
        self._folder, self._profile, self._stage, self._key = folder, profile, stage, key
        self._root, self._in_flight, self._report = root, in_flight, report
        self._memory = folder / ".am" / "kill.sqlite"
        self._asked = folder / ".am" / "asked"
        self._end = folder / ".am" / "end"
        # Shared with the children: whether one is inside a commit.
        self._flag = mmap.mmap(-1, 1)
        self._remembered: set[str] = set()
        self._lost: set[str] = set()
        self._child, self._begun, self._status = 0, 0.0, 0
        self.forget()

    def forget(self) -> None:
        """Begin anew: nothing is remembered, nothing has been asked."""
        for path in self._memory.parent.glob(f"{self._memory.name}*"):
            path.unlink()
        self._remembered, self._lost = set(), set()

    def start(self) -> None:
        """Start a run in a process of its own."""
        self._end.unlink(missing_ok=True)
        self._asked.write_text("")
        self._flag[0] = 0
        self._begun = time.monotonic()
        self._child = os.fork()
        if self._child:
            return
        try:
            self._work()
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)

    def killed(self, rng: random.Random, duration: float, commit: bool) -> bool:
        """Kill the run somewhere within `duration` seconds; False when it ended before."""
        moment = self._begun + rng.uniform(0, duration)
        while True:
            late = time.monotonic() > moment
            if late and (self._strike_in_commit(rng) if commit else True):
                break
            if self._over():
                return False
            if not (commit and late):
                time.sleep(0.002)
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        self._child = 0
        self._report.kills += 1
        # Still raised: the process died between the beginning of a transaction and its end.
        self._report.in_commits += self._flag[0]
        self._account()
        return True

    def ended(self) -> float:
        """Wait for the end of the run, which must reach the root; returns its seconds."""
        while not self._over():
            time.sleep(0.01)
        duration = time.monotonic() - self._begun
        failed = self._status != 0 or not self._end.is_file()
        if failed or self._end.read_text() != self._root:
            self._report.problems.append("a run failed" if failed else "another root")
        self._report.runs += 1
        self._account()
        return duration

    def _over(self) -> bool:
        """Whether the run has come to its end by itself."""
        if self._child:
            process, self._status = os.waitpid(self._child, os.WNOHANG)
            if process:
                self._child = 0
        return not self._child

    def _strike_in_commit(self, rng: random.Random) -> bool:
        """Wait for a moment somewhere within a transaction, if one is going on."""
        if not self._flag[0]:
            return False
        until = time.perf_counter_ns() + rng.randrange(60_000)
        while time.perf_counter_ns() < until:
            pass
        return bool(self._flag[0])

    def _account(self) -> None:
        """Compare what the last run asked with what was, and now is, remembered."""
        listed = [line for line in self._asked.read_text().split() if len(line) == _KEY_LENGTH]
        asked = set(listed)
        with sqlite3.connect(self._memory) as connection:
            (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
            # A run that was killed before it made the tables has remembered nothing.
            made = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'results'"
            ).fetchone()
            entries = "SELECT key FROM results WHERE kind = ?"
            rows = connection.execute(entries, (KIND,)).fetchall() if made else []
            found = {key.hex() for (key,) in rows}
        connection.close()
        self._report.asked += len(asked)
        self._report.again += len(asked & self._lost)
        for problem, count in (
            (f"the memory is not sound: {sound}", int(sound != "ok")),
            ("a request was asked twice in one run", len(listed) - len(asked)),
            ("a remembered request was asked again", len(asked & self._remembered)),
            ("what was remembered is lost", len(self._remembered - found)),
            ("more was lost than was in flight", max(0, len(asked - found) - self._in_flight)),
        ):
            if count:
                self._report.problems.append(f"{problem} ({count})")
        self._lost = (self._lost | asked) - found
        self._remembered = found

    def _work(self) -> None:
        """In the child: make the partition, with the flag raised and the requests listed."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _raise_flag_in_transactions(self._flag)
        _list_requests(self._asked)
        store = Store(self._folder, self._profile.name)
        store.__dict__["memory"] = RowMemory(self._memory)
        engines = ProfileEngines(self._profile, lambda line: None)
        materializer = _Anew(self._profile, store, engines, week_keys(self._profile))
        outcome = materializer.materialize(self._stage, self._key, {})
        self._end.write_text(outcome.manifest.root)


def _raise_flag_in_transactions(flag: mmap.mmap) -> None:
    original = memory_module.transaction

    @contextmanager
    def flagged(connection: sqlite3.Connection) -> Iterator[None]:
        flag[0] = 1
        with original(connection):
            yield
        flag[0] = 0

    memory_module.transaction = flagged


def _list_requests(path: Path) -> None:
    """Write down each request that is handed to vLLM."""
    original, listing = VllmEngine.generate, os.open(path, os.O_WRONLY | os.O_APPEND)

    def noted(
        requests: Iterable[GenerationRequest | None],
    ) -> Iterator[GenerationRequest | None]:
        for request in requests:
            if request is not None:
                os.write(listing, f"{request.request_key}\n".encode())
            yield request

    def listed(
        self: VllmEngine, requests: Iterable[GenerationRequest | None]
    ) -> Iterator[Completion]:
        return original(self, noted(requests))

    VllmEngine.generate = listed


def _few_in_flight(profile: Profile, in_flight: int) -> Profile:
    """The profile with engines that take `in_flight` requests at a time."""
    models = {
        role: model.model_copy(
            update={"options": {**model.options, "in_flight": in_flight, "max_num_seqs": 16}}
        )
        for role in ("teacher", "instruct", "base")
        if (model := getattr(profile.models, role)) is not None
    }
    return profile.model_copy(update={"models": profile.models.model_copy(update=models)})


def main() -> None:
    """Kill as the arguments say; exits with 1 when anything was lost or repeated."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "project", type=Path, help="a folder where the mini profile is materialized"
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--in-commits", type=int, default=50)
    parser.add_argument("--asset", default="responses", help="labels, responses, verified, …")
    parser.add_argument("--source", default="mini_chat")
    parser.add_argument("--week", default="2025-01-06")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    key = {"source": arguments.source, "week": arguments.week, "recipe": "base"}
    report = kill_often(
        arguments.project,
        arguments.asset,
        key,
        arguments.kills,
        arguments.in_commits,
        arguments.seed,
    )
    print(report)
    sys.exit(1 if report.problems else 0)


if __name__ == "__main__":
    main()
