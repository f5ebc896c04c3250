"""An edit of behaviour makes exactly its users stale; a move, a rename, a comment none.

Every definition of every module is changed; who must become stale is told by others than the
graph: a table of expectations, and which modules a stage's module imports, however indirectly.
The lower bound, what really runs, is `integration/test_code_as_run.py`.
"""

import ast
import re
from functools import cache

import pytest

from am_assets.core.code.boundaries import BOUNDARIES, BY_KIND, MACHINERY
from am_assets.core.code.files import own_sources
from am_assets.core.code.modules import Definition
from am_assets.core.code.reach import Graph, Reach
from am_assets.core.code.versions import graph, reach_of
from am_assets.stages.verification import remembered
from am_assets.stages.verification.by_kind import KINDS
from am_assets_tests.support.mutants import mutants, mutated
from am_assets_tests.unit.core.code.stages import BY_WHAT, NAMES, edited, reaches, replaced, roots

GENERATING = {
    *("deduplicated", "labels", "existing_verdicts", "responses", "verified"),
    *("benchmark_answers", "scores"),
}
EMBEDDING = {"benchmarks", "embedding_index", "deduplicated"}
JUDGED = {"existing_verdicts", "verified", "scores"}
RULES = {f"rules of {kind}" for kind in ("math", "code", "science", "instruction", "chat")}
ALL = set(NAMES)
STREAMED = {
    *("embedding_index", "labels", "existing_verdicts", "responses", "verified"),
    "benchmark_answers",
}

EXPECTED: dict[str, set[str]] = {
    "defs.contamination": {"deduplicated"},
    "defs.assets.deduplicated": {"deduplicated"},
    "defs.page": set(),
    "defs.pictures": {"raw_prompts", "release", "sft_dataset"},
    "defs.verifiers": JUDGED,
    "cli.materialize": set(),
    "core.profile": set(),
    "core.git_branch": set(),
    "core.identity": ALL | {"ratings", "grades"},
    "core.materialize": ALL,
    "core.memory": set(),
    "core.table_writer": STREAMED,
    "core.usage": set(),
    "engines.embedding": EMBEDDING | {"sft_dataset"},
    "engines.openai.engine": GENERATING | {"sft_dataset", "checkpoint", "grades"},
    "engines.perplexity": {"sft_dataset"},
    "engines.ray.embedding": EMBEDDING,
    "engines.ray.rules": JUDGED,
    "engines.reward": {"ratings"},
    "engines.sandbox.child": {"rules of code", "kind code"},
    "engines.vllm": GENERATING | {"sft_dataset", "grades"},
    "operations.backfill": set(),
    "stages.prompts.cleaning": {"prompts"},
    "stages.distillation.language": {"labels"},
    "stages.embedding.neighbors": set(),
    "stages.plots": set(),
    "stages.release.card": {"release"},
    "stages.training.sft": {"checkpoint"},
    "stages.training.methods": {"checkpoint"},
    "stages.dedup.threshold_page": set(),
    "stages.embedding.index": set(),
    "stages.verification.instruction.ifeval": {"rules of instruction", "kind instruction"},
    "stages.verification.models.judge": {"grades", "kind math", *JUDGED},
    "stages.verification.math.compare": {"rules of math", "kind math"},
    "stages.verification.math.pool": {"rules of math", "kind math"},
    "stages.answers.final_answer": {
        *("rules of math", "rules of science", "kind math", "kind science"),
        *("verified", "prompts", "deduplicated"),
    },
    "stages.verification.math.worker": {"rules of math", "kind math"},
    "stages.verification.science.quantities": {"rules of science", "kind science"},
    "stages.verification.remembered": JUDGED,
    "stages.verification.format": RULES | JUDGED | {"kind science", "kind instruction"},
    "stages.verification.by_kind": JUDGED,
    "stages.verification.kinds.math": {"rules of math", "kind math"},
    "stages.verification.kinds.code": {"rules of code", "kind code"},
    "stages.verification.kinds.science": {"rules of science", "kind science"},
    "stages.verification.kinds.instruction": {"rules of instruction", "kind instruction"},
    "stages.verification.kinds.chat": {"kind chat"},
    "stages.sources.hub": {"raw_prompts", "benchmarks"},
}
"""By module: who is stale when it is edited. `sft_dataset` counts tokens by an engine, and asks for
the digest of any model's folder; `checkpoint` asks where the weights lie that it trains. What a
stage judges with is `judge.Question`, by which a judge is asked."""

