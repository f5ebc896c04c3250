import pytest

from am_assets.stages.answers.numerals import leading_number, number_in_words


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("three", 3),
        ("Twenty-one", 21),
        ("two hundred and five", 205),
        ("三", 3),
        ("二十一", 21),
        ("一百零五", 105),
        ("三万二千", 32000),
        ("five six", None),
        ("cats", None),
        ("", None),
    ],
)
def test_numbers_in_words(text, number):
    assert number_in_words(text) == number


def test_a_phrase_may_begin_with_one_number():
    assert leading_number("three boxes") == 3
    assert leading_number("three or four") is None
