"""Each field and option makes stale exactly the partitions whose rows it can change."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from safetensors.numpy import save_file

from am_assets.core.manifest import Manifest, Pointer, Ref
from am_assets.core.materialize import Materializer
from am_assets.core.profile import Profile
from am_assets.core.settings.models import EmbeddingModel, Model
from am_assets.core.settings.sources import Benchmark, Source
from am_assets.core.store import Store
from am_assets.defs.project import ARTIFACTS
from am_assets.engines import embedding, reward
from am_assets.engines.models import FIELDS_OF_THEIR_OWN, WITH_EFFECT, WITHOUT_EFFECT
from am_assets.engines.openai.endpoint import EndpointOptions
from am_assets.engines.profile_engines import ProfileEngines
from am_assets.stages.sources import UPSTREAMS
from am_assets_tests.conftest import TINY

WEEK = "2025-01-06"
CLOCK = '{{ strftime_now("%d %b %Y") }}{{ messages[0]["content"] }}'
TABLE = Path(__file__).parents[3] / "docs" / "engines.md"


class _Store:
    """Every artifact is published, and with one root."""

    root = Path("of no project")

    def snapshot(self) -> "_Store":
        return self

    @property
    def store(self) -> "_Store":
        return self

    def refs(self) -> list[Ref]:
        return []

    def manifest(self, ref: Ref) -> Manifest | None:
        source = ref.partition[0] if len(ref.partition) == 2 else ""
        return Manifest(
            profile="tiny",
            ref=ref,
            root=f"root of {ref}",
            tables={},
            slices={source: "slice"},
            derivation="",
            inputs=[],
            code_version="",
            config={},
            models={},
            complete=True,
            ledger=None,
            environment={},
            dvc=Pointer(md5="", size=0, nfiles=0),
        )

    def manifests(self, refs: list[Ref]) -> dict[Ref, Manifest]:
        return {ref: found for ref in refs if (found := self.manifest(ref)) is not None}


def model_folder(folder: Path, value: float = 0.0) -> Path:
    folder.mkdir(parents=True)
    save_file({"a": np.full((2, 2), value, np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")
    (folder / "chat_template.jinja").write_text(CLOCK)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Any]:
    """A profile with every model, three kinds of sources and a math benchmark."""
    for role in ("teacher", "instruct", "base", "reward", "reference", "embedding"):
        model_folder(tmp_path / role, float(len(role)))
    (tmp_path / "bench.jsonl").write_text('{"problem": "1 + 1?", "answer": "2"}\n')

    def model(role: str, engine: str = "vllm") -> dict[str, Any]:
        return {"path": str(tmp_path / role), "engine": engine, "options": {}}

    sums = TINY["sources"]["sums"]
    data = {
        **TINY,
        "sources": {kind: sums | {"domain": kind} for kind in ("math", "code", "chat")},
        "models": {
            **{role: model(role) for role in ("teacher", "instruct", "base")},
            **{role: model(role, "transformers") for role in ("reward", "reference")},
            "embedding": model("embedding", "sentence-transformers"),
        },
        "dedup": {"threshold": 0.9},
        "decontamination": {"embedding_threshold": 0.9},
        "verification": {},
        "recipes": {"full": {"kind": "full"}},
    }
    return cast("dict[str, Any]", json.loads(json.dumps(data)))


def derivations(data: dict[str, Any], folder: Path) -> dict[str, str]:
    """The derivation of every partition, by asset and source."""
    profile = Profile.model_validate({**data, "folder": folder})
    store = cast("Store", _Store())
    materializer = Materializer(profile, store, ProfileEngines(profile), [WEEK])
    return dict(_plans(materializer, profile))


def _plans(materializer: Materializer, profile: Profile) -> Iterator[tuple[str, str]]:
    values = {
        "source": list(profile.sources),
        "week": [WEEK],
        "recipe": list(profile.recipes),
        "benchmark": list(profile.benchmarks),
    }
    for stage in ARTIFACTS:
        first, *others = stage.dimensions
        for value in values[first]:
            key = {first: value, **{name: values[name][0] for name in others}}
            label = f"{stage.name} {value}" if first == "source" else stage.name
            yield label, materializer.plan(stage, key).derivation


def stale(
    data: dict[str, Any], change: Callable[[dict[str, Any]], object], folder: Path
) -> set[str]:
    before = derivations(data, folder)
    changed = json.loads(json.dumps(data))
    change(changed)
    after = derivations(changed, folder)
    return {name for name in before if before[name] != after[name]}


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Sets what lies at a dotted path of the profile."""

    def change(data: dict[str, Any]) -> None:
        *sections, last = path.split(".")
        for name in sections:
            data = data.setdefault(name, {})
        data[last] = value

    return change


