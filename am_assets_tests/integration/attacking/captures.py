"""Captures and takedowns of a project, made in this process without engines and without Dagster."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from am_assets.core.engines import Engines
from am_assets.core.manifest import Manifest
from am_assets.core.materialize import Materialized, Materializer
from am_assets.core.profile import load_profile
from am_assets.core.run import Inputs, Run
from am_assets.core.stage import Built, Key, Stage
from am_assets.core.store import Store
from am_assets.defs.assets.raw_prompts import raw_prompts
from am_assets.defs.assets.takedowns import takedowns
from am_assets.defs.weeks import week_keys
from am_assets.stages.sources.sealing import SEAL, SealedRow, seal_of, sealed_rows
from am_assets_tests.conftest import NO_AUTHOR


class _NoModels:
    """Engines of a profile that are never asked."""

    def digest(self, role: str) -> str | None:
        """No role has weights."""
        del role
        return None


class Captures:
    """The sources of the profile file `profile` in the project `folder`."""

    def __init__(self, folder: Path, profile: str = "tiny.yaml") -> None:
        self.folder = folder
        self.profile = load_profile(str(folder / profile))
        self.store = Store(folder, self.profile.name)
        self.weeks = week_keys(self.profile)

    def make(self, stage: Stage, **key: str) -> Materialized:
        """Materialize one partition of `stage`."""
        return self._materializer().materialize(stage, key, {"run_id": "test"})

    def make_all(self, weeks: int | None = None) -> list[Manifest]:
        """Materialize the takedowns of every source, and the captures of the first `weeks`."""
        sources = sorted(self.profile.sources)
        for source in sources:
            self.make(takedowns, source=source)
        return [
            self.make(raw_prompts, source=source, week=week).manifest
            for week in self.weeks[:weeks]
            for source in sources
        ]

    def list_down(self, *lines: str, source: str = "sums") -> Path:
        """Write the list of takedowns of a source."""
        path = self.folder / "takedowns" / self.profile.name / f"{source}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def manifest(self, stage: Stage, key: Key) -> Manifest:
        """What is published of one partition."""
        found = self.store.snapshot().manifest(stage.ref(key))
        assert found is not None
        return found

    def raw(self, source: str = "sums", week: int = 0) -> pa.Table:
        """The table of a published capture."""
        return self.store.table(self._capture(source, week).dvc, "raw_prompts")

    def seal(self, source: str = "sums", week: int = 0) -> Path:
        """The cached seal of a published capture."""
        return self.store.file(self._capture(source, week).dvc, SEAL)

    def sealed(self, source: str = "sums", week: int = 0) -> list[SealedRow]:
        """Its rows."""
        path = self.seal(source, week)
        return list(sealed_rows(path, source, seal_of(path, source)))

    def replace_files(
        self, edit: Callable[[Path], None], source: str = "sums", **changes: Any
    ) -> Manifest:
        """Publish the first capture again after `edit` of its folder; `changes` its manifest."""
        manifest = self._capture(source, 0)
        with self.store.workspace() as scratch:
            folder = scratch / "data"
            folder.mkdir()
            self.store.copy_files(manifest.dvc, folder)
            edit(folder)
            changed = manifest.model_copy(update={**changes, "dvc": self.store.add(folder)})
            self.store.publish(changed, {"run_id": "test"}, folder)
        return changed

    def _capture(self, source: str, week: int) -> Manifest:
        return self.manifest(raw_prompts, {"source": source, "week": self.weeks[week]})

    def _materializer(self) -> Materializer:
        engines = cast(Engines, _NoModels())
        return Materializer(self.profile, self.store, engines, self.weeks)


def start_capture(folder: Path, source: str, week: str) -> subprocess.Popen[str]:
    """A process that captures, says so once upstream is read, and waits for `go_on`."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "am_assets_tests.integration.attacking.captures",
            str(folder),
            source,
            week,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **NO_AUTHOR},
    )


def next_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it says next."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def go_on(process: subprocess.Popen[str]) -> None:
    """Let it publish."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _main(folder: str, source: str, week: str) -> None:
    """Capture in a process of its own, that says when upstream is read and waits for a line."""

    def slow(run: Run, takedowns: Inputs, earlier: Inputs) -> Built:
        built = raw_prompts.build(run, takedowns, earlier)
        print(json.dumps({"captured": run.published is None}), flush=True)
        sys.stdin.readline()
        return built

    stage = replace(raw_prompts, build=slow)
    outcome = Captures(Path(folder)).make(stage, source=source, week=week)
    told = {"root": outcome.manifest.root, "reused": outcome.reused}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
