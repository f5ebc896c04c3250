import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from am_assets.stages.text import (
    character_ngrams,
    match_key,
    tokens,
    visible_length,
    word_ngrams,
)


def test_case_spacing_and_prose_punctuation_do_not_tell_texts_apart():
    assert match_key('Find  the "sum" of $1{,}000$ and 5.') == match_key(
        "find the sum of 1000 and 5"
    )


def test_latex_spacing_does_not_tell_texts_apart():
    assert match_key(r"$x\,+\;y \quad = \left( 3 \right)$") == match_key("x+y=(3)")


def test_a_thousands_separator_does_not_tell_numbers_apart():
    assert match_key("12,345,678 eggs") == match_key("12345678 eggs")


def test_operators_tell_problems_apart():
    assert len({match_key(f"What is 12 {sign} 3?") for sign in "+-*/^<>="}) == 8


def test_a_decimal_point_tells_numbers_apart():
    assert match_key("1.5") != match_key("15")


def test_a_superscript_is_an_exponent():
    assert match_key("x²") == match_key("x^2")
    assert match_key("x²") != match_key("x2")


def test_factorial_and_percent_are_kept_but_an_exclamation_is_not():
    assert match_key("5! and 5%") != match_key("5 and 5")
    assert match_key("Compute it!") == match_key("compute it")


def test_a_hyphen_between_words_is_no_operator():
    assert match_key("a 9-kilometer well-known walk") == match_key("a 9 kilometer well known walk")


def test_chinese_characters_are_tokens_of_their_own():
    assert tokens("小明有12个苹果") == ["小", "明", "有", "12", "个", "苹", "果"]


def test_word_ngrams_attach_signs_to_the_word_they_precede():
    assert list(word_ngrams(tokens("a + b = c"), 3)) == ["a +b =c"]


def test_word_ngrams_do_not_reach_across_chinese_text():
    assert list(word_ngrams(tokens("one two 中 three four"), 3)) == []


def test_character_ngrams_are_mostly_chinese():
    assert list(character_ngrams(tokens("小明 has 12 apples"), 4)) == ["小 明 has 12"]
    assert list(character_ngrams(tokens("only english words here"), 2)) == []


def test_a_chinese_character_counts_twice():
    assert visible_length("解释 ab") == 6


# A factorial or percent sign counts only where it touches a number, which folding sets apart.
@example("0-{AA")
@given(st.text().filter(lambda text: not set("!%") & set(unicodedata.normalize("NFKC", text))))
def test_folding_twice_changes_nothing(text: str):
    assert match_key(match_key(text)) == match_key(text)


@given(st.lists(st.sampled_from(["cat", "12", "dog", "x"]), max_size=30), st.integers(2, 5))
def test_a_quoted_part_shares_its_word_ngrams_with_the_whole(words: list[str], size: int):
    assert set(word_ngrams(words[3:-3], size)) <= set(word_ngrams(words, size))


def test_a_list_of_numbers_is_no_word_ngram() -> None:
    assert not list(word_ngrams(tokens("call it with [1, 2, 3, 4, 5, 6, 7, 8]"), 8))
    assert list(word_ngrams(tokens("of 3 and 4 and 5 there are"), 8))
