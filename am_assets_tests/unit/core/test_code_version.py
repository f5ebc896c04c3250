"""Code versions follow from code, not from comments, and reach imported modules."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from am_assets.core import code_version as module
from am_assets.core.code_version import code_version
from am_assets.core.stage import Stage
from am_assets.definitions import STAGES

_PACKAGE = "am_assets_version_probe"
_FILES = {
    "__init__.py": "",
    "helper.py": "LIMIT = 3\n",
    "work.py": f"from {_PACKAGE}.helper import LIMIT\n\n\ndef run(x):\n    return x + LIMIT\n",
    "entry.py": f"import {_PACKAGE}.other\nNAME = 'a'\n\n\ndef build(run):\n    return run + 1\n",
    "other.py": "OTHER = 1\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / _PACKAGE
    folder.mkdir()
    for name, text in _FILES.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(module, "_PACKAGE", _PACKAGE)
    yield folder
    for name in [name for name in sys.modules if name.startswith(_PACKAGE)]:
        del sys.modules[name]
    _forget()


def _forget() -> None:
    importlib.invalidate_caches()
    for cached in (module._functions, module._module, module._is_module):
        cached.cache_clear()


def _version(entry: bool = False) -> str:
    _forget()
    return code_version((f"{_PACKAGE}.work",), f"{_PACKAGE}.entry" if entry else None)


@pytest.mark.parametrize(
    "text",
    [
        _FILES["work.py"].replace("def run(x):", "def run(x):  # adds the limit"),
        _FILES["work.py"].replace("    return", '    """Adds the limit."""\n    return'),
        '"""What this module does."""\n' + _FILES["work.py"],
        _FILES["work.py"].replace("x + LIMIT", "(\n        x + LIMIT\n    )"),
        _FILES["work.py"].replace("\n\n\ndef", '\n"""What LIMIT means."""\n\n\ndef'),
    ],
    ids=["comment", "docstring", "module docstring", "format", "documented constant"],
)
def test_words_and_format_are_no_new_version(package: Path, text: str) -> None:
    before = _version()
    assert text != _FILES["work.py"]
    (package / "work.py").write_text(text)
    assert _version() == before


def test_code_is_a_new_version(package: Path) -> None:
    before = _version()
    (package / "work.py").write_text(_FILES["work.py"].replace("x + LIMIT", "x - LIMIT"))
    assert _version() != before


def test_imported_modules_count(package: Path) -> None:
    before = _version()
    (package / "helper.py").write_text("LIMIT = 4\n")
    assert _version() != before


def test_of_the_entry_only_functions_count(package: Path) -> None:
    before = _version(entry=True)
    (package / "entry.py").write_text(_FILES["entry.py"].replace("'a'", "'b'"))
    (package / "other.py").write_text("OTHER = 2\n")
    assert _version(entry=True) == before
    (package / "entry.py").write_text(_FILES["entry.py"].replace("run + 1", "run + 2"))
    assert _version(entry=True) != before


def test_a_module_without_source_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        code_version(("am_assets.no_such_module",))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_stage_has_a_version(stage: Stage) -> None:
    assert len(stage.code_version) == 12
