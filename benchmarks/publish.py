"""Publishing an artifact against `dvc add` and `git commit` of the same files.

    python benchmarks/publish.py [--artifacts 20]

Both put the same small folders under DVC and commit the pointers, in a fresh repository each. The
peer is what a person would type; ours leaves the branch, the index and DVC's lock alone.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from am_assets.core.manifest import Manifest, Ref
from am_assets.core.store import Store

DVC = str(Path(sys.executable).parent / "dvc")


def repository(folder: Path) -> None:
    """A git and DVC repository with an author."""
    for command in (
        ["git", "init", "-q", "."],
        ["git", "config", "user.email", "benchmark@localhost"],
        ["git", "config", "user.name", "benchmark"],
        [DVC, "init", "-q"],
    ):
        subprocess.run(command, cwd=folder, check=True)


def ours(folder: Path, count: int) -> float:
    """Seconds to publish `count` artifacts."""
    store = Store(folder, "bench")
    begun = time.perf_counter()
    for number in range(count):
        ref = Ref(asset="made", partition=(f"p{number}",))
        with store.workspace() as scratch:
            files = scratch / "data"
            files.mkdir()
            (files / "rows.txt").write_text(f"rows of {number}\n" * 1000)
            manifest = Manifest(
                profile="bench",
                ref=ref,
                root=str(number),
                tables={},
                derivation=str(number),
                inputs=[],
                code_version="0",
                config={},
                models={},
                complete=True,
                ledger=None,
                environment={},
                dvc=store.add(files),
            )
            store.publish(manifest, {}, files)
    return time.perf_counter() - begun


def peer(folder: Path, count: int) -> float:
    """Seconds for `dvc add` and `git commit` of the same files."""
    begun = time.perf_counter()
    for number in range(count):
        files = folder / "made" / f"p{number}"
        files.mkdir(parents=True)
        (files / "rows.txt").write_text(f"rows of {number}\n" * 1000)
        for command in (
            [DVC, "add", "-q", str(files)],
            ["git", "add", "made"],
            ["git", "commit", "-q", "-m", f"p{number}"],
        ):
            subprocess.run(command, cwd=folder, check=True)
    return time.perf_counter() - begun


def main() -> None:
    """Run both and print seconds an artifact and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--artifacts", type=int, default=20, help="folders to publish")
    count = parser.parse_args().artifacts
    seconds: dict[str, float] = {}
    for name, run in (("publish", ours), ("dvc add + git commit", peer)):
        with tempfile.TemporaryDirectory() as folder:
            repository(Path(folder))
            seconds[name] = run(Path(folder), count) / count
            print(f"{name:>22}: {seconds[name]:.3f} s an artifact")
    print(f"{'ratio':>22}: {seconds['publish'] / seconds['dvc add + git commit']:.3f}")


if __name__ == "__main__":
    main()
