"""What the documents for contributors name is there: files, names in the code, every asset."""

import re
from functools import cache
from pathlib import Path

import pytest

from am_assets.defs.project import ARTIFACTS
from am_assets_tests.conftest import REPOSITORY

DOCUMENTS = ("CONTRIBUTING.md", "docs/architecture.md")
BASES = (
    *(
        ".",
        "am_assets",
        "am_assets/stages",
        "am_assets/core/settings",
        "am_assets/profiles",
        "docs",
    ),
    *("am_assets_tests", "am_assets_tests/unit", "am_assets_tests/unit/stages"),
)
"""Folders that paths are written from, beside those of paths before them in the document."""
INVENTED = {
    *("SqlConfig", "check_sql", "existing_responses"),
    *("stages/verification/sql/", "unit/stages/verification/sql/"),
    *("stages/verification/kinds/sql.py", "stages/sources/s3.py", "stages/training/methods/dpo.py"),
    *("SQL", "explore/", "explore/__init__.py", "unit/explore/__init__.py", "INVENTED"),
}
"""What an example would be called."""


def _quoted(document: str) -> list[str]:
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [one for one in re.findall(r"`([^`\n]+)`", text) if one not in INVENTED]


@cache
def _words() -> set[str]:
    files = [
        *(REPOSITORY / "am_assets").rglob("*.py"),
        *(REPOSITORY / "am_assets").rglob("*.yaml"),
        *(REPOSITORY / "am_assets_tests").rglob("*.py"),
        *(REPOSITORY / name for name in ("pyproject.toml", "Makefile", ".pre-commit-config.yaml")),
    ]
    here = Path(__file__)
    texts = (file.read_text(encoding="utf-8") for file in files if file != here)
    return set(re.findall(r"\w+", " ".join(texts)))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    known = {REPOSITORY / base for base in BASES}
    for name in _quoted(document):
        if not re.fullmatch(r"\.?[\w*-]+(/[\w*.-]+)*(\.(py|md|yaml|toml|in)|/)", name):
            continue
        found = [path for base in known for path in base.glob(name)]
        assert found, f"{document} names {name}, which is nowhere"
        known |= {path.parent for path in found}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_name_of_the_code_that_a_document_uses_is_in_the_code(document: str) -> None:
    for name in _quoted(document):
        if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name) and re.search(r"[A-Z_]", name):
            assert name.rpartition(".")[2] in _words(), f"{document} names {name}: renamed?"


def test_the_table_of_assets_has_every_asset_in_pipeline_order() -> None:
    text = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (?:benchmark|source|week|recipe)", text, re.MULTILINE)
    assert rows == [one.name for one in ARTIFACTS]
