"""Schemas are contracts: every column has a role, old artifacts stay readable."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from am_assets.core import schema
from am_assets.core.identity import ROLE, sample_id, table_root
from am_assets.core.schema import TableSchema
from am_assets_tests.golden import make
from am_assets_tests.golden.make import GOLDEN

SCHEMAS = make.schemas()
ROOTS = make.roots()
ARTIFACTS = [(version, name) for version, roots in ROOTS.items() for name in roots]


@pytest.mark.parametrize("table", SCHEMAS, ids=lambda table: table.name)
def test_every_column_says_whether_it_is_identity(table: TableSchema) -> None:
    for field in table.arrow:
        assert (field.metadata or {}).get(ROLE) in (b"identity", b"provenance"), field.name
        assert (field.metadata or {}).get(b"doc"), field.name


@pytest.mark.parametrize("table", SCHEMAS, ids=lambda table: table.name)
def test_the_id_column_exists(table: TableSchema) -> None:
    assert table.id_column in table.arrow.names


@pytest.mark.parametrize("table", SCHEMAS, ids=lambda table: table.name)
def test_a_table_without_rows_has_the_schema(table: TableSchema) -> None:
    assert table.table([]).schema.equals(table.arrow, check_metadata=True)


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(KeyError, match="table takedowns has no column text"):
        schema.TAKEDOWNS.table([{"sample_id": "a", "text": "never"}])


def test_rows_are_sorted_by_id_in_one_chunk() -> None:
    table = schema.TAKEDOWNS.table({"sample_id": name} for name in "cab")
    assert table["sample_id"].to_pylist() == ["a", "b", "c"]
    assert table["sample_id"].num_chunks == 1


def test_only_kept_rows_go_downstream() -> None:
    rows = [{"sample_id": name, "decision": fate} for name, fate in (("a", "kept"), ("b", "x"))]
    kept = schema.kept(schema.DEDUPLICATED.table(rows), ["sample_id"])
    assert kept.to_pylist() == [{"sample_id": "a"}]


@pytest.mark.parametrize(("version", "name"), ARTIFACTS)
def test_a_golden_artifact_stays_readable_and_keeps_its_root(version: str, name: str) -> None:
    table = pq.read_table(GOLDEN / version / f"{name}.parquet")
    contract = next(one for one in SCHEMAS if one.name == name)
    assert table.num_rows > 0
    assert table_root(table, contract.id_column) == ROOTS[version][name]
    # Today's readers find every column they knew then, with its type.
    for field in table.schema:
        assert contract.arrow.field(field.name).type.equals(field.type), field.name


def test_every_schema_has_a_golden_artifact_of_its_version() -> None:
    absent = make.missing()
    assert not absent, f"run `{make.remedy(*absent)}` and commit what it writes"
    for contract in SCHEMAS:
        assert contract.name in ROOTS[f"v{contract.version}"], contract.name


@pytest.mark.parametrize("contract", SCHEMAS, ids=lambda contract: contract.name)
def test_a_schema_of_other_columns_has_another_version(contract: TableSchema) -> None:
    path = make.path_of(contract.name)
    assert path.is_file(), f"run `{make.remedy(contract.name)}` and commit what it writes"
    golden = pq.read_schema(path)
    assert _columns(contract.arrow) == _columns(golden), (
        f"{contract.name} is not what version {contract.version} of it was: raise the version in "
        f"core/schema.py, then run `{make.remedy(contract.name)}` and commit what it writes"
    )


def _columns(columns: pa.Schema) -> list[tuple[str, str, bytes]]:
    # Parquet calls the items of a list otherwise.
    return [
        (one.name, str(one.type).replace("element:", "item:"), (one.metadata or {})[ROLE])
        for one in columns
    ]


def test_a_golden_artifact_is_made_again_nowhere_but_where_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "roots.json").write_text("{}")
    for name in make.versions():
        assert name in make.missing(tmp_path)
        path = make.make(name, tmp_path)
        assert path.is_file()
        with pytest.raises(make.Promised, match=f"{name} has a golden file of version"):
            make.make(name, tmp_path)
    assert make.missing(tmp_path) == []


def test_golden_artifacts_are_the_same_whenever_they_are_made(tmp_path: Path) -> None:
    found: list[bytes] = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        (folder / "roots.json").write_text("{}")
        make.make("sft_dataset", folder)
        found.append((folder / "roots.json").read_bytes())
    assert found[0] == found[1]


def test_the_identity_scheme_has_not_changed() -> None:
    record = {"prompt": "What is 2 + 2?", "reference_answer": "4", "score": 0.5, "none": None}
    assert sample_id("golden", record) == "e82688080939c27a433e5011fe36c005"
    assert table_root(pa.table({"id": ["b", "a"], "n": [1, 2]}), "id") == (
        "c05fd938784595f70048d2bbf09d83365aa93e4046b14a41e826408782ad812a"
    )


def test_json_columns_hold_what_arrow_can_hold() -> None:
    assert schema.dumps(None) is None
    assert schema.dumps({"b": "é", "a": "\ud800"}) == '{"a": "?", "b": "é"}'
