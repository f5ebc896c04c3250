"""Chat templates that print today's date, made to print one that stays.

Some templates (Llama 3.2, Mistral Small, gpt-oss) ask the clock for the date that they put into the
system prompt. The same question would be another one every day, so the profile says which day it
is: `models.<role>.template_date`.
"""

from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path

CLOCK = "strftime_now"
"""What a template calls for the date; the only clock that it is given."""

TEMPLATE_DATE = date(2025, 1, 6)
"""The day that a profile means where it names none."""

_CODES = "aAbBcCdDeFfgGhHIjklmMnpPrRStTuUVwWxXyYzZ"
_UNPADDED = "dmHIMSjy"


def uses_clock(template: str) -> bool:
    """Whether a template may print the date of the day on which it is rendered."""
    return CLOCK in template


def pinned(template: str, day: date) -> str:
    """`template` on the day `day`, whatever day it is: for the same turns the same text for ever.

    A template without a clock is given back as it is.
    """
    return _clock(day) + template if uses_clock(template) else template


def folder_uses_clock(folder: Path) -> bool:
    """Whether any chat template in a model folder names the clock."""
    return any(
        CLOCK.encode() in path.read_bytes()
        for pattern in ("chat_template*", "additional_chat_templates/*", "tokenizer_config.json")
        for path in folder.glob(pattern)
        if path.is_file()
    )


@lru_cache
def _clock(day: date) -> str:
    """A macro that stands in for the clock: it replaces every code of strftime by its value."""
    moment = datetime.combine(day, time())
    codes = [f"%-{code}" for code in _UNPADDED] + [f"%{code}" for code in _CODES]
    values = {code: moment.strftime(code) for code in codes}
    replaced = "".join(f' | replace("{code}", {value!r})' for code, value in values.items())
    # A newline after the last tag, so that the template begins on a line of its own: Jinja takes
    # that newline away, and the white space before a tag only where a line begins with it.
    return f"{{%- macro {CLOCK}(format) -%}}{{{{ format{replaced} }}}}{{%- endmacro %}}\n"
