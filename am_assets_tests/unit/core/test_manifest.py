"""Manifests do not vary between runs, and derivations cover what an artifact follows from."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from am_assets.core.manifest import (
    MANIFEST_SCHEMA,
    Input,
    Manifest,
    Pointer,
    Ref,
    derivation_of,
)
from am_assets_tests.golden import make
from am_assets_tests.golden.make import GOLDEN, MANIFEST

REF = Ref(asset="prompts", partition=("sums", "2025-01-06"))
READ = Input(ref=Ref(asset="raw_prompts", partition=REF.partition), root="r", dvc="d")
GIVEN: dict[str, Any] = {
    "profile": "tiny",
    "ref": REF,
    "code_version": "1",
    "config": {"limit": 1},
    "models": {"teacher": "t"},
    "inputs": [READ],
    "libraries": {"sympy": "1"},
}


def _manifest() -> Manifest:
    return Manifest(
        profile="tiny",
        ref=REF,
        root="root",
        tables={"prompts": {"rows": 1}},
        derivation="d",
        inputs=[READ],
        code_version="1",
        config={"b": 1, "a": "é"},
        models={},
        complete=True,
        ledger=None,
        environment={},
        dvc=Pointer(md5="m", size=1, nfiles=1),
    )


def test_a_manifest_reads_back_as_it_was() -> None:
    data = _manifest().dumps()
    assert Manifest.model_validate_json(data) == _manifest()
    assert Manifest.model_validate_json(data).dumps() == data


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        Manifest.model_validate({**_manifest().model_dump(), "host": "h"})


@pytest.mark.parametrize("version", range(1, MANIFEST_SCHEMA + 1))
def test_a_golden_manifest_reads_back_as_it_was(version: int) -> None:
    path = GOLDEN / f"v{version}" / "manifest.json"
    assert path.is_file(), f"run `{make.remedy(MANIFEST)}` and commit what it writes"
    read = Manifest.model_validate_json(path.read_bytes())
    assert read.schema_version == version
    assert read.dumps() == path.read_bytes(), (
        f"a manifest is not what version {version} of it was: raise MANIFEST_SCHEMA in "
        f"core/manifest.py, then run `{make.remedy(MANIFEST)}` and commit what it writes"
    )


def test_the_golden_manifest_says_something_in_every_field() -> None:
    said = json.loads(make.path_of(MANIFEST).read_bytes())
    assert {name for name, value in said.items() if value not in (None, {}, [])} == {
        *Manifest.model_fields
    }


@pytest.mark.parametrize(
    "change",
    [
        {"profile": "other"},
        {"ref": Ref(asset="prompts", partition=("sums", "2025-01-13"))},
        {"code_version": "2"},
        {"libraries": {"sympy": "2"}},
        {"config": {"limit": 2}},
        {"models": {"teacher": "u"}},
        {"inputs": []},
        {"inputs": [READ.model_copy(update={"root": "s"})]},
        {"inputs": [READ.model_copy(update={"slice": "sums"})]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_derivation_follows_everything_read(change: dict[str, Any]) -> None:
    assert derivation_of(**GIVEN) != derivation_of(**{**GIVEN, **change})


def test_where_input_bytes_lie_and_their_order_is_no_derivation() -> None:
    other = READ.model_copy(update={"ref": REF})
    moved = READ.model_copy(update={"dvc": "elsewhere"})
    one = derivation_of(**{**GIVEN, "inputs": [READ, other]})
    assert one == derivation_of(**{**GIVEN, "inputs": [other, moved]})
