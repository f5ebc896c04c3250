"""The program in an answer: which language a test case asks for, and which block is written in it.

A language that is added here needs a way to run in the sandbox (`engines.sandbox.sandbox`).
"""

import re
from collections.abc import Iterator
from typing import Any

from am_assets.core.runner import Language

_FENCE = re.compile(r"[ \t]*(?P<marks>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)")
_NAMES: dict[str, Language] = {"python": "python", "cpp": "cpp", "c++": "cpp"}
_FENCES: dict[Language, re.Pattern[str]] = {
    "python": re.compile(r"python\d?|py\d?"),
    "cpp": re.compile(r"cpp|c\+\+|(?:cpp|c\+\+|gnu\+\+)\d\w|cxx|cc|hpp"),
}


class LanguageUnsupported(ValueError):
    """A language the sandbox does not run."""


def language_of(test_case: dict[str, Any]) -> Language:
    """The language a test case names, Python where it names none; raises LanguageUnsupported."""
    named = test_case.get("language") or "python"
    language = _NAMES.get(named.lower()) if isinstance(named, str) else None
    if language is None:
        raise LanguageUnsupported(f"the sandbox runs Python and C++, not {named!r}"[:80])
    return language


def extract_code(answer: str, language: Language = "python") -> str:
    """An answer's last block in `language`, else its last unmarked or other one, else all of it."""
    blocks = list(_fenced(answer))
    if not blocks:
        return answer
    chosen = [code for marked, code in blocks if _FENCES[language].fullmatch(marked)]
    chosen = chosen or [code for marked, code in blocks if not marked]
    return (chosen or [code for _, code in blocks])[-1]


def _fenced(text: str) -> Iterator[tuple[str, str]]:
    """(language, code) of each fenced block that closes."""
    marks, language, lines = "", "", list[str]()
    for line in text.splitlines(keepends=True):
        if marks:
            if line.strip() == marks:
                yield language, "".join(lines)
                marks = ""
            else:
                lines.append(line)
        elif fence := _FENCE.match(line):
            marks, language, lines = fence["marks"], fence["language"].lower(), []
