"""Make the golden files of today's schemas: small invented artifacts that stay readable for ever.

A schema's golden file is `vN/<table>.parquet` (its root is in `roots.json`), the manifest's is
`vN/manifest.json`, where N is the version that the schema has now. Each holds the same invented
rows whenever it is made. One that is there is a promise: it is never written again.

    .venv/bin/python -m am_assets_tests.golden.make                 # whatever is missing
    .venv/bin/python -m am_assets_tests.golden.make scores manifest # these

After a change of a schema: raise its version (`version` in core/schema.py, `MANIFEST_SCHEMA` in
core/manifest.py), run this, and commit what it wrote. Golden files of older versions stay.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from am_assets.core import schema
from am_assets.core.identity import table_root
from am_assets.core.manifest import MANIFEST_SCHEMA, Input, Manifest, Pointer, Ref
from am_assets.core.schema import TableSchema, embedding_schema, returned_vectors_schema
from am_assets.core.store import write_table

GOLDEN = Path(__file__).parent
MANIFEST = "manifest"


class Promised(ValueError):
    """A golden file that is there already; the message says what to do instead."""


def schemas() -> list[TableSchema]:
    """Every table's schema of today."""
    return [
        *(value for value in vars(schema).values() if isinstance(value, TableSchema)),
        embedding_schema(4),
        returned_vectors_schema(4),
    ]


def versions() -> dict[str, int]:
    """Today's version of every table and of the manifest, by name."""
    return {**{one.name: one.version for one in schemas()}, MANIFEST: MANIFEST_SCHEMA}


def path_of(name: str, folder: Path = GOLDEN) -> Path:
    """Where the golden file of today's version of a table, or of the manifest, lies."""
    suffix = "json" if name == MANIFEST else "parquet"
    return folder / f"v{versions()[name]}" / f"{name}.{suffix}"


def missing(folder: Path = GOLDEN) -> list[str]:
    """Names of what has no golden file of today's version."""
    return [name for name in versions() if not path_of(name, folder).is_file()]


def remedy(*names: str) -> str:
    """The command that makes the golden files of `names`."""
    return " ".join([".venv/bin/python -m am_assets_tests.golden.make", *names])


def roots(folder: Path = GOLDEN) -> dict[str, dict[str, str]]:
    """Roots of the golden tables by version and name."""
    return json.loads((folder / "roots.json").read_text())


def make(name: str, folder: Path = GOLDEN) -> Path:
    """Write the golden file of today's version of a table or of the manifest.

    Raises Promised where there is one.
    """
    path = path_of(name, folder)
    if path.exists():
        raise Promised(
            f"{name} has a golden file of version {versions()[name]}, which old artifacts are held "
            "to: give the schema a new version, or, where that version was never merged, remove "
            f"{path.relative_to(folder)} first"
        )
    path.parent.mkdir(exist_ok=True)
    if name == MANIFEST:
        path.write_bytes(manifest().dumps())
        return path
    (contract,) = (one for one in schemas() if one.name == name)
    table = contract.table(rows(contract))
    write_table(table, path.parent, name)
    known = roots(folder)
    known.setdefault(path.parent.name, {})[name] = table_root(table, contract.id_column)
    text = json.dumps(known, indent=1, sort_keys=True) + "\n"
    (folder / "roots.json").write_text(text)
    return path


def rows(contract: TableSchema) -> Iterator[dict[str, Any]]:
    """Invented rows of a table: two with every column, one with nothing that may be left out."""
    for index in range(2):
        yield {one.name: _value(one.type, one.name, index) for one in contract.arrow}
    fixed = (one for one in contract.arrow if pa.types.is_fixed_size_list(one.type))
    yield {
        **{one.name: _value(one.type, one.name, 2) for one in fixed},
        contract.id_column: f"{contract.id_column} 9",
    }


def manifest() -> Manifest:
    """An invented manifest in which every field says something."""
    raw = Ref(asset="raw_prompts", partition=("sums", "2025-01-06"))
    benchmark = Ref(asset="deduplicated", partition=("2025-01-06",))
    return Manifest(
        profile="golden",
        ref=Ref(asset="prompts", partition=("sums", "2025-01-06")),
        root="root é",
        tables={"prompts": {"root": "root é", "rows": 3, "schema_version": 2}},
        slices={"sums": "slice", "returned/sums": "slice of another table"},
        derivation="derivation",
        inputs=[
            Input(ref=raw, root="raw root", accounts="accounts", dvc="dvc of raw"),
            Input(ref=benchmark, slice="sums", root="slice root", dvc="dvc"),
        ],
        code_version="code",
        config={"cleaning": {"drop_urls": True, "max_abnormal_share": 0.1}},
        models={"instruct": "digest"},
        libraries={"unicode": "15.0.0"},
        complete=False,
        ledger={"rows_in": 3, "kept": 1, "dropped": {"url": 1}, "pending": {"error": 1}},
        counts={"by_week": {"2025-01-06": 3}},
        ids={"kept": {"sums|2025-01-06": f"1 {1:064x}"}},
        environment={"python": "3.11.0", "packages": {}, "cpu": "invented", "threads": 2},
        dvc=Pointer(md5="md5.dir", size=7, nfiles=1, files={"prompts.parquet": ("md5", 7)}),
        keeps=("seal.zst",),
    )


def _value(kind: pa.DataType, name: str, index: int) -> Any:
    if pa.types.is_string(kind):
        return f"{name} {index} é"
    if pa.types.is_boolean(kind):
        return index == 0
    if pa.types.is_integer(kind):
        return index + 1
    if pa.types.is_floating(kind):
        return 0.25 * (index + 1)
    if pa.types.is_struct(kind):
        return {one.name: _value(one.type, one.name, index) for one in kind}
    if pa.types.is_fixed_size_list(kind):
        return [_value(kind.value_type, name, index)] * kind.list_size
    if pa.types.is_list(kind):
        return [_value(kind.value_type, name, index)]
    raise TypeError(f"no invented value of type {kind} yet: add one to {__file__}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is named, or what is missing; 1 where something named is there already."""
    parser = argparse.ArgumentParser(
        prog="python -m am_assets_tests.golden.make",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = ", ".join(sorted(versions()))
    parser.add_argument(
        "name", nargs="*", help=f"tables, or the manifest (default: what is missing): {known}"
    )
    names: list[str] = parser.parse_args(arguments).name
    for name in names:
        if name not in versions():
            parser.error(f"there is no {name}: choose of {known}")
    try:
        for name in names or missing():
            print(f"wrote {make(name).relative_to(GOLDEN.parents[1])}")
    except Promised as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
