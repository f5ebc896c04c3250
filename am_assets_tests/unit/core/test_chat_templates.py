"""Templates that print today's date, real ones among them, print the day they are given."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import trl
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.utils.chat_template_utils import render_jinja_template

from am_assets.core.chat_templates import folder_uses_clock, pinned, uses_clock

SHIPPED = Path(trl.__file__).parent / "chat_templates"
DAY = date(2024, 2, 29)
# In the manner of Mistral Small: the date stands in a default system prompt.
MISTRAL = """\
{%- set today = strftime_now("%Y-%m-%d") %}
{%- set default_system_message = "You are helpful. The current date is " + today + "." %}
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}{% else %}\
{{ default_system_message }}{% endif %}
{%- for message in messages %}{% if message['role'] == 'user' %}
[INST]{{ message['content'] }}[/INST]
{% endif %}{% endfor %}"""
# Llama 3.1's own: a date that the caller may give, and else a fixed one.
LLAMA_3_1 = """\
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
Today Date: {{ date_string }}
{{ messages[0]['content'] }}"""
# In the manner of gpt-oss: the clock is asked inside a macro.
IN_A_MACRO = """\
  {% macro head() %}
{% if strftime_now is defined %}Date: {{ strftime_now(format="%d %B %Y") }}{% endif %}
  {% endmacro %}
{{ head() }}{{ messages[0]['content'] }}"""
CLOCKS = {
    name: (SHIPPED / name).read_text()
    for name in ("llama3_2.jinja", "gptoss.jinja")
    if (SHIPPED / name).is_file()
} | {"mistral": MISTRAL, "in a macro": IN_A_MACRO}
TURNS = [{"role": "user", "content": "How many?"}]


def render(template: str, **given: Any) -> str:
    texts, _ = render_jinja_template(
        [TURNS], chat_template=template, add_generation_prompt=True, bos_token="", **given
    )
    return texts[0]


@pytest.mark.parametrize("name", CLOCKS)
def test_a_pinned_template_says_what_it_would_on_that_day(name: str):
    template = CLOCKS[name]
    asked = [code for code in ("2024", "29") if code in render(pinned(template, DAY))]
    assert asked == ["2024", "29"]
    assert render(pinned(template, DAY)) == render(
        template, strftime_now=lambda format: datetime(2024, 2, 29).strftime(format)
    )


@pytest.mark.parametrize("name", CLOCKS)
def test_it_says_the_same_on_any_day(name: str):
    before = render(pinned(CLOCKS[name], DAY))
    later = render(pinned(CLOCKS[name], DAY), strftime_now=lambda format: "tomorrow")
    assert before == later
    assert render(pinned(CLOCKS[name], date(2025, 1, 6))) != before


def test_a_template_without_a_clock_is_left_as_it_is():
    assert not uses_clock(LLAMA_3_1)
    assert pinned(LLAMA_3_1, DAY) == LLAMA_3_1


@settings(max_examples=15)
@given(
    st.dates(date(1970, 1, 1), date(2199, 12, 31)),
    st.permutations("aAbBcCdDeFgGhHIjmMpRSTuUVwWxXyY"),
)
def test_every_code_of_strftime_is_that_days(day: date, codes: list[str]):
    wanted = " ".join(f"%{code}" for code in codes)
    template = '{{ strftime_now("' + wanted + '") }}'
    moment = datetime(day.year, day.month, day.day)
    assert render(pinned(template, day)) == moment.strftime(wanted)


def test_a_clock_is_found_wherever_a_folder_keeps_its_templates(tmp_path: Path):
    names = ("chat_template.jinja", "additional_chat_templates/a.jinja", "tokenizer_config.json")
    for name in names:
        path = tmp_path / name.replace("/", "_") / name
        path.parent.mkdir(parents=True)
        path.write_text("plain")
        assert not folder_uses_clock(tmp_path / name.replace("/", "_"))
        path.write_text(MISTRAL)
        assert folder_uses_clock(tmp_path / name.replace("/", "_"))
