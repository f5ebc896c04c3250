"""Publishes made-up artifacts in a process of its own: `python store_worker.py ROOT NAME COUNT`."""

import sys
from pathlib import Path
from typing import Literal

import pyarrow as pa

from am_assets.core.manifest import Manifest, Ref
from am_assets.core.store import Over, Store, write_table

WEEK = "2025-01-06"


def ref(name: str, number: int) -> Ref:
    """The artifact a worker called `name` publishes as its `number`-th."""
    return Ref(asset="made", partition=(f"{name}{number}", WEEK))


def publish(
    store: Store,
    target: Ref,
    text: str,
    rows: int = 3,
    over: Manifest | Literal[Over.ANYTHING] | None = Over.ANYTHING,
) -> Manifest:
    """Publish a table of `rows` rows that hold `text`, and a file in a subfolder."""
    with store.workspace() as scratch:
        folder = scratch / "data"
        (folder / "sub").mkdir(parents=True)
        write_table(pa.table({"id": range(rows), "text": [text] * rows}), folder, "made")
        (folder / "sub" / "notes.md").write_text(text)
        manifest = Manifest(
            profile=store.profile,
            ref=target,
            root=text,
            tables={"made": {"rows": rows}},
            derivation=text,
            inputs=[],
            code_version="1",
            config={},
            models={},
            complete=True,
            ledger=None,
            environment={},
            dvc=store.add(folder),
        )
        store.publish(manifest, {"run_id": "r"}, folder, over)
    return manifest


def _main(root: str, name: str, count: int) -> None:
    store = Store(Path(root), "tiny")
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(count):
        publish(store, ref(name, number), f"{name} {number}")
        print(number, flush=True)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