def by_source(asset: str, *sources: str) -> set[str]:
    return {f"{asset} {source}" for source in sources}


ALL = ("math", "code", "chat")
EMBEDDED = {"benchmarks", "deduplicated", *by_source("embedding_index", *ALL)}
LABELLED = by_source("labels", *ALL)
ANSWERED = by_source("responses", *ALL)
JUDGED = {*by_source("existing_verdicts", "math"), *by_source("verified", "math"), "scores"}
RATED = {*by_source("existing_verdicts", "chat"), *by_source("verified", "chat")}
RUN = {*by_source("existing_verdicts", "code"), *by_source("verified", "code")}

CHANGES: dict[str, tuple[object, set[str]]] = {
    "models.base.dtype": ("bfloat16", {"benchmark_answers"}),
    "models.base.max_model_len": (512, {"benchmark_answers"}),
    "models.base.options.quantization": ("fp8", {"benchmark_answers"}),
    "models.base.template_date": ("2025-02-01", {"benchmark_answers", "checkpoint"}),
    "models.teacher.dtype": ("bfloat16", ANSWERED),
    "models.teacher.max_model_len": (512, ANSWERED),
    "models.teacher.options.batch_invariant": (True, ANSWERED),
    "models.teacher.options.enforce_eager": (True, ANSWERED),
    "models.teacher.options.tensor_parallel_size": (2, ANSWERED),
    "models.teacher.template_date": ("2025-02-01", ANSWERED),
    "models.teacher.revision": ("other", set()),
    "models.instruct.dtype": ("bfloat16", LABELLED | JUDGED),
    "models.instruct.max_model_len": (512, LABELLED | JUDGED),
    "models.instruct.template_date": ("2025-02-01", LABELLED | JUDGED),
    "models.reward.dtype": ("bfloat16", RATED),
    "models.reward.max_model_len": (512, RATED),
    "models.reward.template_date": ("2025-02-01", RATED),
    "models.reward.options.dimensions": (["coherence", "correctness", "helpfulness"], RATED),
    "models.reference.dtype": ("bfloat16", set()),
    "models.embedding.dtype": ("bfloat16", EMBEDDED),
    "models.embedding.options.device": ("cuda:1", EMBEDDED),
    "models.embedding.calibration": (
        {"dedup_threshold": 0.5, "decontamination_threshold": 0.5},
        set(),
    ),
    "embedding.max_tokens": (128, EMBEDDED),
    "verification.chat.threshold": (0.6, {*RATED, "sft_dataset"}),
    "verification.math.timeout_s": (3.0, JUDGED),
    "verification.math.judge_second_opinion": (False, JUDGED),
    "verification.judge.max_tokens": (99, JUDGED),
    "verification.code.memory_mb": (256, RUN),
    "verification.science.pass_score": (4.0, set()),
    "verification.rules.repetition_ngram": (30, JUDGED | RATED | RUN),
    "benchmarks.bench.licence": ("MIT", set()),
    "benchmarks.bench.max_row_bytes": (10_000, set()),
    "benchmarks.bench.split": ("train", set()),
    "benchmarks.bench.samples": (2, {"benchmark_answers"}),
    "sources.math.licence": ("Apache-2.0", {"release"}),
    "sources.math.rank": (1, {"deduplicated"}),
    "sources.math.max_row_bytes": (10_000, set()),
    "sources.math.location": ("elsewhere.jsonl", set()),
    **{f"models.teacher.options.{name}": (2, set()) for name in sorted(WITHOUT_EFFECT)},
}