EDITED = ("defs.contamination", "core.table_writer", "stages.verification.instruction.ifeval")
"""Those of which the whole package is read again with the edit made."""

WITHOUT_USERS = {
    "am_assets": "nothing but the stamps of the files",
    "am_assets.defs.artifact": "what is declared of artifacts",
    "am_assets.defs.asset": "Dagster",
    "am_assets.defs.page": "pages",
    "am_assets.cli": "commands, and what they alone use",
    "am_assets.core.engines": "protocols: what is behind them is reached",
    "am_assets.core.proving": "whether inputs are what they say they are",
    "am_assets.definitions": "Dagster",
    "am_assets.defs.generators": "mini's upstream, behind a seal",
    "am_assets.defs.partitions": "Dagster",
    "am_assets.defs.progress": "what people are told",
    "am_assets.defs.project": "the list of artifacts",
    "am_assets.defs.resources": "Dagster",
    "am_assets.lineage.disagreements": "am-assets disagreements",
    "am_assets.lineage.explain": "am-assets explain",
    "am_assets.mini": "texts behind a seal, and training of packaged weights",
    "am_assets.profiles": "settings",
    "am_assets.operations": "commands",
    "am_assets.standalone": "commands on people's own files",
    "am_assets.stages.embedding.neighbors": "the vector index, which is derived from an artifact",
    "am_assets.stages.plots": "pictures",
    "am_assets.stages.sources.upstream": "a protocol: what is behind it is reached",
    "am_assets.stages.dedup.threshold_page": "pictures",
    "am_assets.stages.embedding.index": "the vector index, which is derived from an artifact",
    "am_assets.stages.embedding.index_files": "the same",
}
"""Modules that may be without a user, and what they are for; with what is below them, but for the
package itself."""


@cache
def _now() -> dict[str, Reach]:
    return reaches(graph())


def _stale(other: Graph) -> set[str]:
    return {name for name, reach in reaches(other).items() if reach.version != _now()[name].version}


def test_each_module_has_exactly_the_users_it_is_expected_to_have() -> None:
    for module, users in EXPECTED.items():
        name = f"am_assets.{module}"
        graph().package.find(name)
        assert {one for one, reach in _now().items() if name in reach.modules} == users, module


@pytest.mark.parametrize("module", EDITED)
def test_an_edit_makes_exactly_the_users_stale(module: str) -> None:
    name = f"am_assets.{module}"
    text = mutated(own_sources().texts[name])
    assert _stale(edited({name: text})) == EXPECTED[module]


def test_an_edit_of_what_nothing_is_made_with_makes_nothing_stale() -> None:
    unused = [f"am_assets.{module}" for module, users in EXPECTED.items() if not users]
    assert unused
    assert _stale(edited({one: mutated(own_sources().texts[one]) for one in unused})) == set()


@pytest.mark.soak
def test_every_edit_of_a_definition_is_seen_and_makes_its_users_stale() -> None:
    kept: list[Definition] = []
    for module in graph().package.modules():
        shown, used = False, any(module.name in reach.modules for reach in _now().values())
        for one in module.all():
            for mutant in mutants(one, None if used else 1) if one.nodes else ():
                kept.append(mutant)  # types are known by the identity of nodes
                said = graph().scan(mutant)
                assert said.form != graph().scan(one).form, f"an edit of {one} is not seen"
                if shown:
                    continue
                users = {name for name, reach in _now().items() if one in reach.definitions}
                for name in users:
                    reach = _now()[name]
                    assert graph().version(reach.definitions, {one: said}) != reach.version
                shown = bool(users)


