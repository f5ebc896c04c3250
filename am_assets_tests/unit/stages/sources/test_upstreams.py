"""A kind of source says how it is read, what its benchmark follows from, and what is missing."""

import runpy
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from am_assets.core.settings import sources
from am_assets.core.settings.sources import Benchmark, Columns, SourceKind
from am_assets.stages.sources import UPSTREAMS, SourceError, reader


def benchmark(kind: SourceKind, location: str, **fields: Any) -> Benchmark:
    columns = Columns(prompt="q")
    return Benchmark(kind=kind, location=location, domain="math", columns=columns, **fields)


def content(of: Benchmark, folder: Path) -> dict[str, object]:
    return UPSTREAMS[of.kind].content(of, "bench", folder, lambda name: f"version of {name}")


def test_every_kind_of_source_is_in_the_table():
    assert tuple(UPSTREAMS) == get_args(SourceKind)


def test_a_kind_that_is_forgotten_ends_the_import(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "SourceKind", Literal["hub", "files", "bucket"])
    with pytest.raises(AssertionError, match="bucket"):
        runpy.run_path(str(reader.__file__))


def test_whether_a_forgotten_kind_is_pinned_is_an_error():
    with pytest.raises(AssertionError, match="bucket"):
        sources._is_pinned("bucket")  # type: ignore[arg-type]


def test_files_are_what_they_hold(tmp_path: Path):
    of = benchmark("files", "*.jsonl")
    (tmp_path / "one.jsonl").write_text('{"q": "1 + 1?"}\n')
    before = content(of, tmp_path)
    (tmp_path / "one.jsonl").rename(tmp_path / "other.jsonl")
    assert content(of, tmp_path) == before
    (tmp_path / "other.jsonl").write_text('{"q": "2 + 2?"}\n')
    assert content(of, tmp_path) != before


def test_a_hub_dataset_is_its_revision():
    of = benchmark("hub", "org/set", revision="abc", subset="main")
    assert content(of, Path()) == {
        "location": "org/set",
        "subset": "main",
        "split": "test",
        "revision": "abc",
    }


def test_what_is_generated_is_the_generators_code():
    of = benchmark("generated", "sums")
    assert content(of, Path()) == {"location": "sums", "generator": "version of bench"}


def test_what_is_generated_is_read_by_its_generator_alone():
    of = benchmark("generated", "sums")
    rows = UPSTREAMS["generated"].benchmark_rows(of, "b", Path(), {"sums": lambda *_: iter([{}])})
    assert [row.data for row in rows] == [{}]
    with pytest.raises(SourceError, match="generator sums, which does not exist"):
        list(UPSTREAMS["generated"].benchmark_rows(of, "b", Path(), {}))


def test_files_that_are_not_there_are_missing(tmp_path: Path):
    of = benchmark("files", "*.jsonl")
    found = UPSTREAMS["files"].availability(of, "bench", tmp_path)
    assert found is not None
    assert found.state == "missing"
    assert "no file of source bench matches *.jsonl" in found.detail
    (tmp_path / "one.jsonl").write_text("")
    assert UPSTREAMS["files"].availability(of, "bench", tmp_path) == ("ok", "1 files")


def test_the_hub_is_not_asked_before_its_rows_are():
    of = benchmark("hub", "org/set", revision="abc")
    assert UPSTREAMS["hub"].availability(of, "bench", Path()) == (
        "note",
        "org/set at abc, read from the hub when captured",
    )


def test_of_what_is_generated_there_is_nothing_to_say():
    of = benchmark("generated", "sums")
    assert UPSTREAMS["generated"].availability(of, "bench", Path()) is None
