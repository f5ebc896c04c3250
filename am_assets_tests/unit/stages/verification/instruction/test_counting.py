"""Words, sentences and marks are counted as people count them, in English and in Chinese."""

import pytest

from am_assets.stages.verification.instruction.counting import (
    bullets,
    capital_words,
    first_word,
    highlights,
    paragraphs,
    sentences,
    words,
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith came. He left.", 2),
        ("Is it? Yes! Good", 3),
        ("It costs 3.5 dollars.", 1),
        ("e.g. this one.", 1),
        ("We met at 5 p.m. He left.", 2),
        ("We met at 5 p.m. on Monday.", 1),
        ("J. K. Rowling wrote it.", 1),
        ("So do I. He does too.", 2),
        ("Wait... what?", 1),
        ("Wait... What?", 2),
        ("“Why?” she asked.", 1),
        ("“Why?” She asked.", 2),
        ("**Done.** Next (and last).", 2),
        ("", 0),
        ("...", 0),
    ],
)
def test_sentences_end_with_their_marks(text, count):
    assert sentences(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("# A heading\n\nThe only sentence.", 1),
        ("- item one\n- item two", 1),
        ("1. First. Then more.\n2. Second.", 3),
        ("a. First.\nb. Second.", 2),
    ],
)
def test_headings_and_numbers_of_items_are_no_sentences(text, count):
    assert sentences(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("他来了。他走了！为什么？", 3),
        ("他来了；他走了，没有回来。", 1),
        ("他说：“好的。”然后走了。", 2),
        ("等等……他没有回来。", 1),
        ("我用 Python 3.11 写代码。It works. 很好！", 3),
        ("没有句号", 1),
    ],
)
def test_chinese_sentences_end_with_full_width_marks(text, count):
    assert sentences(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("two words", 2),
        ("don't", 2),
        ("snake_case and 3.5", 4),
        ("我喜欢 Python 编程", 6),
        ("我喜欢Python编程", 6),
        ("你好，世界！", 4),
        ("これはテストです", 8),
        ("हिन्दी भाषा", 2),
        ("naïve cafe\u0301", 2),
        ("이것은 책이다", 2),
        ("", 0),
    ],
)
def test_words_are_runs_of_letters_and_chinese_characters(text, count):
    assert words(text) == (count, count)


def test_words_of_a_script_without_spaces_are_a_range():
    assert words("นี่คือหนังสือ") == (1, 13)


@pytest.mark.parametrize(
    ("text", "count"),
    [("The U.S. and COVID-19", 2), ("I am LOUD", 2), ("3D and 42", 1), ("全部大写", 0)],
)
def test_capital_words_are_counted_whole(text, count):
    assert capital_words(text) == count


def test_paragraphs_lie_between_blank_lines():
    assert paragraphs("\n\na\nb\n \n\nc\n") == ["a\nb", "c"]


@pytest.mark.parametrize(
    ("paragraph", "word"),
    [("'Then', two", "then"), ("**Bold** one", "bold"), ("“Why?” he", "why"), ("Well:yes", "well")],
)
def test_the_first_word_has_no_marks(paragraph, word):
    assert first_word(paragraph) == word


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("* a\n- b\n  - c", 3),
        ("---\n* * *\n***\n- a", 1),
        ("*emphasis* first\n**strong** too", 0),
        ("-tight\n*tight", 2),
        ("a - b\n5 * 3", 0),
    ],
)
def test_bullets_are_lines_that_start_with_one(text, count):
    assert bullets(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("*a* and **b** and ***c***", 3),
        ("* item\n* item **one**", 1),
        ("** ** and **", 0),
        ("*not\nclosed*", 0),
    ],
)
def test_highlights_are_counted_once_each(text, count):
    assert highlights(text) == count
