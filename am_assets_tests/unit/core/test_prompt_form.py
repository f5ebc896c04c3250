"""Different problems stay apart, the same problem written otherwise does not, by kind."""

import itertools
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from am_assets.core.prompt_form import prompt_form

DIFFERENT = {
    "superscript": [
        ("Compute 10² + 1.", "Compute 102 + 1."),
        ("What is 2⁵?", "What is 25?"),
        ("Simplify x³y.", "Simplify x3y."),
        ("Solve 2ˣ = 8.", "Solve 2x = 8."),
        ("A room of 10 m²", "A room of 10 m2"),
        ("Find e⁻¹.", "Find e-1."),
        ("Evaluate 3⁽²⁾.", "Evaluate 3(2)."),
    ],
    "subscript": [
        ("Find x₁₂ if x₁ = 2.", "Find x12 if x1 = 2."),
        ("Convert 101₂ to base ten.", "Convert 1012 to base ten."),
        ("What is log₂8?", "What is log28?"),
        ("Name the salt of H₂O and CO₂.", "Name the salt of H2O and CO2."),
    ],
    "fraction": [
        ("What is 3½ plus one?", "What is 31⁄2 plus one?"),
        ("What is 1½ times two?", "What is 11/2 times two?"),
        ("Add ¼ to 2.", "Add 1/4 to 2."),
    ],
    "styled letter": [
        ("Is ℝ countable?", "Is R countable?"),
        ("Is ℤ a field?", "Is Z a field?"),
        ("Let 𝑥 and x be two numbers.", "Let x and x be two numbers."),
        ("Let 𝐀 be larger than A.", "Let A be larger than A."),
        ("What is ℓ plus l?", "What is l plus l?"),
        ("Multiply ① by 2.", "Multiply 1 by 2."),
        ("Which is ⅳ?", "Which is iv?"),
    ],
    "case of a letter": [
        ("Order X<x.", "Order x<X."),
        ("If N = 3, what is n + N?", "If n = 3, what is n + N?"),
        ("What is V when v = 2?", "What is v when V = 2?"),
        ("How fast is it at 3 M a second?", "How fast is it at 3 m a second?"),
        ("Let A be a set.", "Let a be a set."),
    ],
    "label, unit or symbol": [
        ("How long is AB?", "How long is ab?"),
        ("Find the area of ABC.", "Find the area of abc."),
        ("Find the angle PQR.", "Find the angle pqr."),
        ("How many grams are 5 Mg?", "How many grams are 5 mg?"),
        ("Weigh the Co in it.", "Weigh the CO in it."),
        ("A file has 3 MB.", "A file has 3 Mb."),
        ("Find the branch of Log z.", "Find the branch of log z."),
    ],
    "formula": [
        (r"Simplify $\Delta x$.", r"Simplify $\delta x$."),
        (r"Simplify \Gamma(3).", r"Simplify \gamma(3)."),
        (r"Find \(Find + 1\).", r"Find \(find + 1\)."),
        ("Solve $$Ab = c$$ now.", "Solve $$ab = c$$ now."),
    ],
    "name in code": [
        ("Call getValue twice.", "Call getvalue twice."),
        ("Write Count(n).", "Write count(n)."),
        ("Write max_Count for lists.", "Write max_count for lists."),
        ("What is `True` here?", "What is `true` here?"),
        ("Read /Data first.", "Read /data first."),
        ("Use Foo.bar here.", "Use foo.bar here."),
        ('How many vowels has "Apple"?', 'How many vowels has "apple"?'),
        ("Reverse “Anna” now.", "Reverse “anna” now."),
    ],
    "code": [
        ("Fix\n```\nif a:\n  b\n  c\n```", "Fix\n```\nif a:\n  b\nc\n```"),
        ("Fix\n\nif a:\n    b()\n    c()", "Fix\n\nif a:\n    b()\nc()"),
        ("```\nprint('A b')\n```", "```\nprint('a b')\n```"),
        ("```\nprint('a  b')\n```", "```\nprint('a b')\n```"),
        ("Say `a  b`.", "Say `a b`."),
        ("Run\n```\nx = 1 # y\nz = 2\n```", "Run\n```\nx = 1 # y z = 2\n```"),
        ("Print it:\n```\nＡ\n```", "Print it:\n```\nA\n```"),
        ("for (;;) {\n  a();\n}", "for (;;) { a(); }"),
    ],
    "lines of data": [
        ("Find the determinant of\n1 2\n3 4", "Find the determinant of\n1 2 3 4"),
        ("Input:\n3\n4 5", "Input:\n3 4\n5"),
    ],
}
SAME = {
    "capital": [
        ("How many pears are left?", "how many pears are left?"),
        ("HOW MANY PEARS ARE LEFT IN BOX 3?", "How many pears are left in box 3?"),
        ("(Janet) sells eggs. If so, why?", "(janet) sells eggs. if so, why?"),
        ("Janet's well-known eggs", "janet's Well-known eggs"),
    ],
    "white space": [
        ("How  many\npears\tare left? ", " How many pears are left?"),
        ("One line.\r\n\r\nAnother one.", "One line. Another one."),
        ("How\u00a0many\u3000pears\u2009are left?", "How many pears are left?"),
        ("Fix it:\n```\na = 1  \n```\n", "Fix it:\n\n```\na = 1\n```"),
    ],
    "canonical form": [
        ("Cafe\u0301 or cafe\u0301?", "Café or café?"),
        ("A resistor of 3 \u2126", "A resistor of 3 \u03a9"),
        ("At 3 \u212a it melts.", "At 3 K it melts."),
        ("\u1112\u1161\u11ab\uae00 now", "한글 now"),
    ],
    "width": [
        ("What is ２＋２？", "What is 2+2?"),
        ("Ｌｅｔ ｘ be 3.", "Let x be 3."),
        ("（ｱｲｳ）ｶﾞ", "(アイウ)ガ"),
    ],
    "ligature": [("The ﬁrst ﬂower", "The first flower"), ("An oﬃce", "An office")],
}


