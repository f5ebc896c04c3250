"""Every library that reached code imports is judged, and what decides is in the derivation."""

import sys

import pytest

from am_assets.core.code import libraries
from am_assets.core.code.boundaries import BOUNDARIES, BY_KIND, MACHINERY
from am_assets.core.code.libraries import (
    ABSENT,
    DECIDING,
    NOT_DECIDING,
    TOOLS,
    UnknownLibrary,
    version_of,
    versions_of,
)
from am_assets.core.code.versions import graph, reach_of
from am_assets.core.manifest import Ref, derivation_of
from am_assets.core.verdict import Kind
from am_assets.defs.project import ARTIFACTS
from am_assets.operations.status import judging_change, library_change
from am_assets.stages.verification.remembered import decided_by


def _of(stage: str) -> dict[str, str]:
    (found,) = (one for one in ARTIFACTS if one.name == stage)
    return found.libraries


def test_every_import_of_reached_code_is_judged_once() -> None:
    assert DECIDING.keys().isdisjoint(NOT_DECIDING)
    for stage in ARTIFACTS:
        judged = {*DECIDING, *NOT_DECIDING, *sys.stdlib_module_names}
        assert reach_of(stage.build, *MACHINERY, everywhere=True).imports <= judged


def test_an_import_nobody_judged_is_an_error() -> None:
    with pytest.raises(UnknownLibrary, match="whether somelib decides"):
        versions_of(["json", "somelib"])


def test_tools_boundaries_and_machinery_exist() -> None:
    for path in (*TOOLS, *BOUNDARIES, *BY_KIND, *MACHINERY):
        graph().package.find(path)


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("existing_verdicts", {"unicode"}),
        ("scores", {"unicode"}),
        ("labels", {"vllm", "torch", "transformers", "tokenizers", "unicode"}),
        ("responses", {"vllm", "transformers"}),
        ("checkpoint", {"trl", "peft", "accelerate", "torch", "transformers"}),
        ("embedding_index", {"sentence-transformers", "transformers", "tokenizers", "torch"}),
        ("prompts", {"unicode"}),
        ("deduplicated", {"sentence-transformers", "vllm", "unicode", "numpy", "torch"}),
        ("benchmarks", {"sentence-transformers", "torch"}),
        ("sft_dataset", {"torch", "transformers"}),
    ],
)
def test_what_decides_a_stage_is_recorded(stage: str, names: set[str]) -> None:
    assert names <= _of(stage).keys()


@pytest.mark.parametrize(
    ("kind", "asks_judge", "names"),
    [
        ("math", False, {"math-verify", "sympy", "antlr4-python3-runtime"}),
        ("math", True, {"math-verify", "latex2sympy2-extended", "vllm"}),
        ("code", False, {"g++", "python"}),
        ("science", True, {"mpmath", "vllm", "unicode"}),
        ("instruction", False, {"unicode"}),
        ("chat", False, {"torch", "transformers"}),
    ],
)
def test_what_judges_a_kind_is_recorded_with_it(
    kind: Kind, asks_judge: bool, names: set[str]
) -> None:
    told = {text.rpartition(" ")[0] for text in decided_by(kind, asks_judge)}
    assert names <= told
    assert ("math-verify" in told) == (kind == "math")
    assert ("g++" in told) == (kind == "code")


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("embedding", {"sentence_transformers", "torch"}),
        ("perplexity", {"torch", "transformers"}),
        ("reward", {"torch", "transformers"}),
        ("vllm", {"vllm"}),
    ],
)
def test_what_is_imported_when_an_engine_starts_is_found(module: str, names: set[str]) -> None:
    name = f"am_assets.engines.{module}"
    whole = graph().reach([name])
    assert names <= {
        found
        for one in whole.definitions
        for found in graph().scan(one).imports
        if one.module.name == name
    }


def test_what_counts_similarities_is_found() -> None:
    assert "torch" in graph().reach(["am_assets.stages.similarity.joins"]).imports


@pytest.mark.parametrize("stage", ["prompts", "labels", "responses", "existing_verdicts"])
def test_what_does_not_decide_is_not(stage: str) -> None:
    assert _of(stage).keys().isdisjoint({"math-verify", "g++", "python", "trl", "openai", "ray"})


def test_a_stage_names_libraries_whatever_engine_a_profile_picks() -> None:
    # vLLM here, behind an endpoint or on Ray: the answers follow from the weights.
    assert "vllm" in _of("responses")
    assert version_of("vllm") != ABSENT


def test_what_is_absent_is_recorded_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert version_of("no-such-distribution") == ABSENT
    monkeypatch.setenv("PATH", "/nowhere")
    assert libraries.TOLD["g++"]() == ABSENT


def test_another_version_is_another_derivation_and_says_so() -> None:
    def derivation(version: str) -> str:
        ref = Ref(asset="scores", partition=("base",))
        return derivation_of("tiny", ref, "c", {}, {}, [], {"math-verify": version})

    assert derivation("0.9.0") == derivation("0.9.0") != derivation("0.9.1")
    old, new = {"math-verify": "0.9.0", "a": "1"}, {"math-verify": "0.9.1", "a": "1"}
    assert library_change(old, new) == "math-verify 0.9.0 became 0.9.1"
    assert library_change(old, {"a": "1"}) == "math-verify 0.9.0 became none"


def test_what_judges_a_kind_says_whichlibrary_changed() -> None:
    old = {"math": ["c0de", "3.11", "sympy 1.13"], "chat": ["c0de"]}
    new = {"math": ["c0de", "3.11", "sympy 1.14"], "chat": ["c0de"]}
    assert judging_change(old, new) == "what judges changed: math (sympy 1.13 became 1.14)"
    other = {"math": ["0ther", "3.11", "sympy 1.13"], "chat": ["c0de"]}
    assert judging_change(old, other) == "what judges changed: math"
    assert judging_change(old, {"chat": ["0ther"]}) == "what judges changed: chat, math"
