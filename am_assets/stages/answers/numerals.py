"""Numbers written in words, English and Chinese."""

import re

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_VALUES = {word: value for value, word in enumerate(_SMALL)} | {
    word: 10 * value for value, word in enumerate(_TENS) if value >= 2
}
_CHINESE = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6,
            "七": 7, "八": 8, "九": 9}  # fmt: skip
_CHINESE_SCALES = {"十": 10, "百": 100, "千": 1000}


def number_in_words(text: str) -> int | None:
    """The number that a text is, in words: "twenty-one", "二十一"; None when it is none."""
    text = text.strip().casefold()
    if len(text) > 100:
        return None
    if re.fullmatch(r"[零〇一二两三四五六七八九十百千万]+", text):
        return _chinese(text)
    words = [word for word in re.split(r"[\s-]+", text) if word != "and"]
    total = current = 0
    for word in words:
        if word in _VALUES:
            value = _VALUES[word]
            # "five six" is no number.
            if current % 100 and not (current % 100 >= 20 and current % 10 == 0 and value < 10):
                return None
            current += value
        elif word == "hundred" and 0 < current < 100:
            current *= 100
        elif word in _SCALES and 0 < current < 1000:
            total += current * _SCALES[word]
            current = 0
        else:
            return None
    return total + current if words else None


def leading_number(text: str) -> int | None:
    """The number that a phrase begins with: "three boxes"; None when other numbers follow."""
    words = text.split()
    for count in range(min(len(words), 8), 0, -1):
        number = number_in_words(" ".join(words[:count]))
        if number is not None:
            rest = words[count:]
            if any(number_in_words(word) is not None for word in rest):
                return None
            return None if {"or", "and", "to", "not"} & set(rest) else number
    return None


def _chinese(text: str) -> int | None:
    high, mark, low = text.rpartition("万")
    if mark and not high:
        return None
    above = _chinese(high) if high else 0
    if above is None:
        return None
    total = digit = 0
    last = 10_000
    for character in low:
        if character in _CHINESE:
            if digit:
                return None
            digit = _CHINESE[character]
        else:
            scale = _CHINESE_SCALES.get(character)
            if scale is None or scale >= last:
                return None
            total += (digit or 1) * scale
            digit, last = 0, scale
    return above * 10_000 + total + digit