def _pairs(kinds: dict[str, list[tuple[str, str]]]) -> list[tuple[str, str]]:
    return list(itertools.chain.from_iterable(kinds.values()))


@pytest.mark.parametrize(("one", "other"), _pairs(DIFFERENT))
def test_different_problems_stay_apart(one: str, other: str) -> None:
    assert prompt_form(one) != prompt_form(other)


@pytest.mark.parametrize(("one", "other"), _pairs(SAME))
def test_the_same_problem_written_otherwise_is_the_same(one: str, other: str) -> None:
    assert prompt_form(one) == prompt_form(other)


_BITS = st.sampled_from(
    [
        *("```", "~~~", "`", "$", '"', "\\(", "\\)", "\n", "\n\n", "  ", "    ", "\t", "{", ":"),
        *("A", "a", "IF", "Box", "boxes", "AB", "10²", "Ａ", "\u3000", "ﬁ", "\u0301", "1 2", "İ"),
        *("ǅ", ".", "("),
    ]
)


@given(st.one_of(st.text(), st.lists(_BITS, max_size=25).map("".join)))
@example("IF `x` IS\n\u3000```\nA")
def test_folding_twice_is_folding_once(text: str) -> None:
    folded = prompt_form(text)
    assert prompt_form(folded) == folded


@given(st.text())
def test_canonically_equal_texts_are_one(text: str) -> None:
    assert prompt_form(unicodedata.normalize("NFD", text)) == prompt_form(text)


@given(st.text(st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"])))
def test_digits_and_letters_are_never_lost(text: str) -> None:
    # What is left of case is the same: nothing is dropped or merged with a neighbor.
    folded = unicodedata.normalize("NFKC", prompt_form(text)).casefold()
    assert folded.split() == unicodedata.normalize("NFKC", text).casefold().split()