@pytest.fixture(scope="module", autouse=True)
def _code_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        # Not what is tested here, and slow to work out for every plan.
        patch.setattr("am_assets.core.stage.Stage.code_version", "code")
        yield


@pytest.mark.parametrize("path", CHANGES)
def test_a_setting_makes_stale_what_it_changes_and_nothing_else(
    data: dict[str, Any], tmp_path: Path, path: str
):
    value, expected = CHANGES[path]
    assert stale(data, put(path, value), tmp_path) == expected


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("teacher", LABELLED | ANSWERED),
        ("instruct", LABELLED | JUDGED),
        ("base", {"checkpoint", "sft_dataset"}),
        ("reward", RATED),
        ("reference", set()),
        ("embedding", EMBEDDED),
    ],
)
def test_bytes_count_and_places_do_not(
    data: dict[str, Any], tmp_path: Path, role: str, expected: set[str]
):
    moved = tmp_path / "moved" / role
    shutil.copytree(tmp_path / role, moved)
    (moved / "README.md").write_text("moved")
    other = model_folder(tmp_path / "other", 99.0)
    path = f"models.{role}.path"
    assert stale(data, put(path, str(moved)), tmp_path) == set()
    assert stale(data, put(path, str(other)), tmp_path) == expected


def test_the_same_problem_judge_counts_by_its_bytes_where_it_is_asked(
    data: dict[str, Any], tmp_path: Path
):
    data["decontamination"]["judge"] = {"enabled": True}
    other = str(model_folder(tmp_path / "other", 99.0))
    expected = {*LABELLED, *JUDGED, "deduplicated"}
    assert stale(data, put("models.instruct.path", other), tmp_path) == expected
    assert stale(data, put("models.instruct.dtype", "bfloat16"), tmp_path) == expected
    shutil.copytree(tmp_path / "instruct", tmp_path / "moved")
    moved = put("models.instruct.path", str(tmp_path / "moved"))
    assert stale(data, moved, tmp_path) == set()


@pytest.mark.parametrize("field", ["dtype", "max_model_len"])
def test_the_reference_model_counts_where_perplexity_is_limited(
    data: dict[str, Any], tmp_path: Path, field: str
):
    data["sft"] = {"perplexity_limit": 20}
    value = {"dtype": "bfloat16", "max_model_len": 128}[field]
    assert stale(data, put(f"models.reference.{field}", value), tmp_path) == {"sft_dataset"}


def test_a_template_without_a_clock_makes_no_day_matter(data: dict[str, Any], tmp_path: Path):
    for role in ("teacher", "instruct", "base", "reward"):
        (tmp_path / role / "chat_template.jinja").write_text("{{ messages }}")
        changed = put(f"models.{role}.template_date", "2025-02-01")
        assert stale(data, changed, tmp_path) == set()


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("base_url", "http://elsewhere/v1", set()),
        ("api_key_env", "OTHER", set()),
        ("concurrency", 2, set()),
        ("retries", 1, set()),
        ("backoff", 9.0, set()),
        ("timeout", 9.0, set()),
        ("server", "openai", ANSWERED),
        ("weights", None, LABELLED | ANSWERED),
        ("served_with", {"tensor_parallel_size": 2}, ANSWERED),
        ("served_with", {"max_num_seqs": 2}, set()),
    ],
)
def test_an_endpoint_is_what_it_serves(
    data: dict[str, Any], tmp_path: Path, option: str, value: object, expected: set[str]
):
    served = data["models"]["teacher"]
    weights = served["path"]
    options = {"base_url": "http://here/v1", "server": "vllm", "weights": weights}
    data["models"]["teacher"] = {"path": "teacher", "engine": "openai", "options": options}
    in_process = put("models.teacher", served)
    assert stale(data, in_process, tmp_path) == set()
    assert stale(data, put(f"models.teacher.options.{option}", value), tmp_path) == expected