def test_every_module_has_a_user_or_is_known_to_have_none() -> None:
    used = {module for reach in _now().values() for module in reach.modules}
    apart = (*WITHOUT_USERS, *BOUNDARIES)
    for module in graph().package.modules():
        own = [one for one in module.all() if one.nodes and one.name != "__all__"]
        if module.name in used or not own:
            continue
        below = (one for one in apart if one != "am_assets")
        known = any(module.name == one or module.name.startswith(f"{one}.") for one in below)
        assert known or module.name == "am_assets", (
            f"nothing is made with {module.name}: say in WITHOUT_USERS what it is for"
        )


def test_what_actors_and_workers_do_is_reached() -> None:
    judged = graph().reach(roots("existing_verdicts"), everywhere=True).paths
    embedded = _now()["embedding_index"].paths
    engines = "am_assets.engines"
    assert f"{engines}.ray.embedding.EmbeddingActor.embed" in embedded
    assert {
        f"{engines}.ray.rules.RulesActor.decide",
        f"{engines}.ray.engine.AnsweringActor.__call__",
        f"{engines}.vllm.VllmEngine.generate",
        f"{engines}.openai.engine.OpenAIEngine.generate",
        f"{engines}.openai.endpoint.Endpoint.complete",
        f"{engines}.reward.RewardModel.rate",
        f"{engines}.sandbox.forkserver.main",
        f"{engines}.sandbox.testing.run",
        "am_assets.stages.verification.math.worker.main",
    } <= judged
    assert f"{engines}.perplexity.Perplexity.score" in _now()["sft_dataset"].paths


def test_what_judges_one_kind_is_in_the_version_of_what_judges_it() -> None:
    told = frozenset[str]().union(*(_now()[name].paths for name in BY_WHAT))
    sandbox = "am_assets.engines.sandbox.sandbox.Sandbox"
    # How many run at a time, and the text that keys of remembered verdicts have of their version.
    apart = {f"{sandbox}.workers", f"{sandbox}.version"}
    for stage in NAMES:
        whole = graph().reach(roots(stage), everywhere=True)
        assert whole.paths - _now()[stage].paths - apart <= told, stage
        assert (
            not whole.imports
            - _now()[stage].imports
            - frozenset[str]().union(*(_now()[name].imports for name in BY_WHAT))
        )


def test_what_judges_begins_where_its_version_does() -> None:
    for name, paths in BY_WHAT.items():
        assert reach_of(*paths).version == _now()[name].version
    for kind, entry in KINDS.items():
        rules, all_of_it = remembered.rule_roots(kind), remembered.asked_roots(kind, False)
        assert reach_of(*rules).version == _now()[f"rules of {kind}"].version
        listed = [*BY_WHAT[f"kind {kind}"], *(BY_WHAT["ratings"] if entry.asks_reward else [])]
        assert reach_of(*all_of_it).version == reach_of(*listed).version


def test_what_is_said_to_have_no_user_has_none() -> None:
    used = {module for reach in _now().values() for module in reach.modules}
    for module in WITHOUT_USERS:
        graph().package.find(module)
        assert module not in used, f"{module} has users"


def _imports(text: str) -> set[str]:
    """Modules of the package that a text imports or names, read by another way than the graph."""
    found = set(re.findall(r"am_assets(?:\.\w+)+", text))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found & set(own_sources().texts)


