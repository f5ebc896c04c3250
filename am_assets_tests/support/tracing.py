"""Which functions of the package run while something is done, in any thread of this process."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

_PACKAGE = "am_assets."


@contextmanager
def functions_run() -> Iterator[set[str]]:
    """Fills a set with dotted names, e.g. "am_assets.core.run.Inputs.read".

    What runs while a module is imported is left out: it makes the module's own values.
    """
    seen: set[CodeType] = set()
    found: set[str] = set()
    importing = threading.local()

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        del argument
        if event not in ("call", "return"):
            return
        code = frame.f_code
        if code.co_name == "<module>":
            step = 1 if event == "call" else -1
            importing.depth = getattr(importing, "depth", 0) + step
        elif event == "call" and code not in seen and not getattr(importing, "depth", 0):
            module = frame.f_globals.get("__name__", "")
            seen.add(code)
            if module.startswith(_PACKAGE) and code.co_filename.endswith(".py"):
                found.add(f"{module}.{code.co_qualname.partition('.<locals>')[0]}")

    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
