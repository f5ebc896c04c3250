"""A build sees of its inputs what a root covers, and of provenance what it has declared."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from am_assets.core.manifest import Input, Manifest, Pointer, Ref, derivation_of
from am_assets.core.provenance import ProvenanceError, covered, read_covered, read_rows
from am_assets.core.schema import RESPONSES
from am_assets.core.store import read_batches, write_table

GOLDEN = Path(__file__).parents[2] / "golden"
REF = Ref(asset="responses", partition=("sums", "2025-01-06"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = [{"response_id": name, "model": "m", "engine": "e"} for name in "ab"]
    write_table(RESPONSES.table(rows), tmp_path, "responses")
    return tmp_path / "responses.parquet"


def test_a_provenance_column_is_refused_by_name(path: Path) -> None:
    with pytest.raises(ProvenanceError, match=r"column engine of .* `Read\.passthrough`"):
        list(read_batches(path, ["response_id", "engine"]))
    with pytest.raises(ProvenanceError, match="engine"):
        read_rows(path, ["engine"])


def test_a_declared_provenance_column_is_read(path: Path) -> None:
    (part,) = read_batches(path, ["response_id", "engine"], passed=("engine",))
    assert part["engine"].to_pylist() == ["e", "e"]


def test_rows_are_read_by_a_filter(path: Path) -> None:
    rows = read_rows(path, ["model"], pc.field("response_id") == "b")
    assert rows.to_pylist() == [{"model": "m"}]


def test_a_whole_table_is_read_without_its_provenance(path: Path) -> None:
    names = read_covered(path, "responses", (), str(REF)).column_names
    assert "model" in names
    assert not {"engine", "engine_version", "sampling"} & set(names)
    assert "engine" in read_covered(path, "responses", ("engine",), str(REF)).column_names


def test_what_was_provenance_when_an_artifact_was_made_is_not_taken_for_identity() -> None:
    with pytest.raises(ProvenanceError, match="column model of responses: materialize it again"):
        read_covered(GOLDEN / "v2" / "responses.parquet", "responses", (), str(REF))


def _manifest(rows_in: int = 5) -> Manifest:
    return Manifest(
        profile="tiny",
        ref=REF,
        root="whole",
        tables={},
        slices={"sums": "slice"},
        derivation="d",
        inputs=[],
        code_version="1",
        config={"a": 1},
        models={"teacher": "t"},
        complete=True,
        ledger={"rows_in": rows_in, "kept": 3, "dropped": {"x": rows_in - 3}, "pending": {}},
        counts={"by_week": {}, "trained": True},
        environment={"python": "3"},
        dvc=Pointer(md5="m", size=1, nfiles=1),
    )


def test_a_build_knows_of_a_manifest_what_the_root_says() -> None:
    seen = covered(_manifest(), Input(ref=REF, root="whole", dvc="m"))
    assert (seen.root, seen.rows_kept, seen.counts, seen.config) == ("whole", 3, {}, {})
    assert covered(_manifest(7), Input(ref=REF, root="whole", dvc="m")) == seen


def test_of_a_slice_nothing_is_known_that_is_of_the_whole() -> None:
    seen = covered(_manifest(), Input(ref=REF, slice="sums", root="slice", dvc="m"))
    assert (seen.root, seen.rows_kept) == ("slice", None)


def test_a_ledger_that_is_read_is_part_of_the_derivation() -> None:
    derivations: set[str] = set()
    for manifest in (_manifest(5), _manifest(7)):
        item = Input(ref=REF, root="whole", dvc="m", accounts=manifest.accounts)
        seen = covered(manifest, item)
        assert seen.ledger == manifest.ledger
        assert seen.counts == {"by_week": {}}
        derivations.add(derivation_of("tiny", REF, "1", {}, {}, [item], {}))
    assert len(derivations) == 2


def test_inputs_without_a_ledger_are_written_and_derived_as_ever() -> None:
    item = Input(ref=REF, root="whole", dvc="m")
    assert "accounts" not in item.model_dump(mode="json")
    assert Input.model_validate(item.model_dump()) == item
    assert item.read == (str(REF), "", "whole")


def test_a_table_without_roles_is_read_whole(tmp_path: Path) -> None:
    write_table(pa.table({"id": ["a"], "n": [1]}), tmp_path, "plain")
    assert read_covered(tmp_path / "plain.parquet", "plain", (), "plain").num_columns == 2
