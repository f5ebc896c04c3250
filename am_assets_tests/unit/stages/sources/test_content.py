"""A content hash holds on to what a prompt says, however it is set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.sources.content import content_form, content_hash

SAME = [
    ("Take 3, then 4. What now?", "take 3; then 4.  WHAT now"),
    ("f(3,125), and 1,000", "f(3;125) – and 1;000"),
    ("x² + y₁₂", "x^2+y_12"),
    ("10^{23} $+$ 1", "10²³ + 1"),
    ("a **bold** word", "a bold word"),
    ("- one\n- two", "* one\n* two"),
    ("well-known 10-year bond", "well known 10 year bond"),
    ("3 − 4", "3-4"),
    ("6 × 7 ÷ 2", "6*7/2"),
    ("Ｆｕｌｌ width １２", "full width 12"),
    ("“quoted” text…", '"quoted" text...'),
    ("soft\u00adhyphen", "softhyphen"),
    ("两数之和，是多少？", "两数之和 是多少"),
]
APART = [
    ("10²", "102"),
    ("2⁵", "25"),
    ("x₁₂", "x12"),
    ("3+4", "34"),
    ("3+4", "3-4"),
    ("3*4", "3/4"),
    ("2**3", "2*3"),
    ("-3 + 5", "3 + 5"),
    ("a<b", "a>b"),
    ("a=b", "ab"),
    ("1.5", "15"),
    ("x - y", "x y"),
    ("f(x)*g", "f(x)g"),
    ("5!", "5"),
    ("5%", "5"),
    ("∑ x", "∏ x"),
    ("my_name", "my name"),
    ("हिन्दी", "हन्द"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_setting_does_not_matter(one: str, other: str) -> None:
    assert content_form(one) == content_form(other)
    assert content_hash(one, b"k") == content_hash(other, b"k")


@pytest.mark.parametrize(("one", "other"), APART)
def test_other_problems_stay_apart(one: str, other: str) -> None:
    assert content_form(one) != content_form(other)


def test_the_hash_is_keyed_and_fixed() -> None:
    assert content_hash("What is 2 + 2?", b"") == "82d56561fbea094b48eab558162f27e3"
    assert content_hash("What is 2 + 2?", b"a key") == "c735d3336d0139a24381359edda78818"


@pytest.mark.parametrize("nothing", ["", " \n", "?!…", "\u200b"])
def test_what_says_nothing_has_no_hash(nothing: str) -> None:
    assert content_hash(nothing, b"") is None


@given(st.text())
def test_any_text_has_a_form_without_needless_space(text: str) -> None:
    form = content_form(text)
    assert form == " ".join(form.split())


@given(st.lists(st.sampled_from(["two", "pears", "12", "+", "x", "数"]), min_size=1), st.data())
def test_commas_and_semicolons_are_the_same(parts: list[str], data: st.DataObject) -> None:
    between = st.sampled_from([", ", "; ", ": ", ". ", "  ", "\n"])
    one, other = ("".join(part + data.draw(between) for part in parts).strip() for _ in range(2))
    assert content_form(one) == content_form(other)