def test_an_option_that_names_a_file_counts_by_its_content(data: dict[str, Any], tmp_path: Path):
    one, two, three = (tmp_path / f"{name}.json" for name in "abc")
    for path, text in ((one, "{}"), (two, "{}"), (three, '{"a": 1}')):
        path.write_text(text)
    data["models"]["teacher"]["options"]["generation_config"] = str(one)
    option = "models.teacher.options.generation_config"
    assert stale(data, put(option, str(two)), tmp_path) == set()
    assert stale(data, put(option, str(three)), tmp_path) == ANSWERED


@pytest.mark.parametrize("option", FIELDS_OF_THEIR_OWN)
def test_an_option_that_is_a_field_is_refused(data: dict[str, Any], tmp_path: Path, option: str):
    put(f"models.teacher.options.{option}", "x")(data)
    with pytest.raises(ValueError, match=rf"option {option} of a model is set by its field"):
        derivations(data, tmp_path)


def test_a_benchmark_is_what_its_files_say(data: dict[str, Any], tmp_path: Path):
    before = derivations(data, tmp_path)
    (tmp_path / "bench.jsonl").rename(tmp_path / "renamed.jsonl")
    put("benchmarks.bench.location", "renamed.jsonl")(data)
    assert derivations(data, tmp_path) == before
    (tmp_path / "renamed.jsonl").write_text('{"problem": "1 + 2?", "answer": "3"}\n')
    changed = derivations(data, tmp_path)
    assert {name for name in before if before[name] != changed[name]} == {"benchmarks"}


def _listed() -> dict[str, str]:
    """First column of the tables in docs/engines.md to their second."""
    rows: dict[str, str] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        for name in re.findall(r"`(\w+)`", cells[1]) if line.startswith("| `") else ():
            rows[name] = cells[2]
    return rows


def test_the_table_names_every_field_and_option():
    known = {
        *EmbeddingModel.model_fields,
        *EndpointOptions.model_fields,
        *embedding.OPTIONS,
        *reward.OPTIONS,
        *WITH_EFFECT,
        *WITHOUT_EFFECT,
        *Source.model_fields,
        *Benchmark.model_fields,
    }
    assert set(_listed()) == known


def test_the_table_says_what_the_code_does():
    listed = _listed()
    assert {listed[name] for name in WITHOUT_EFFECT} == {"no"}
    assert {listed[name] for name in WITH_EFFECT} == {"yes"}
    for name in {*Model.model_fields} - {"path", "revision", "engine", "options"}:
        assert listed[name] == "yes", name


def test_a_benchmark_of_several_files_is_read_in_the_order_of_their_content(
    data: dict[str, Any], tmp_path: Path
):
    put("benchmarks.bench.location", "bench*.jsonl")(data)
    (tmp_path / "bench2.jsonl").write_text('{"problem": "2 + 2?", "answer": "4"}\n')

    def read() -> tuple[str, list[str]]:
        profile = Profile.model_validate({**data, "folder": tmp_path})
        bench = profile.benchmarks["bench"]
        rows = UPSTREAMS[bench.kind].benchmark_rows(bench, "bench", tmp_path, {})
        return derivations(data, tmp_path)["benchmarks"], [row.data["problem"] for row in rows]

    before = read()
    for old, new in (("bench", "bench9"), ("bench2", "bench1"), ("bench9", "bench3")):
        (tmp_path / f"{old}.jsonl").rename(tmp_path / f"{new}.jsonl")
        assert read() == before
    assert sorted(before[1]) == ["1 + 1?", "2 + 2?"]


def test_a_local_folder_laid_out_like_a_dataset_counts_by_its_files(
    data: dict[str, Any], tmp_path: Path
):
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "test.jsonl").write_text("{}")
    hub = {"kind": "hub", "location": "hub", "revision": "main"}
    data["benchmarks"]["bench"] |= hub
    before = derivations(data, tmp_path)
    assert stale(data, put("benchmarks.bench.revision", "other"), tmp_path) == set()
    assert stale(data, put("benchmarks.bench.split", "train"), tmp_path) == {"benchmarks"}
    (tmp_path / "hub" / "test.jsonl").write_text('{"a": 1}')
    assert derivations(data, tmp_path)["benchmarks"] != before["benchmarks"]
