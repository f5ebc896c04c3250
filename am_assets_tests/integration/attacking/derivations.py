"""Attacks on derivations by other code and other libraries than the project was made with.

The package is edited in memory; nothing is written and nothing is made.
"""

import ast
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from am_assets.core.code import libraries, versions
from am_assets.core.code.files import own_sources
from am_assets.core.code.kept_results import KeptResults
from am_assets.core.code.reach import Graph
from am_assets.defs.project import Project
from am_assets.defs.weeks import week_keys
from am_assets.operations.backfill import steps
from am_assets.operations.status import status
from am_assets.stages.verification import remembered
from am_assets_tests.integration.attacking.copies import Attack, at_home
from am_assets_tests.support.mutants import mutated
from am_assets_tests.unit.core.code.stages import edited

_JUDGED = frozenset({"existing_verdicts", "verified", "scores"})

_EDITS: Mapping[str, frozenset[str]] = {
    "defs.contamination": frozenset({"deduplicated"}),
    "core.table_writer": frozenset(
        {
            *("embedding_index", "labels", "existing_verdicts", "responses", "verified"),
            "benchmark_answers",
        }
    ),
    "stages.verification.math.compare": _JUDGED,
    "stages.release.card": frozenset({"release"}),
    "cli.materialize": frozenset(),
}
"""By module: the assets that an edit of all its functions makes stale."""

_VERSIONS: Mapping[str, frozenset[str]] = {
    "math-verify": _JUDGED,
    # No program is judged in the tiny profile.
    "g++": frozenset(),
    "trl": frozenset({"checkpoint"}),
}


def edited_modules(project: Path) -> list[str]:
    """One line a module: whether an edit of it makes exactly its users stale."""
    lines: list[str] = []
    for module, expected in _EDITS.items():
        name = f"am_assets.{module}"
        with _code(edited({name: mutated(own_sources().texts[name])})):
            found = _stale(project)
        right = found.keys() == expected
        lines.append(f"{'held' if right else 'broken'}: {module} edited, stale: {sorted(found)}")
    return lines


def unchanged_behaviour(project: Path) -> list[str]:
    """Comments, docstrings' places and layout of every module change: nothing is stale."""
    texts = {name: ast.unparse(ast.parse(text)) for name, text in own_sources().texts.items()}
    with _code(edited(texts)):
        found = _stale(project)
    return [f"broken: {found}" if found else f"held: {len(texts)} modules laid out otherwise"]


def one_verifier(project: Path) -> list[str]:
    """The rules of one kind are edited: no verdict of another kind is stale."""
    name = "am_assets.stages.verification.instruction.ifeval"
    with _code(edited({name: mutated(own_sources().texts[name])})):
        found = _stale(project)
    return [f"broken: {found}" if found else "held: verdicts of math follow from no other rules"]


def other_libraries(project: Path) -> list[str]:
    """Another version of a library or tool: those it decides are stale, and say of what."""
    lines: list[str] = []
    for library, expected in _VERSIONS.items():
        with _version(library, "0.0.1"):
            found = _stale(project)
        named = {name for name, why in found.items() if f"{library} " in why}
        if found.keys() == named == expected:
            lines.append(f"named: {found.popitem()[1]}" if found else f"held: {library}")
        else:
            lines.append(f"broken: of {library} are stale: {found}")
    return lines


ATTACKS: dict[str, Attack] = {
    "modules that are edited": edited_modules,
    "modules laid out otherwise": unchanged_behaviour,
    "the rules of another kind edited": one_verifier,
    "other versions of libraries": other_libraries,
}
"""Every attack by what it does; each takes the folder of a finished tiny project."""


def _stale(project: Path) -> dict[str, str]:
    """Why assets of the project are not fresh."""
    with at_home(project):
        opened = Project.open(str(project / "tiny.yaml"))
        weeks = week_keys(opened.profile)
        rows = status(opened, steps(opened, weeks, weeks))
    return {row["asset"]: row["why"] for row in rows if row["state"] != "fresh"}


@contextmanager
def _code(graph: Graph) -> Iterator[None]:
    """The package is what `graph` says."""
    _forget()
    try:
        with (
            tempfile.TemporaryDirectory() as scratch,
            mock.patch.object(versions, "graph", return_value=graph),
            mock.patch.object(
                versions,
                "kept_results",
                return_value=KeptResults(Path(scratch, "results.json"), "edited"),
            ),
        ):
            yield
    finally:
        _forget()


@contextmanager
def _version(library: str, version: str) -> Iterator[None]:
    """A library or tool has another version."""
    libraries.version_of.cache_clear()
    _forget()
    try:
        with mock.patch.dict(libraries.TOLD, {library: lambda: version}):
            yield
    finally:
        libraries.version_of.cache_clear()
        _forget()


def _forget() -> None:
    for known in (
        versions.reach_of_paths,
        versions.alone_of_paths,
        versions.libraries_of,
        remembered.rule_versions,
        remembered.asked_versions,
    ):
        known.cache_clear()