@pytest.mark.parametrize("stage", NAMES)
def test_a_stage_reaches_only_what_it_imports(stage: str) -> None:
    machinery = {path.rpartition(".")[0].rpartition(".")[0] for path in MACHINERY}
    pending = {f"am_assets.defs.assets.{stage}", "am_assets.engines.profile_engines", *machinery}
    seen: set[str] = set()
    while pending:
        module = pending.pop()
        seen.add(module)
        pending |= _imports(own_sources().texts[module]) - seen
    assert _now()[stage].modules <= seen
    assert f"am_assets.defs.assets.{stage}" in _now()[stage].modules


@pytest.mark.parametrize("stage", NAMES)
def test_a_stage_does_not_reach_the_builds_of_what_it_reads(stage: str) -> None:
    builds = {f"am_assets.defs.assets.{name}.{name}" for name in NAMES}
    assert _now()[stage].paths & builds == {f"am_assets.defs.assets.{stage}.{stage}"}


def test_what_is_declared_of_an_artifact_is_no_code_of_it() -> None:
    module = "am_assets.defs.assets.labels"
    for old, new in (
        ('group_name="distillation"', 'group_name="labels"'),
        ("(deduplicated.same(), prompts.same())", "(prompts.same(), deduplicated.same())"),
        ('"categories": count_bars', '"kinds": count_bars'),
        ('models=("instruct", "teacher:tokens")', 'models=("instruct",)'),
    ):
        assert _stale(replaced(module, old, new)) == set()


def test_no_word_comment_or_annotation_makes_anything_stale() -> None:
    told = {name: _told(ast.parse(text)) for name, text in own_sources().texts.items()}
    assert _stale(edited(told)) == set()


def _told(tree: ast.Module) -> str:
    """The module in other words: no comments, other docstrings, annotations where none were."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body.insert(0, ast.Expr(ast.Constant("Other words.")))
            for one in [*node.args.args, *node.args.kwonlyargs]:
                if one.annotation is not None:
                    one.annotation = ast.Subscript(
                        ast.Name("Annotated"),
                        ast.Tuple([one.annotation, ast.Constant("other words")]),
                    )
    return "# A comment.\n" + ast.unparse(ast.fix_missing_locations(tree))


def test_modules_functions_and_classes_may_be_called_otherwise() -> None:
    renamed = {
        "am_assets.stages.prompts.cleaning": "am_assets.stages.tidying",
        "clean_prompts": "tidy_prompts",
        "am_assets.stages.verification.math.worker": "am_assets.stages.comparing_worker",
        "ThreadedRules": "RulesOnThreads",
        "MathPool": "PoolOfComparers",
        "TableWriter": "WriterOfTables",
    }
    texts = dict(own_sources().texts)
    for old, new in renamed.items():
        texts = {
            re.sub(rf"\b{re.escape(old)}\b", new, name): _renamed(text, old, new)
            for name, text in texts.items()
        }
    apart = tuple(re.sub(r"\bMathPool$", "PoolOfComparers", path) for path in BY_KIND)
    other = Graph(own_sources()._replace(texts=texts), BOUNDARIES, apart)
    stages = {name for name in NAMES if other.reach(roots(name)).version != _now()[name].version}
    assert stages == set()


def _renamed(text: str, old: str, new: str) -> str:
    text = re.sub(rf"\b{re.escape(old)}\b", new, text)
    if "." in old:
        package, _, name = old.rpartition(".")
        home, _, called = new.rpartition(".")
        pattern = rf"from {re.escape(package)} import {name}\b"
        text = re.sub(pattern, f"from {home} import {called} as {name}", text)
    return text


def test_a_definition_may_move_with_its_imports_mended() -> None:
    texts = own_sources().texts
    home, away = "am_assets.stages.verification.format", "am_assets.stages.answers.references"
    start = texts[home].index("def answer_of(")
    moved = texts[home][start : texts[home].index("\ndef ", start)]
    other = edited(
        {
            home: texts[home].replace(moved, f"from {away} import answer_of\n\n"),
            away: texts[away]
            + "\nfrom am_assets.core.protocol import is_blank, parse_response\n\n"
            + moved,
        }
    )
    assert _stale(other) == set()
